//! Tests of the parser as a whole: what is accepted and as what, what is refused and in which words.

mod contract;
mod errors;
pub(crate) mod robust;
mod tree;
mod valid;

use super::{Expr, parse};

/// Parses what must parse.
fn parsed(input: &str) -> Expr {
    parse(input).unwrap_or_else(|error| panic!("{input}\n{error}"))
}

/// The error of an expression that must not parse, as Loki says it.
fn refused(input: &str) -> String {
    match parse(input) {
        Ok(expr) => panic!("{input}\nis taken for {expr:?}"),
        Err(error) => super::loki_message(&error),
    }
}
