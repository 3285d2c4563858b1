//! Tests of the parser as a whole: accepted expressions and their trees, rejected ones and their errors.

mod contract;
mod errors;
pub(crate) mod robust;
mod tree;
mod valid;

use super::{Expr, parse};

/// Parses a valid expression.
fn parsed(input: &str) -> Expr {
    parse(input).unwrap_or_else(|error| panic!("{input}\n{error}"))
}

/// The error of an invalid expression, as printed by Loki.
fn parse_error(input: &str) -> String {
    match parse(input) {
        Ok(expr) => panic!("{input}\nwas parsed as {expr:?}"),
        Err(error) => super::loki_message(&error),
    }
}
