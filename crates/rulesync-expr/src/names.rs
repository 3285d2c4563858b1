//! Validation of metric and label names. Prometheus 3 allows any UTF-8 string; the legacy scheme, which many servers
//! still use, allows only names that need no quotes in an expression.

/// Returns `true` if `name` is a valid label name in the legacy scheme: `[a-zA-Z_][a-zA-Z0-9_]*`.
///
/// ```
/// use rulesync_expr::names;
///
/// assert!(names::is_legacy_label("pod_name"));
/// assert!(!names::is_legacy_label("pod-name") && !names::is_legacy_label("job:up"));
/// ```
#[must_use]
pub fn is_legacy_label(name: &str) -> bool {
    is_legacy(name, |_| false)
}

/// Returns `true` if `name` is a valid metric name in the legacy scheme: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
#[must_use]
pub fn is_legacy_metric(name: &str) -> bool {
    is_legacy(name, |c| c == ':')
}

fn is_legacy(name: &str, also: impl Fn(char) -> bool) -> bool {
    name.starts_with(|c: char| !c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || also(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_names() {
        for (name, label, metric) in [
            ("a", true, true),
            ("_1", true, true),
            ("job:up:rate5m", false, true),
            (":", false, true),
            ("", false, false),
            ("1a", false, false),
            ("a-b", false, false),
            ("a.b", false, false),
            ("é", false, false),
            ("<<", false, false),
        ] {
            assert_eq!((is_legacy_label(name), is_legacy_metric(name)), (label, metric), "{name}");
        }
    }
}
