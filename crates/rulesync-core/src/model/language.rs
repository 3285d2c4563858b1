//! The query languages of rulers, as far as the engine must know them.

use std::collections::{BTreeMap, BTreeSet};

use rulesync_expr::{
    EnforceError, Enforcement, ErrorKind, Span, enforce_logql, enforce_promql, logql,
    promql::{self, Feature},
};

use crate::finding::{Code, Finding, Location, MAY_KNOW, Position};

/// A query language. Its checks advise: the ruler is the judge of every expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QueryLanguage {
    /// PromQL as Prometheus 3 and the rulers built on it understand it, experimental syntax included.
    PromQl,
    /// MetricsQL, a superset of PromQL, as VictoriaMetrics understands it.
    ///
    /// rulesync has no parser of it: no expression is checked. What has to be understood in order to be changed is
    /// changed only as far as it is PromQL.
    MetricsQl,
    /// LogQL as the ruler of Grafana Loki 3 understands it.
    ///
    /// An expression that Loki would store and then fail to evaluate each time is not offered, nor is PromQL that was
    /// sent to the wrong ruler. An expression that Loki itself refuses is offered: a newer one may take it.
    LogQl,
}

/// A rule whose evaluation proves that rules are evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heartbeat {
    /// A recording rule of this expression.
    Record(&'static str),
    /// An alert on this expression, which never fires: for rulers that may have no remote write.
    SilentAlert(&'static str),
}

impl QueryLanguage {
    /// Returns the name by which objects request it. Authors do not distinguish MetricsQL from PromQL, so both have one
    /// name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PromQl | Self::MetricsQl => "promql",
            Self::LogQl => "logql",
        }
    }

    /// Finds what seems wrong with an expression, with a position, for the author. Warnings and suspicions are advice;
    /// other errors keep a rule from the ruler, because it would take the expression and never evaluate it.
    pub fn check(self, expr: &str) -> Vec<Finding> {
        match self {
            Self::PromQl => check_promql(expr),
            Self::MetricsQl => Vec::new(),
            Self::LogQl => check_logql(expr).into_iter().collect(),
        }
    }

    /// Puts matchers into every selector of an expression, in the author's own text.
    ///
    /// # Errors
    ///
    /// [`EnforceError`] where not every selector can carry every matcher: then the rule must not be used.
    pub fn add_matchers(self, expr: &str, matchers: &[Enforcement]) -> Result<String, EnforceError> {
        match self {
            Self::PromQl | Self::MetricsQl => enforce_promql(expr, matchers),
            Self::LogQl => enforce_logql(expr, matchers),
        }
    }

    /// Returns whether two expressions are the same in different spellings; false where that is unknown.
    pub fn means_the_same(self, a: &str, b: &str) -> bool {
        match self {
            Self::PromQl | Self::MetricsQl => promql::means_the_same(a, b),
            Self::LogQl => a.trim() == b.trim(),
        }
    }

    /// Returns a rule that costs next to nothing and disturbs nobody, for the claim.
    pub const fn heartbeat(self) -> Heartbeat {
        match self {
            Self::PromQl | Self::MetricsQl => Heartbeat::Record("vector(1)"),
            // A recording rule needs remote write, which many Loki installations lack.
            Self::LogQl => Heartbeat::SilentAlert("vector(0) > 0"),
        }
    }

    /// Returns labels that all series of an expression's result certainly have, each with its one value.
    pub fn constant_labels(self, expr: &str) -> BTreeMap<String, String> {
        let owned = |labels: BTreeMap<&str, &str>| {
            labels.into_iter().map(|(label, value)| (label.to_owned(), value.to_owned())).collect()
        };
        let labels = match self {
            Self::PromQl | Self::MetricsQl => promql::parse(expr, &promql::Options::default())
                .map(|parsed| owned(promql::constant_labels(&parsed))),
            Self::LogQl => logql::parse(expr).map(|parsed| owned(logql::constant_labels(&parsed))),
        };
        // Of what cannot be parsed, nothing is certain.
        labels.unwrap_or_default()
    }

    /// Returns the names of the series that an expression reads; none if that is unknown, so that it may read any.
    pub fn series_read(self, expr: &str) -> Option<Vec<String>> {
        match self {
            Self::PromQl | Self::MetricsQl => {
                let parsed = promql::parse(expr, &promql::Options::default()).ok()?;
                parsed.selectors().map(|selector| selector.name().map(str::to_owned)).collect()
            }
            // Recording rules do not write log streams.
            Self::LogQl => Some(Vec::new()),
        }
    }
}

fn check_promql(expr: &str) -> Vec<Finding> {
    let parsed = match promql::ruler_check(expr, &promql::Options::default()) {
        Ok(parsed) => parsed,
        Err(error) => {
            let message = error.message().to_owned();
            return vec![match error.kind() {
                // A ruler may be newer than this check, or have functions of its own.
                ErrorKind::UnknownFunction => {
                    Finding::warning(Code::Promql, message).at(location(error.position())).hint(MAY_KNOW)
                }
                // The rest of its group is of use.
                ErrorKind::NeverEvaluates => Finding::warning(Code::Promql, message)
                    .at(location(error.position()))
                    .hint("rulers accept it, and fail whenever they evaluate it"),
                _ => {
                    let finding = Finding::suspicion(Code::Promql, message).at(location(error.position()));
                    match logql::ruler_check(expr) {
                        Ok(_) => finding.hint("this is LogQL: send the object to a ruler for logs"),
                        Err(_) => finding,
                    }
                }
            }];
        }
    };
    let mut reported = BTreeSet::new();
    let first_uses = parsed.features().iter().filter(|(feature, _)| reported.insert(*feature));
    let finding = |(feature, span): &(Feature, Span)| {
        let message = format!("`{}` is experimental in PromQL", span.text(expr));
        let hint = format!("the ruler must have the feature flag `{}`", feature.flag());
        Finding::warning(Code::Experimental, message)
            .hint(hint)
            .at(location(rulesync_expr::Position::of(expr, span.start)))
    };
    first_uses.map(finding).collect()
}

