//! The form of the names that the naming by owner creates: any other name was written by somebody else.

use super::FILE_NAMESPACE;

/// Returns whether [`super::Naming::namespace_of`] can have made `{Kubernetes namespace}.{name}`, for an object without
/// a marker of its kind. Names that were too long are cut anywhere and end in a hash of the whole.
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
    (hash.len() == super::HASH_DIGITS && hash.bytes().all(hex)).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::is_made;

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
}
