//! Which part of a list is asked for.

/// The number of entries of an answer of the API, unless another one is asked for.
const DEFAULT_LIMIT: usize = 100;

/// The largest number that can be asked for.
const MAX_LIMIT: usize = 1000;

/// Reads the number of a page, from 1; empty for the first. `of_api` are parameters that only the API has.
///
/// # Errors
///
/// What is wrong, and what to write.
pub(crate) fn page(text: &str, of_api: [&str; 2]) -> Result<usize, String> {
    if of_api.iter().any(|text| !text.is_empty()) {
        return Err("`limit` and `after` are parameters of the API: write `page`".to_owned());
    }
    if text.is_empty() {
        return Ok(1);
    }
    let page = text.parse().ok().filter(|page| *page > 0);
    page.ok_or_else(|| "`page` must be a number from 1".to_owned())
}

/// Reads the number of entries that are asked for; empty for the usual one. `page` is a parameter that only pages have.
///
/// # Errors
///
/// What is wrong, and what to write.
pub(crate) fn limit(text: &str, page: &str) -> Result<usize, String> {
    if !page.is_empty() {
        return Err("`page` is a parameter of the pages for people: write `after`, and `limit`".to_owned());
    }
    if text.is_empty() {
        return Ok(DEFAULT_LIMIT);
    }
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| format!("`limit` must be a number from 1 to {MAX_LIMIT}"))
}
