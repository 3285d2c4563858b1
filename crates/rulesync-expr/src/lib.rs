//! Parsers with source positions for the query languages and templates of rulers, without dependencies.
//!
//! [`promql::parse`] parses an expression as Prometheus 3 does. It returns a syntax tree in which every node has its
//! byte range, or the error that the server would report, in the server's words:
//!
//! ```
//! use rulesync_expr::promql::{self, Options};
//!
//! let expr = promql::parse(r#"sum by (job) (rate(errors_total{code=~"5.."}[5m]))"#, &Options::default())?;
//! let selector = expr.selectors().next().expect("there is one");
//! assert_eq!(selector.name(), Some("errors_total"));
//! assert_eq!(selector.matchers[0].label, "code");
//!
//! let error = promql::parse("sum by (", &Options::default()).expect_err("it is cut short");
//! assert_eq!(error.to_string(), "1:9: parse error: unclosed left parenthesis");
//! # Ok::<(), rulesync_expr::ParseError>(())
//! ```
//!
//! [`logql::parse`] does the same for Grafana Loki rules, and [`logql::ruler_check`] also rejects expressions that
//! Loki stores but can never evaluate. [`template::parse`] parses the templates of labels, annotations and log lines.
//!
//! The results are advisory. Rulers differ in version and enabled features, so the ruler may accept a rule that is
//! rejected here. This crate reports the position of an error before the rule is sent to the ruler.
//!
//! The parsers never panic and never recurse: nesting uses heap, not stack.

mod enforce;
mod error;
pub mod logql;
pub mod names;
pub mod promql;
mod quote;
mod regex;
mod span;
pub mod template;

pub use enforce::{
    EnforceError, Enforcement, InvalidEnforcement, Mode, WordListError, enforce_logql, enforce_promql,
    regex_of_words,
};
pub use error::{ErrorKind, ParseError};
pub use span::{Position, Span};
