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
}