fn check_logql(expr: &str) -> Option<Finding> {
    let error = logql::ruler_check(expr).err()?;
    let finding = if logql::looks_like_promql(expr) {
        Finding::error(Code::PromqlForLoki, "this is PromQL, and the route's ruler evaluates LogQL")
            .hint("send the object to a ruler for metrics, or select log streams: {job=\"...\"}")
    } else {
        let message = error.message().to_owned();
        match error.kind() {
            ErrorKind::NeverEvaluates => Finding::error(Code::Logql, message),
            ErrorKind::UnknownFunction => Finding::warning(Code::Logql, message).hint(MAY_KNOW),
            _ => Finding::suspicion(Code::Logql, message),
        }
    };
    Some(finding.at(location(error.position())))
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
    use super::QueryLanguage::{LogQl, MetricsQl, PromQl};
    use super::*;

    #[test]
    fn promql_check_locates_errors_and_withholds_nothing() {
        assert_eq!(PromQl.check("sum by (job) (rate(x[5m])) > 0"), []);
        let findings = PromQl.check("up\n  == sum(up");
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert!(finding.is_error() && !finding.withholds(), "the ruler is the judge");
        assert_eq!(finding.location.position, Some(Position { line: 2, column: 12 }));
        assert_eq!(finding.message, "unclosed left parenthesis");
        assert!(PromQl.check("histogram_share(1, up)")[0].hint.is_some());
        let logql = PromQl.check(r#"sum(count_over_time({job="x"} |= "error" [5m])) > 0"#);
        assert!(logql[0].hint.as_deref().is_some_and(|hint| hint.contains("LogQL")), "{logql:?}");
    }

    #[test]
    fn check_locates_invalid_regular_expressions() {
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
    fn metricsql_is_not_checked_and_enforcement_fails_closed() {
        for expr in
            ["lag(up) > 60", "rate(errors_total) > 0", "sum(up) keep_metric_names", "{a=\"b\" or c=\"d\"}"]
        {
            assert_eq!(MetricsQl.check(expr), []);
        }
        let matcher =
            Enforcement::new("a", promql::MatchOp::Equal, "b", rulesync_expr::Mode::Override).unwrap();
        assert!(MetricsQl.add_matchers("up{a=\"b\" or c=\"d\"}", std::slice::from_ref(&matcher)).is_err());
        assert_eq!(MetricsQl.add_matchers("up", &[matcher]).unwrap(), "up{a=\"b\"}");
    }

    #[test]
    fn logql_check_refuses_expressions_that_never_evaluate_and_recognises_promql() {
        assert_eq!(LogQl.check(r#"sum(rate({job="nginx"}[5m])) > 10"#), []);
        for (expr, code, expected) in [
            ("{job=\"nginx\"} |= \"x\"", "logql", "wrap it"),
            ("sum(rate(up[5m])) > 0", "promql-for-loki", "this is PromQL"),
        ] {
            let findings = LogQl.check(expr);
            let [finding] = findings.as_slice() else { panic!("{expr}: {findings:?}") };
            assert!(finding.withholds() && finding.code.name() == code, "{expr}: {finding:?}");
            assert!(finding.message.contains(expected), "{expr}: {finding}");
        }
        for (expr, expected) in [
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
                finding.message.contains(expected) && finding.location.position.is_some(),
                "{expr}: {finding}"
            );
        }
        let newer = LogQl.check(r#"rate({a="b"} | line_format "{{ newer .x }}" [5m]) > 0"#);
        assert!(!newer[0].is_error() && newer[0].hint.is_some(), "a newer Loki may have it: {newer:?}");
    }

    #[test]
    fn promql_check_names_each_feature_flag_once() {
        let findings = PromQl.check("mad_over_time(a[5m]) + mad_over_time(b[5m])\n  / rate(c[5m] anchored)");
        let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        expr, 1:1: `mad_over_time` is experimental in PromQL (the ruler must have the feature flag `promql-experimental-functions`)
        expr, 2:10: `c[5m]` is experimental in PromQL (the ruler must have the feature flag `promql-extended-range-selectors`)
        ");
        assert!(findings.iter().all(|finding| finding.code == Code::Experimental && !finding.is_error()));
    }

    #[test]
    fn series_read_by_an_expression() {
        let reads = |expr| PromQl.series_read(expr).map(|names| names.join(" "));
        assert_eq!(reads("a / on (x) rate(b{c='d'}[5m])").as_deref(), Some("a b"));
        assert_eq!(reads("vector(1)").as_deref(), Some(""));
        assert_eq!(reads(r#"{__name__=~"a.*"}"#), None);
        assert_eq!(reads("not promql ("), None);
    }

    #[test]
    fn authors_do_not_tell_promql_and_metricsql_apart() {
        assert_eq!([PromQl, MetricsQl, LogQl].map(QueryLanguage::name), ["promql", "promql", "logql"]);
    }
}
