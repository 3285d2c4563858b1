//! Tests of the parser as a whole: accepted expressions and their trees, rejected ones and their errors.

mod errors;
mod options;
mod robust;
mod tree;
mod valid;

use super::{Expr, Options, parse};

/// Parses with all options enabled.
fn parsed(input: &str) -> Expr {
    parse(input, &Options::default()).unwrap_or_else(|error| panic!("{input}\n{error}"))
}

/// The error of an invalid expression, as printed by the server.
fn parse_error(input: &str, options: Options) -> String {
    match parse(input, &options) {
        Ok(expr) => panic!("{input}\nwas parsed as {expr:?}"),
        Err(error) => error.to_string(),
    }
}
