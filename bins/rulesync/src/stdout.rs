//! Standard output: what a verb was asked for.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::failure::Failure;

/// Prints a text with styles, which are left out where they do not belong.
pub(crate) fn print_styled(text: &str) -> Result<ExitCode, Failure> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a text as it is, without styles.
pub(crate) fn print(text: &str) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)?;
    Ok(ExitCode::SUCCESS)
}
