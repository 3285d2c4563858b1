//! Parses the query languages and the templates of rulers, with positions, and without any dependency.
//!
//! [`promql::parse`] reads an expression as Prometheus 3 does and answers with a syntax tree in which every
//! node knows the bytes it came from, or with the error the server would give, worded as the server words it:
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
//! [`logql::parse`] does the same for the rules of Grafana Loki, and [`logql::ruler_check`] also refuses what
//! Loki stores and then can never evaluate. [`template::parse`] reads the templates of labels, annotations and log lines.
//!
//! The verdict is advice. Rulers differ in version and in what is switched on, so a rule that is refused here
//! is still the ruler's to judge; what this crate adds is the place, before the ruler is asked.
//!
//! No input makes a parser panic, and none makes it recurse: nesting costs heap, never stack.

mod enforce;
mod error;
pub mod logql;
pub mod names;
pub mod promql;
mod quote;
mod regex;
mod span;
pub mod template;

pub use enforce::{EnforceError, Enforcement, InvalidEnforcement, Mode, enforce_logql, enforce_promql};
pub use error::{ErrorKind, ParseError};
pub use span::{Position, Span};
