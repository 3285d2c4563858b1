//! Hand-overs: an object that moves leaves a destination only when those that it goes to have written it. Each of them
//! holds a [`Share`]; whoever lets go watches the [`HandoverProgress`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A move, as the one who lets go sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct HandoverProgress {
    ends: Arc<Ends>,
}

#[derive(Debug, Default)]
struct Ends {
    /// Shares that have not come to their end.
    waiting: AtomicUsize,
    /// Whether one ended before its holder had written the object.
    given_up: AtomicBool,
}

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandoverState {
    /// Somebody has yet to write the object.
    Waiting,
    /// Everybody has written it.
    Written,
    /// Somebody will not write it: it no longer goes there, or whoever was to write it has been replaced.
    GivenUp,
}

/// What a destination holds until it has written an object that comes from elsewhere. Dropped before that, it is given
/// up.
#[derive(Debug)]
pub(crate) struct Share {
    ends: Arc<Ends>,
    written: bool,
}

impl HandoverProgress {
    /// Another share.
    pub(crate) fn share(&self) -> Share {
        self.ends.waiting.fetch_add(1, Ordering::AcqRel);
        Share { ends: Arc::clone(&self.ends), written: false }
    }

    /// How far it is; without shares there is nothing to wait for.
    pub(crate) fn state(&self) -> HandoverState {
        if self.ends.given_up.load(Ordering::Acquire) {
            HandoverState::GivenUp
        } else if self.ends.waiting.load(Ordering::Acquire) > 0 {
            HandoverState::Waiting
        } else {
            HandoverState::Written
        }
    }
}

impl Share {
    /// Its holder has written the object.
    pub(crate) fn written(mut self) {
        self.written = true;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if !self.written {
            self.ends.given_up.store(true, Ordering::Release);
        }
        self.ends.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_must_have_written_it() {
        let progress = HandoverProgress::default();
        assert_eq!(progress.state(), HandoverState::Written, "nobody is to write it");
        let (one, other) = (progress.share(), progress.share());
        assert_eq!(progress.state(), HandoverState::Waiting);
        one.written();
        assert_eq!(progress.state(), HandoverState::Waiting);
        other.written();
        assert_eq!(progress.state(), HandoverState::Written);
    }

    #[test]
    fn who_goes_without_having_written_it_gives_it_up() {
        let progress = HandoverProgress::default();
        let (one, other) = (progress.share(), progress.share());
        drop(one);
        assert_eq!(progress.state(), HandoverState::GivenUp);
        other.written();
        assert_eq!(progress.state(), HandoverState::GivenUp);
    }
}
