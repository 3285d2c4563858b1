//! The state in one word on the source object itself: all that tools see that look at nothing else.
//!
//! It is written when it has changed, and only with states that last: an object that is on its way, or whose ruler does not
//! answer, keeps the word of before.

use super::metadata::STATE_LABEL;
use super::reason::Reason;

/// The annotation with the state of an object in one word, see [`Reason::word`].
pub const ANNOTATION: &str = STATE_LABEL;

/// The objects that are annotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Annotated {
    /// Those with a problem, as long as they have it.
    #[default]
    Problems,
    /// All.
    All,
}

/// What is to be done with the annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// Nothing.
    Keep,
    /// It gets this word.
    Set(Reason),
    /// It is removed.
    Remove,
}

/// Returns what is to be done with the annotation of an object in a state. `before` is the word that rulesync has given it;
/// none if it has given it none.
pub fn transition(annotated: Annotated, before: Option<Reason>, state: Reason) -> Transition {
    let wanted = match (annotated, state) {
        (_, state) if state.is_problem() => Some(state),
        // These pass: nothing is known of what comes of them.
        (_, Reason::Pending | Reason::RulerUnavailable | Reason::Standby | Reason::Unknown) => before,
        (Annotated::All, state) => Some(state),
        (Annotated::Problems, _) => None,
    };
    match wanted {
        _ if wanted == before => Transition::Keep,
        Some(state) => Transition::Set(state),
        None => Transition::Remove,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotation_is_written_with_transitions_between_lasting_states_only() {
        use Reason::{Failing, GroupsRefused, NotSelected, Pending, RulerUnavailable, Synced};
        for (annotated, before, state, expected) in [
            (Annotated::Problems, None, Synced, Transition::Keep),
            (Annotated::Problems, None, Pending, Transition::Keep),
            (Annotated::Problems, None, GroupsRefused, Transition::Set(GroupsRefused)),
            (Annotated::Problems, Some(GroupsRefused), GroupsRefused, Transition::Keep),
            (Annotated::Problems, Some(GroupsRefused), Pending, Transition::Keep),
            (Annotated::Problems, Some(GroupsRefused), RulerUnavailable, Transition::Keep),
            (Annotated::Problems, Some(GroupsRefused), Failing, Transition::Set(Failing)),
            (Annotated::Problems, Some(GroupsRefused), Synced, Transition::Remove),
            (Annotated::Problems, Some(GroupsRefused), NotSelected, Transition::Remove),
            (Annotated::All, None, Synced, Transition::Set(Synced)),
            (Annotated::All, None, Pending, Transition::Keep),
            (Annotated::All, Some(Synced), Pending, Transition::Keep),
            (Annotated::All, Some(GroupsRefused), Synced, Transition::Set(Synced)),
            (Annotated::All, Some(Synced), NotSelected, Transition::Set(NotSelected)),
        ] {
            assert_eq!(transition(annotated, before, state), expected, "{annotated:?} {before:?} {state}");
        }
    }
}
