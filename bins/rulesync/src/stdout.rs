//! Standard output: what a verb was asked for.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::failure::Failure;

/// Prints a text as it is, without styles.
pub(crate) fn print(text: &str) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)?;
    Ok(ExitCode::SUCCESS)
}
