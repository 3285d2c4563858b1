//! Finds expressions that Prometheus accepts but can never evaluate.

use super::ast::{Call, Expr, ExprKind, NodeId};
use super::options::Options;
use super::parse::parse;
use crate::error::{ErrorKind, ParseError, Wording};
use crate::regex::{self, Misplaced, Wrapping};

/// Parses the expression of a rule, and rejects expressions that Prometheus loads but always fails to evaluate:
/// `label_replace` calls with an invalid regular expression.
///
/// ```
/// use rulesync_expr::{ErrorKind, promql};
///
/// let input = r#"label_replace(up, "a", "$1", "b", "(c")"#;
/// assert!(promql::parse(input, &promql::Options::default()).is_ok());
/// let error = promql::ruler_check(input, &promql::Options::default()).expect_err("no parenthesis is closed");
/// assert_eq!(error.kind(), ErrorKind::NeverEvaluates);
/// assert_eq!(error.position().column, 36);
/// ```
///
/// # Errors
///
/// Returns the errors of [`parse`], and errors of the kind [`NeverEvaluates`](crate::ErrorKind::NeverEvaluates).
pub fn ruler_check(input: &str, options: &Options) -> Result<Expr, ParseError> {
    let expr = parse(input, options)?;
    let error = expr.nodes().find_map(|node| match &node.kind {
        ExprKind::Call(call) => check_call(input, &expr, call),
        _ => None,
    });
    match error {
        Some(error) => Err(error),
        None => Ok(expr),
    }
}

fn check_call(input: &str, expr: &Expr, call: &Call) -> Option<ParseError> {
    if call.function.name != "label_replace" {
        return None;
    }
    let (span, pattern) = string_literal(expr, *call.args.get(4)?)?;
    let Misplaced { error, span } = regex::literal(input, span, pattern, Wrapping::Anchored).err()?;
    let message = format!("invalid regular expression in label_replace(): {pattern}: {}", error.kind);
    Some(ParseError::worded(Wording::Own, ErrorKind::NeverEvaluates, input, span, message))
}

/// The span and value of a string literal, ignoring parentheses.
fn string_literal(expr: &Expr, mut id: NodeId) -> Option<(crate::span::Span, &str)> {
    loop {
        let node = expr.node(id);
        match &node.kind {
            ExprKind::Paren(inner) => id = *inner,
            ExprKind::String(text) => return Some((node.span, text)),
            _ => return None,
        }
    }
}
