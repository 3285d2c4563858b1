//! Tests of the parser as a whole: what is accepted and as what, what is refused and in which words.

mod errors;
mod options;
mod robust;
mod tree;
mod valid;

use super::{Expr, Options, parse};

/// Parses with everything switched on.
fn parsed(input: &str) -> Expr {
    parse(input, &Options::default()).unwrap_or_else(|error| panic!("{input}\n{error}"))
}

/// The error of an expression that must not parse, as the server prints it.
fn refused(input: &str, options: Options) -> String {
    match parse(input, &options) {
        Ok(expr) => panic!("{input}\nis taken for {expr:?}"),
        Err(error) => error.to_string(),
    }
}
