//! Questions before something is deleted: asked on a terminal only.

use std::io::{BufRead, IsTerminal, Write};

use rulesync_core::finding::Printable;

use crate::failure::Failure;

/// Asks whether to do something. `yes` answers beforehand.
///
/// # Errors
///
/// [`Failure::Usage`] if there is nobody to ask.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
    if !stdin.is_terminal() || !stderr.is_terminal() {
        return Err(Failure::Usage(format!("{question} There is no terminal to ask on: give --yes")));
    }
    let _ = write!(stderr, "{} [y/N] ", Printable(question));
    let _ = stderr.flush();
    let mut answer = String::new();
    // An end of input is no answer.
    let _ = stdin.lock().read_line(&mut answer);
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
