//! Which part of a list is asked for.

/// The number of entries of an answer of the API, unless another one is asked for.
const DEFAULT_LIMIT: usize = 100;

/// The largest number that can be asked for.
const MAX_LIMIT: usize = 1000;

/// What is said to whoever asks the API for the page of a page.
pub(crate) const NO_PAGES: &str = "`page` is of the pages for people: write `after`, and `limit`";

/// Reads the number of a page, from 1; empty for the first.
///
/// # Errors
///
/// What is wrong, and what to write.
pub(crate) fn page(text: &str) -> Result<usize, String> {
    if text.is_empty() {
        return Ok(1);
    }
    let page = text.parse().ok().filter(|page| *page > 0);
    page.ok_or_else(|| "`page` must be a number from 1".to_owned())
}

/// Reads the number of entries that are asked for; empty for the usual one.
///
/// # Errors
///
/// What is wrong, and what to write.
pub(crate) fn limit(text: &str) -> Result<usize, String> {
    if text.is_empty() {
        return Ok(DEFAULT_LIMIT);
    }
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| format!("`limit` must be a number from 1 to {MAX_LIMIT}"))
}
