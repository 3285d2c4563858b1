//! Names of metrics and labels. Prometheus 3 allows any UTF-8 text; the legacy scheme, which many servers still have,
//! allows what needs no quotes in an expression.

/// Whether the legacy scheme allows the name of a label: `[a-zA-Z_][a-zA-Z0-9_]*`.
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

/// Whether the legacy scheme allows the name of a metric: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
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
    fn the_legacy_scheme_knows_letters_digits_underscores_and_for_metrics_colons() {
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
