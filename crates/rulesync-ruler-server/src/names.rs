//! Names in paths: the object path of a name, names that could leave a directory, and malformed escapes.

use crate::escape::base64_url;

/// The path under which the real server would store an object.
pub(crate) fn object_path(tenant: &str, namespace: &str, group: Option<&str>) -> String {
    let mut path = format!("/data/rules/{tenant}/{}", base64_url(namespace));
    if let Some(group) = group {
        path.push('/');
        path.push_str(&base64_url(group));
    }
    path
}

/// Returns `true` if a path made of the name stays below its root, as determined by Go's `filepath.IsLocal`.
pub(crate) fn is_local(name: &str) -> bool {
    let mut depth = 0i64;
    let stays = name.split('/').all(|segment| {
        match segment {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        depth >= 0
    });
    !name.is_empty() && !name.starts_with('/') && stays
}

/// The first malformed escape of a name, in Go's notation.
pub(crate) fn bad_escape(name: &str) -> &str {
    let at = name
        .match_indices('%')
        .map(|(at, _)| at)
        .find(|at| !name.get(at + 1..at + 3).is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())))
        .unwrap_or(0);
    name.get(at..(at + 3).min(name.len())).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_local_rejects_names_that_leave_the_directory() {
        for name in ["a", ".", "...", "a/b", "a/../b", "a//b", "a/"] {
            assert!(is_local(name), "{name}");
        }
        for name in ["", "..", "../a", "/a", "a/../.."] {
            assert!(!is_local(name), "{name}");
        }
    }

    #[test]
    fn bad_escape_returns_the_first_malformed_escape() {
        for (name, shown) in [("50%", "%"), ("g%1", "%1"), ("%41%zzz", "%zz")] {
            assert_eq!(bad_escape(name), shown);
        }
    }
}
