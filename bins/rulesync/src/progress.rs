//! Progress on a terminal while something takes long: one line on standard error, which is gone when the work is done.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time after which something takes long.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the line is drawn anew.
const INTERVAL: Duration = Duration::from_millis(200);

/// A line of progress. Clones are the same line.
#[derive(Debug, Clone)]
pub(crate) struct Progress(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What is being done, or the name of what is done.
    doing: String,
    done: usize,
    total: Option<usize>,
    started: Instant,
    /// Whether there is a terminal to draw on.
    shown: bool,
    drawn: bool,
}

impl State {
    fn line(&self) -> String {
        let Self { doing, done, total, .. } = self;
        match (done, total) {
            (0, _) => format!("{doing}…"),
            (done, None) => format!("{doing}: {done}"),
            (done, Some(total)) => format!("{doing}: {done} of {total}"),
        }
    }
}

impl Progress {
    /// Creates a line that is drawn only if standard error is a terminal.
    pub(crate) fn new(doing: &str) -> Self {
        let shown = std::io::stderr().is_terminal();
        let (doing, started) = (doing.to_owned(), Instant::now());
        Self(Arc::new(Mutex::new(State { doing, done: 0, total: None, started, shown, drawn: false })))
    }

    /// Sets how much there is to do.
    pub(crate) fn expect(&self, total: usize) {
        self.state().total = Some(total);
    }

    /// Records that one more thing is done, of which `done` is the name.
    pub(crate) fn advance(&self, done: &str) {
        let mut state = self.state();
        done.clone_into(&mut state.doing);
        state.done += 1;
    }

    /// Removes the line, so that something else can be printed.
    pub(crate) fn clear(&self) {
        let mut state = self.state();
        if std::mem::take(&mut state.drawn) {
            // Nothing is left to do if this output is closed.
            let _ = write!(std::io::stderr(), "\r\u{1b}[2K");
        }
    }

    /// Does work, with the line below it as long as it takes.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let result = loop {
            tokio::select! {
                result = &mut work => break result,
                () = tokio::time::sleep(INTERVAL) => self.draw(),
            }
        };
        self.clear();
        result
    }

    fn draw(&self) {
        let mut state = self.state();
        if state.shown && state.started.elapsed() >= PATIENCE {
            state.drawn = true;
            let _ = write!(std::io::stderr(), "\r\u{1b}[2K{}", state.line());
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_counts_what_is_done() {
        let progress = Progress::new("Reading");
        assert_eq!(progress.state().line(), "Reading…");
        progress.advance("Changes made");
        assert_eq!(progress.state().line(), "Changes made: 1");
        progress.expect(2);
        assert_eq!(progress.state().line(), "Changes made: 1 of 2");
    }
}
