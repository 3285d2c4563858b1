//! The state API: what a ruler has loaded, and how it fares. Which requests that takes is decided here, without I/O.

use percent_encoding::utf8_percent_encode;

use crate::flavour::StateFilter;
use crate::url::UNRESERVED_KEPT;

/// The longest query. Servers and proxies take 8 KiB of URL.
const QUERY_BYTES: usize = 4096;

/// The most namespaces that are asked for by name. Beyond that, everything is read: a list of thousands of names is
/// itself as large as the answer.
const BY_NAME: usize = 256;

/// The most namespaces that are asked for one by one.
const ONE_BY_ONE: usize = 4;

/// The groups of a page.
const PAGE: usize = 500;

/// The queries that together tell about the namespaces; each may be followed by pages.
pub(crate) fn queries(filter: StateFilter, namespaces: &[&str]) -> Vec<String> {
    let all = "exclude_alerts=true".to_owned();
    let file = |name: &str| utf8_percent_encode(name, UNRESERVED_KEPT).to_string();
    match filter {
        StateFilter::OneFile if namespaces.len() <= ONE_BY_ONE => {
            namespaces.iter().map(|name| format!("{all}&file={}", file(name))).collect()
        }
        StateFilter::OneFile => vec![all],
        StateFilter::Files if namespaces.len() > BY_NAME => vec![format!("{all}&group_limit={PAGE}")],
        StateFilter::Files => {
            let mut queries: Vec<String> = Vec::new();
            for name in namespaces {
                let more = format!("&file[]={}", file(name));
                match queries.last_mut().filter(|query| query.len() + more.len() <= QUERY_BYTES) {
                    Some(query) => query.push_str(&more),
                    None => queries.push(format!("{all}&group_limit={PAGE}{more}")),
                }
            }
            queries
        }
    }
}

/// The query of the next page.
pub(crate) fn next_page(query: &str, token: &str) -> String {
    format!("{query}&group_next_token={}", utf8_percent_encode(token, UNRESERVED_KEPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_asked_for_by_name_and_many_by_pages() {
        let names: Vec<String> = (0..300).map(|n| format!("us.ns/{n:0>40}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let some = queries(StateFilter::Files, &names[..200]);
        assert!(some.len() < 6 && some.iter().all(|query| query.len() <= QUERY_BYTES), "{}", some.len());
        assert_eq!(some.iter().map(|query| query.matches("&file[]=us.ns%2F").count()).sum::<usize>(), 200);
        assert_eq!(queries(StateFilter::Files, &names), ["exclude_alerts=true&group_limit=500"]);
        assert_eq!(queries(StateFilter::OneFile, &["a b"]), ["exclude_alerts=true&file=a%20b"]);
        assert_eq!(queries(StateFilter::OneFile, &names), ["exclude_alerts=true"]);
        assert_eq!(queries(StateFilter::Files, &[]), Vec::<String>::new());
        assert_eq!(next_page("a=b", "x/y="), "a=b&group_next_token=x%2Fy%3D");
    }
}
