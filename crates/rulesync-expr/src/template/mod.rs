//! Parses templates of Go's `text/template` as rulers do before they store a rule. Nothing is executed: a template that
//! only fails with the data of an alert is accepted, as in the ruler.
//!
//! [`parse`] returns a tree, or the error that the server would return:
//!
//! ```
//! use rulesync_expr::template::{self, Environment};
//!
//! let text = r#"{{ $labels.job }}: {{ query "up" | first | value }}"#;
//! let template = template::parse("__alert_A", text, &Environment::PROMETHEUS)?;
//! assert!(template.functions().any(|(name, _)| name == "query"));
//!
//! let error = template::parse("__alert_A", "{{ $label.job }}", &Environment::PROMETHEUS).unwrap_err();
//! assert_eq!(error.to_string(), r#"template: __alert_A:1: undefined variable "$label""#);
//! assert_eq!(error.explanation(), "the variable `$label` is not defined");
//! assert_eq!(error.position().column, 4);
//! # Ok::<(), rulesync_expr::template::TemplateError>(())
//! ```

mod environment;
mod error;
mod fault;
mod letters;
mod lex;
mod literal;
mod parse;
mod token;
mod tree;

pub use environment::Environment;
pub use error::TemplateError;
pub use tree::{Node, NodeKind, Template};

/// Parses a template as Go 1.26 does. `name` is the server's name for the template, which appears in errors and cannot
/// be defined again within it; `environment` lists the functions and variables that it may use.
///
/// # Errors
///
/// Returns the first error that Go would return.
pub fn parse<'t>(
    name: &str,
    text: &'t str,
    environment: &Environment,
) -> Result<Template<'t>, TemplateError> {
    parse::parse(name, text, environment)
}

#[cfg(test)]
mod tests;
