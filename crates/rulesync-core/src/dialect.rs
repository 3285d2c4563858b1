//! The language of a ruler's expressions, as far as the engine must know it.

use std::collections::BTreeSet;
use std::fmt;

use crate::finding::{Finding, Location, MAY_KNOW, Position};
use rulesync_expr::{
    EnforceError, Enforcement, ErrorKind, Span, enforce_logql, enforce_promql, logql,
    promql::{self, Feature},
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
        let parsed = match promql::ruler_check(expr, &promql::Options::default()) {
            Ok(parsed) => parsed,
            Err(error) => {
                let message = error.message().to_owned();
                return vec![match error.kind() {
                    // Rulers are ahead of us, or have functions of their own.
                    ErrorKind::UnknownFunction => {
                        Finding::warning("promql", message).at(location(error.position())).hint(MAY_KNOW)
                    }
                    // The rest of its group is of use.
                    ErrorKind::NeverEvaluates => Finding::warning("promql", message)
                        .at(location(error.position()))
                        .hint("rulers accept it, and fail whenever they evaluate it"),
                    _ => Finding::doubt("promql", message).at(location(error.position())),
                }];
            }
        };
        let mut told = BTreeSet::new();
        let first_uses = parsed.features().iter().filter(|(feature, _)| told.insert(*feature));
        let finding = |(feature, span): &(Feature, Span)| {
            let message = format!("`{}` is experimental in PromQL", span.text(expr));
            let hint = format!("the ruler must have the feature flag `{}`", feature.flag());
            Finding::warning("experimental", message)
                .hint(hint)
                .at(location(rulesync_expr::Position::of(expr, span.start)))
        };
        first_uses.map(finding).collect()
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

/// MetricsQL, which is PromQL and much more, as VictoriaMetrics understands it.
///
/// There is no parser of it here: what is no PromQL is in no doubt. What must be understood to be changed is, as far as
/// it is PromQL.
#[derive(Debug, Clone, Copy, Default)]
pub struct MetricsQl;

impl Dialect for MetricsQl {
    /// The name by which objects ask for it: authors do not tell the two apart.
    fn name(&self) -> &'static str {
        PromQl.name()
    }

    fn check(&self, _: &str) -> Vec<Finding> {
        Vec::new()
    }

    fn add_matchers(&self, expr: &str, matchers: &[Enforcement]) -> Result<String, EnforceError> {
        PromQl.add_matchers(expr, matchers)
    }

    fn means_the_same(&self, a: &str, b: &str) -> bool {
        PromQl.means_the_same(a, b)
    }

    fn heartbeat(&self) -> Heartbeat {
        PromQl.heartbeat()
    }

    fn reads(&self, expr: &str) -> Option<Vec<String>> {
        PromQl.reads(expr)
    }
}

/// LogQL as the ruler of Grafana Loki 3 understands it.
///
/// What Loki would store and then fail to evaluate every time is not offered, nor is PromQL that came to the wrong
/// ruler. What Loki refuses by itself is: a newer one may take it.
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
        } else {
            let message = error.message().to_owned();
            match error.kind() {
                ErrorKind::NeverEvaluates => Finding::error("logql", message),
                ErrorKind::UnknownFunction => Finding::warning("logql", message).hint(MAY_KNOW),
                _ => Finding::doubt("logql", message),
            }
        };
        vec![finding.at(location(error.position()))]
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

