//! The language of a ruler's expressions, as far as the engine must know it.

use std::fmt;

use crate::finding::{Finding, Place, Position};
use rulesync_expr::{ErrorKind, promql};

/// A query language. It advises: the ruler is the judge of every expression.
pub trait Dialect: fmt::Debug + Send + Sync + 'static {
    /// The language's name, such as `promql`.
    fn name(&self) -> &'static str;

    /// What seems wrong with an expression: warnings with a position, for the author.
    fn check(&self, expr: &str) -> Vec<Finding>;

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
                let position = error.position();
                let place = Place {
                    field: Some("expr".to_owned()),
                    position: Some(Position { line: position.line, column: position.column }),
                    ..Place::default()
                };
                let finding = Finding::warning("promql", error.message().to_owned()).at(place);
                vec![match error.kind() {
                    // Rulers are ahead of us, or have functions of their own.
                    ErrorKind::UnknownFunction => finding.hint("the ruler may know it"),
                    _ => finding,
                }]
            }
        }
    }

    fn heartbeat(&self) -> Heartbeat {
        Heartbeat::Record("vector(1)".to_owned())
    }

    fn reads(&self, expr: &str) -> Option<Vec<String>> {
        let parsed = promql::parse(expr, &promql::Options::default()).ok()?;
        parsed.selectors().map(|selector| selector.name().map(str::to_owned)).collect()
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
    fn tells_what_an_expression_reads() {
        let reads = |expr| PromQl.reads(expr).map(|names| names.join(" "));
        assert_eq!(reads("a / on (x) rate(b{c='d'}[5m])").as_deref(), Some("a b"));
        assert_eq!(reads("vector(1)").as_deref(), Some(""));
        assert_eq!(reads(r#"{__name__=~"a.*"}"#), None);
        assert_eq!(reads("not promql ("), None);
    }
}
