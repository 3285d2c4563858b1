//! Handovers: an object that moves is deleted from a destination only when those that it moves to have written it. Each
//! of these holds a [`Share`]; the destination that it leaves watches the [`HandoverProgress`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;

/// An object leaves a destination for others, which must have it first, so that it does not go unevaluated.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) destination: DestinationId,
    pub(crate) namespace: RulerNamespace,
    pub(crate) object: ObjectId,
    /// The objects that others receive: the object itself, unless it was renamed.
    pub(crate) to: Arc<[ObjectId]>,
    /// The progress of those that receive it.
    pub(crate) progress: HandoverProgress,
}

/// The progress of a move, as the destination that the object leaves sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct HandoverProgress {
    ends: Arc<Ends>,
}

#[derive(Debug, Default)]
struct Ends {
    /// The number of shares that have not ended.
    waiting: AtomicUsize,
    /// True if a share ended before its holder had written the object.
    given_up: AtomicBool,
}

/// The state of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandoverState {
    /// Some destination has yet to write the object.
    Waiting,
    /// Every destination has written it.
    Written,
    /// Some destination will not write it: the object no longer goes there, or the destination was replaced.
    GivenUp,
}

/// A destination's part in a handover, until it has written the object that it receives. Dropping it earlier gives the
/// handover up.
#[derive(Debug)]
pub(crate) struct Share {
    ends: Arc<Ends>,
    written: bool,
}

impl HandoverProgress {
    /// Adds a share.
    pub(crate) fn share(&self) -> Share {
        self.ends.waiting.fetch_add(1, Ordering::AcqRel);
        Share { ends: Arc::clone(&self.ends), written: false }
    }

    /// Returns the state of the move; without shares there is nothing to wait for.
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
    /// Ends the share, because its holder has written the object.
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
    fn handover_ends_when_every_holder_has_written_the_object() {
        let progress = HandoverProgress::default();
        assert_eq!(progress.state(), HandoverState::Written, "no destination has to write it");
        let (one, other) = (progress.share(), progress.share());
        assert_eq!(progress.state(), HandoverState::Waiting);
        one.written();
        assert_eq!(progress.state(), HandoverState::Waiting);
        other.written();
        assert_eq!(progress.state(), HandoverState::Written);
    }

    #[test]
    fn handover_is_given_up_when_a_share_is_dropped() {
        let progress = HandoverProgress::default();
        let (one, other) = (progress.share(), progress.share());
        drop(one);
        assert_eq!(progress.state(), HandoverState::GivenUp);
        other.written();
        assert_eq!(progress.state(), HandoverState::GivenUp);
    }
}