fn location(position: rulesync_expr::Position) -> Location {
    let rulesync_expr::Position { line, column, .. } = position;
    Location {
        field: Some("expr".to_owned()),
        position: Some(Position { line, column }),
        ..Location::default()
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
        assert!(finding.is_error() && !finding.withholds(), "the ruler is the judge");
        assert_eq!(finding.location.position, Some(Position { line: 2, column: 12 }));
        assert_eq!(finding.message, "unclosed left parenthesis");
        assert!(PromQl.check("histogram_share(1, up)")[0].hint.is_some());
    }

    #[test]
    fn regular_expressions_are_found_at_their_place() {
        let no_range = (PromQl.check(r#"up{a=~"[b-a]"}"#), 9);
        let repeated = (LogQl.check(r#"rate({a=~"b++"}[5m]) > 0"#), 12);
        for (findings, column) in [no_range, repeated] {
            let [finding] = findings.as_slice() else { panic!("{findings:?}") };
            assert!(finding.is_error() && !finding.withholds(), "the ruler is the judge: {finding}");
            assert_eq!(finding.location.position, Some(Position { line: 1, column }));
        }
        let findings = PromQl.check(r#"label_replace(up, "a", "$1", "b", "(c")"#);
        assert!(!findings[0].is_error() && findings[0].hint.is_some(), "rulers take it: {findings:?}");
        assert_eq!(findings[0].location.position, Some(Position { line: 1, column: 36 }));
        // Unicode grows, and Loki with it.
        for expr in [r"rate({a=~`\p{Klingon}`}[5m]) > 0", r"rate({a=`b`} |~ `\p{Klingon}` [5m]) > 0"] {
            assert!(!LogQl.check(expr)[0].withholds(), "{expr}");
        }
        assert!(LogQl.check(r"rate({a=`b`} |~ `[b-a]` [5m]) > 0")[0].withholds());
        assert_eq!(LogQl.check(r#"sum(count_over_time({a=~"\\Qx.y\\E*"}[5m])) > 0"#), []);
    }

    #[test]
    fn metricsql_is_in_no_doubt_and_fails_closed() {
        for expr in
            ["lag(up) > 60", "rate(errors_total) > 0", "sum(up) keep_metric_names", "{a=\"b\" or c=\"d\"}"]
        {
            assert_eq!(MetricsQl.check(expr), []);
        }
        let matcher = Enforcement::new("a", "b", rulesync_expr::Mode::Override).unwrap();
        assert!(MetricsQl.add_matchers("up{a=\"b\" or c=\"d\"}", std::slice::from_ref(&matcher)).is_err());
        assert_eq!(MetricsQl.add_matchers("up", &[matcher]).unwrap(), "up{a=\"b\"}");
    }

    #[test]
    fn logql_that_never_evaluates_is_an_error_and_promql_is_told_apart() {
        assert_eq!(LogQl.check(r#"sum(rate({job="nginx"}[5m])) > 10"#), []);
        for (expr, code, says) in [
            ("{job=\"nginx\"} |= \"x\"", "logql", "wrap it"),
            ("sum(rate(up[5m])) > 0", "promql-for-loki", "this is PromQL"),
        ] {
            let findings = LogQl.check(expr);
            let [finding] = findings.as_slice() else { panic!("{expr}: {findings:?}") };
            assert!(finding.withholds() && finding.code == code, "{expr}: {finding:?}");
            assert!(finding.message.contains(says), "{expr}: {finding}");
        }
        for (expr, says) in [
            ("sum by (", "unexpected $end"),
            ("rate({}[5m])", "at least one regexp or equality matcher"),
            ("count_over_time({product='cbs'}[1m]) > 0", "invalid char literal"),
        ] {
            let findings = LogQl.check(expr);
            let [finding] = findings.as_slice() else { panic!("{expr}: {findings:?}") };
            assert!(
                finding.is_error() && !finding.withholds(),
                "{expr}: the ruler is the judge: {finding:?}"
            );
            assert!(
                finding.message.contains(says) && finding.location.position.is_some(),
                "{expr}: {finding}"
            );
        }
        let newer = LogQl.check(r#"rate({a="b"} | line_format "{{ newer .x }}" [5m]) > 0"#);
        assert!(!newer[0].is_error() && newer[0].hint.is_some(), "a newer Loki may have it: {newer:?}");
    }

    #[test]
    fn what_needs_a_feature_flag_is_said_by_name_and_once() {
        let findings = PromQl.check("mad_over_time(a[5m]) + mad_over_time(b[5m])\n  / rate(c[5m] anchored)");
        let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        expr, 1:1: `mad_over_time` is experimental in PromQL (the ruler must have the feature flag `promql-experimental-functions`)
        expr, 2:10: `c[5m]` is experimental in PromQL (the ruler must have the feature flag `promql-extended-range-selectors`)
        ");
        assert!(findings.iter().all(|finding| finding.code == "experimental" && !finding.is_error()));
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
