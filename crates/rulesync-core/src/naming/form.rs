//! The form of the names that the naming by owner creates: any other name was written by somebody else.

use crate::model::fingerprint::Fingerprint;
use crate::model::kind::{KINDS, PROMETHEUS_RULE, language_of};
use crate::model::name::RulerNamespace;

/// The Kubernetes namespace in the names of plain rule files, which have none and are named by their path. No
/// Kubernetes namespace can have this name.
pub const FILE_NAMESPACE: &str = "_file";

/// The number of hexadecimal digits of a hash: enough that two long names never collide.
const HASH_DIGITS: usize = 16;

/// Returns a name with the marker of a kind. A name that would be too long is cut and ends in a hash of the whole.
pub(super) fn marked(name: String, kind: &str, max_bytes: usize) -> RulerNamespace {
    let marker = marker(kind);
    let short = shorten(name, max_bytes.saturating_sub(marker.len()));
    if marker.is_empty() { short } else { format!("{short}{marker}").into() }
}

/// Returns the marker that distinguishes objects of different kinds and one name. No Kubernetes name contains an
/// underscore. Kinds that may be in either language are the common case and have none.
fn marker(kind: &str) -> String {
    language_of(kind).map_or_else(String::new, |_| format!("_{}", kind.to_lowercase()))
}

/// Removes the marker of a kind from the end of a name.
pub(super) fn without_marker(rest: &str) -> (&str, &'static str) {
    let marked = KINDS.iter().find_map(|kind| {
        let marker = marker(kind);
        rest.strip_suffix(&marker).filter(|_| !marker.is_empty()).map(|rest| (rest, *kind))
    });
    marked.unwrap_or((rest, PROMETHEUS_RULE))
}

fn shorten(full: String, max_bytes: usize) -> RulerNamespace {
    if full.len() <= max_bytes {
        return full.into();
    }
    let hash = Fingerprint::of_bytes(full.as_bytes()).to_string();
    let mut end = max_bytes.saturating_sub(HASH_DIGITS + 1);
    while !full.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{}", &full[..end], &hash[..HASH_DIGITS]).into()
}

/// Returns whether `{Kubernetes namespace}.{name}` can be the name of an object, without the marker of its kind. Names
/// that were too long are cut anywhere and end in a hash of the whole.
pub(super) fn is_made(rest: &str) -> bool {
    whole(rest) || without_hash(rest).is_some_and(cut)
}

fn whole(rest: &str) -> bool {
    match rest.split_once('.') {
        Some((FILE_NAMESPACE, path)) => !path.is_empty() && is_encoded_path(path, false),
        Some((namespace, name)) => {
            is_label(namespace, false) && name.split('.').all(|part| is_label(part, false))
        }
        None => false,
    }
}

/// Returns whether this is the beginning of a whole name.
fn cut(rest: &str) -> bool {
    match rest.split_once('.') {
        Some((FILE_NAMESPACE, path)) => is_encoded_path(path, true),
        Some((namespace, name)) => {
            let mut parts = name.split('.').rev();
            let last = parts.next().is_some_and(|part| part.is_empty() || is_label(part, true));
            is_label(namespace, false) && last && parts.all(|part| is_label(part, false))
        }
        None => FILE_NAMESPACE.starts_with(rest) || is_label(rest, true),
    }
}

/// Returns whether this is a part of a Kubernetes name, or the beginning of one.
fn is_label(part: &str, cut: bool) -> bool {
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().is_some_and(alphanumeric)
        && bytes.iter().all(|b| alphanumeric(b) || *b == b'-')
        && (cut || bytes.last().is_some_and(alphanumeric))
}

/// Returns whether this is the path of a rule file as file sources encode it: `_XX` for every byte outside of
/// `A-Za-z0-9.-`.
fn is_encoded_path(path: &str, cut: bool) -> bool {
    let mut rest = path.as_bytes();
    loop {
        let digit = |b: &u8| b.is_ascii_digit() || (b'A'..=b'F').contains(b);
        rest = match rest {
            [] => return true,
            [b'_', a, b, tail @ ..] if digit(a) && digit(b) => tail,
            [b'_'] => return cut,
            [b'_', a] => return cut && digit(a),
            [b, tail @ ..] if b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-') => tail,
            _ => return false,
        };
    }
}

/// Returns the part before the hash that a cut name ends in.
fn without_hash(rest: &str) -> Option<&str> {
    let (before, hash) = rest.rsplit_once('-')?;
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (hash.len() == HASH_DIGITS && hash.bytes().all(hex)).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::{is_made, marked, without_marker};

    #[test]
    fn other_forms_are_not_made() {
        for made in ["a.b", "team-a.node.rules", "_file.a_2Fb.yaml", "_file.A-b.yml", "a.b-0123456789abcdef"]
        {
            assert!(is_made(made), "{made}");
        }
        for other in [
            "",
            "a",
            "a.",
            ".x",
            ".",
            "UPPER.x",
            "a.B",
            "a.b extra",
            "a.b\nc",
            "a.b\n",
            "a..b",
            "a.b.",
            "a.-b",
            "a-.b",
            "a_b.c",
            "_file.",
            "_file.a b",
            "_file.a_2fb",
            "_file.a_2",
            "a.b_c",
            "é.b",
            "a.b/c",
            "a.b%2F",
        ] {
            assert!(!is_made(other), "{other}");
        }
    }

    #[test]
    fn names_are_recognized_wherever_they_are_cut() {
        for (name, kind) in [
            ("team-a.node.rules.of-everything", "PrometheusRule"),
            ("team-a.node.rules.of-everything", "LoggingRule"),
            ("_file.rules_2Fa.b-c_2Fnode.yaml", "RuleFile"),
        ] {
            let marker = if kind == "LoggingRule" { "_loggingrule".len() } else { 0 };
            let shortest = 17 + marker;
            for max_bytes in shortest..name.len() + marker {
                let cut = marked(name.to_owned(), kind, max_bytes);
                assert!(cut.len() <= max_bytes, "{cut}");
                assert!(is_made(without_marker(&cut).0), "{cut}");
            }
        }
    }
}
