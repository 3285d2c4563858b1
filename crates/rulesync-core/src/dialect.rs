//! The language of a ruler's expressions, as far as the engine must know it.

use std::fmt;

use crate::finding::{Finding, Place, Position};
use rulesync_expr::{
    EnforceError, Enforcement, ErrorKind, ParseError, enforce_logql, enforce_promql, logql, promql,
};

/// A query language. It advises: the ruler is the judge of every expression.
pub trait Dialect: fmt::Debug + Send + Sync + 'static {
    /// The language's name, such as `promql`.
    fn name(&self) -> &'static str;

    /// What seems wrong with an expression, with a position, for the author. Warnings are advice. Errors keep a rule
    /// from the ruler: only for what it would take and never evaluate, or surely refuse.
    fn check(&self, expr: &str) -> Vec<Finding>;

    /// Puts matchers into every selector of an expression, in the author's own text.
    ///
    /// # Errors
    ///
    /// [`EnforceError`] where not every selector can carry every matcher: then the rule must not be used.
    fn add_matchers(&self, expr: &str, matchers: &[Enforcement]) -> Result<String, EnforceError>;

    /// Whether two expressions are one, spelt in two ways. False where that cannot be told.
    fn means_the_same(&self, a: &str, b: &str) -> bool {
        a.trim() == b.trim()
    }

    /// A rule that costs next to nothing and disturbs nobody, for the claim.
    fn heartbeat(&self) -> Heartbeat;

    /// The names of the series an expression reads; none if that cannot be told, so that it may read any.
    fn reads(&self, expr: &str) -> Option<Vec<String>>;
}

/// A rule whose evaluation proves that rules are evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heartbeat {
    /// A recording rule of this expression.
    Record(String),
    /// An alert on this expression, which never fires: for rulers that may have nowhere to record to.
    SilentAlert(String),
}

/// PromQL as Prometheus 3 and the rulers built on it understand it, experimental syntax included.
#[derive(Debug, Clone, Copy, Default)]
pub struct PromQl;

impl Dialect for PromQl {
    fn name(&self) -> &'static str {
        "promql"
    }

    fn check(&self, expr: &str) -> Vec<Finding> {
        match promql::parse(expr, &promql::Options::default()) {
            Ok(_) => Vec::new(),
            Err(error) => {
                let finding = Finding::warning("promql", error.message().to_owned()).at(place(&error));
                vec![match error.kind() {
                    // Rulers are ahead of us, or have functions of their own.
                    ErrorKind::UnknownFunction => finding.hint("the ruler may know it"),
                    _ => finding,
                }]
            }
        }
    }

    fn add_matchers(&self, expr: &str, matchers: &[Enforcement]) -> Result<String, EnforceError> {
        enforce_promql(expr, matchers)
    }

    fn means_the_same(&self, a: &str, b: &str) -> bool {
        promql::means_the_same(a, b)
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Record("vector(1)".to_owned())
    }

    fn reads(&self, expr: &str) -> Option<Vec<String>> {
        let parsed = promql::parse(expr, &promql::Options::default()).ok()?;
        parsed.selectors().map(|selector| selector.name().map(str::to_owned)).collect()
    }
}

/// LogQL as the ruler of Grafana Loki 3 understands it.
///
/// What Loki would store and then fail to evaluate every time is an error, as is PromQL that came to the wrong ruler.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogQl;

impl Dialect for LogQl {
    fn name(&self) -> &'static str {
        "logql"
    }

    fn check(&self, expr: &str) -> Vec<Finding> {
        let Err(error) = logql::ruler_check(expr) else { return Vec::new() };
        let finding = if logql::looks_like_promql(expr) {
            Finding::error("promql-for-loki", "this is PromQL, and the route's ruler evaluates LogQL")
                .hint("send the object to a ruler for metrics, or select log streams: {job=\"...\"}")
        } else if error.kind() == ErrorKind::Syntax {
            // A newer Loki may know what we do not.
            Finding::warning("logql", error.message().to_owned())
        } else {
            Finding::error("logql", error.message().to_owned())
        };
        vec![finding.at(place(&error))]
    }

    fn add_matchers(&self, expr: &str, matchers: &[Enforcement]) -> Result<String, EnforceError> {
        enforce_logql(expr, matchers)
    }

    /// A recording rule needs remote write, which many Lokis have not.
    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::SilentAlert("vector(0) > 0".to_owned())
    }

    /// Log streams are not what rules record.
    fn reads(&self, _: &str) -> Option<Vec<String>> {
        Some(Vec::new())
    }
}

fn place(error: &ParseError) -> Place {
    let position = error.position();
    Place {
        field: Some("expr".to_owned()),
        position: Some(Position { line: position.line, column: position.column }),
        ..Place::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_point_at_the_place_and_hold_nothing_back() {
        assert_eq!(PromQl.check("sum by (job) (rate(x[5m])) > 0"), []);
        let findings = PromQl.check("up\n  == sum(up");
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert!(!finding.is_error());
        assert_eq!(finding.place.position, Some(Position { line: 2, column: 12 }));
        assert_eq!(finding.message, "unclosed left parenthesis");
        assert!(PromQl.check("histogram_share(1, up)")[0].hint.is_some());
    }

    #[test]
    fn logql_that_never_evaluates_is_an_error_and_promql_is_told_apart() {
        assert_eq!(LogQl.check(r#"sum(rate({job="nginx"}[5m])) > 10"#), []);
        for (expr, code, says) in [
            ("{job=\"nginx\"} |= \"x\"", "logql", "wrap it"),
            ("rate({}[5m])", "logql", "at least one regexp or equality matcher"),
            ("sum(rate(up[5m])) > 0", "promql-for-loki", "this is PromQL"),
        ] {
            let findings = LogQl.check(expr);
            let [finding] = findings.as_slice() else { panic!("{expr}: {findings:?}") };
            assert!(finding.is_error() && finding.code == code, "{expr}: {finding:?}");
            assert!(finding.message.contains(says), "{expr}: {finding}");
        }
        let unknown = LogQl.check("sum by (");
        assert!(!unknown[0].is_error(), "the ruler is the judge: {unknown:?}");
        assert!(unknown[0].place.position.is_some());
    }

    #[test]
    fn tells_what_an_expression_reads() {
        let reads = |expr| PromQl.reads(expr).map(|names| names.join(" "));
        assert_eq!(reads("a / on (x) rate(b{c='d'}[5m])").as_deref(), Some("a b"));
        assert_eq!(reads("vector(1)").as_deref(), Some(""));
        assert_eq!(reads(r#"{__name__=~"a.*"}"#), None);
        assert_eq!(reads("not promql ("), None);
    }
}
