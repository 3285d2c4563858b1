//! Queries of the state API, chosen so that responses are small and requests are few. Pure.

use percent_encoding::utf8_percent_encode;

use crate::connection::UNRESERVED_KEPT;

/// The parameters of all queries. Alerts are not needed, and pages bound the memory that a server needs for a response.
/// Servers ignore unknown parameters.
const ALWAYS: &str = "exclude_alerts=true&group_limit=1000";

/// The maximum length of a query: some gateways accept request lines of up to 8 KiB only.
const MAX_QUERY_BYTES: usize = 4096;

/// The maximum number of filtered queries. For each request, filtered or not, a server queries all its rulers, and each
/// of them iterates over all its groups of the tenant. More requests cost more than the foreign groups in one
/// unfiltered response.
const MAX_FILTERED: usize = 8;

/// One query.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    /// The query string, escaped.
    pub(crate) text: String,
    /// The requested namespaces. The response may contain others.
    pub(crate) namespaces: &'a [&'a str],
}

/// Returns the queries for these namespaces: up to [`MAX_FILTERED`] filtered ones, else one for everything. With names
/// of 40 bytes, up to some 600 namespaces are filtered.
pub(crate) fn queries<'a>(filter: &str, namespaces: &'a [&'a str]) -> Vec<Query<'a>> {
    let key = format!("&{}=", utf8_percent_encode(filter, UNRESERVED_KEPT));
    let mut queries = Vec::new();
    let mut rest = namespaces;
    while !rest.is_empty() {
        if queries.len() == MAX_FILTERED {
            return vec![Query { text: ALWAYS.to_owned(), namespaces }];
        }
        let (mut text, mut taken) = (ALWAYS.to_owned(), 0);
        for namespace in rest {
            let wanted = format!("{key}{}", utf8_percent_encode(namespace, UNRESERVED_KEPT));
            if taken > 0 && text.len() + wanted.len() > MAX_QUERY_BYTES {
                break;
            }
            text.push_str(&wanted);
            taken += 1;
        }
        let (these, others) = rest.split_at(taken);
        queries.push(Query { text, namespaces: these });
        rest = others;
    }
    queries
}

/// Returns the query for the page after a token.
pub(crate) fn page(query: &str, after: Option<&str>) -> String {
    match after {
        None => query.to_owned(),
        Some(token) => format!("{query}&group_next_token={}", utf8_percent_encode(token, UNRESERVED_KEPT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|index| format!("cluster.some-namespace.some-object-{index:05}")).collect()
    }

    fn texts(filter: &str, namespaces: &[&str]) -> Vec<String> {
        let queries = queries(filter, namespaces);
        let asked: Vec<&str> = queries.iter().flat_map(|query| query.namespaces).copied().collect();
        assert_eq!(asked, namespaces, "each is asked for once");
        queries.into_iter().map(|query| query.text).collect()
    }

    fn ask(count: usize) -> Vec<String> {
        let names = names(count);
        texts("file", &names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn queries_filter_by_few_namespaces() {
        assert_eq!(
            texts("file[]", &["a/b", "c d"]),
            ["exclude_alerts=true&group_limit=1000&file%5B%5D=a%2Fb&file%5B%5D=c%20d"]
        );
        assert_eq!(texts("file", &["é"]), ["exclude_alerts=true&group_limit=1000&file=%C3%A9"]);
        assert!(texts("file", &[]).is_empty());
    }

    #[test]
    fn queries_are_split_and_unfiltered_above_limit() {
        let batches = ask(500);
        assert!((2..=8).contains(&batches.len()), "{}", batches.len());
        assert!(batches.iter().all(|query| query.len() <= MAX_QUERY_BYTES));
        let asked = batches.join("");
        assert!(names(500).iter().all(|name| asked.contains(name.as_str())), "none is left out");
        assert_eq!(ask(5000), [ALWAYS]);
    }

    #[test]
    fn page_escapes_token() {
        assert_eq!(page("x=1", Some("a+b/c==")), "x=1&group_next_token=a%2Bb%2Fc%3D%3D");
        assert_eq!(page("x=1", None), "x=1");
    }
}
