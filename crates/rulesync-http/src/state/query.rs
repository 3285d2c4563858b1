//! What to ask the state API for, so that answers are small and requests are few. Pure.

use percent_encoding::utf8_percent_encode;

use crate::url::UNRESERVED_KEPT;

/// Alerts are of no use here, and pages bound what a server must hold for one answer. Who does not know a parameter
/// ignores it.
const ALWAYS: &str = "exclude_alerts=true&group_limit=1000";

/// Some gateways take no longer request lines than 8 KiB.
const QUERY_BYTES: usize = 4096;

/// Each request, filtered or not, makes a server ask all its rulers, and each of them go through all its groups of the
/// tenant. More of them cost more than the groups of others in one answer to everything.
const MOST_FILTERED: usize = 8;

/// What to ask in one go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    /// Escaped.
    pub(crate) text: String,
    /// What it asks for. The answer may tell of others.
    pub(crate) namespaces: &'a [&'a str],
}

/// The queries that together tell of these namespaces: filtered ones while they are few, else one for everything. With
/// names of 40 bytes they are few up to some 600 namespaces.
pub(crate) fn queries<'a>(filter: &str, namespaces: &'a [&'a str]) -> Vec<Query<'a>> {
    let key = format!("&{}=", utf8_percent_encode(filter, UNRESERVED_KEPT));
    let mut queries = Vec::new();
    let mut rest = namespaces;
    while !rest.is_empty() {
        if queries.len() == MOST_FILTERED {
            return vec![Query { text: ALWAYS.to_owned(), namespaces }];
        }
        let (mut text, mut taken) = (ALWAYS.to_owned(), 0);
        for namespace in rest {
            let wanted = format!("{key}{}", utf8_percent_encode(namespace, UNRESERVED_KEPT));
            if taken > 0 && text.len() + wanted.len() > QUERY_BYTES {
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

/// A query for what follows a token.
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
    fn few_namespaces_are_asked_for_by_name() {
        assert_eq!(
            texts("file[]", &["a/b", "c d"]),
            ["exclude_alerts=true&group_limit=1000&file%5B%5D=a%2Fb&file%5B%5D=c%20d"]
        );
        assert_eq!(texts("file", &["é"]), ["exclude_alerts=true&group_limit=1000&file=%C3%A9"]);
        assert!(texts("file", &[]).is_empty());
    }

    #[test]
    fn many_are_asked_for_in_batches_and_very_many_not_by_name() {
        let batches = ask(500);
        assert!((2..=8).contains(&batches.len()), "{}", batches.len());
        assert!(batches.iter().all(|query| query.len() <= QUERY_BYTES));
        let asked = batches.join("");
        assert!(names(500).iter().all(|name| asked.contains(name.as_str())), "none is left out");
        assert_eq!(ask(5000), [ALWAYS]);
    }

    #[test]
    fn tokens_are_escaped() {
        assert_eq!(page("x=1", Some("a+b/c==")), "x=1&group_next_token=a%2Bb%2Fc%3D%3D");
        assert_eq!(page("x=1", None), "x=1");
    }
}
