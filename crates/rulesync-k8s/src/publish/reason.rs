//! The reasons of conditions, by their seriousness.

use std::fmt;

/// The reason of a condition, from the least to the most serious. That of the condition `Ready` is the state of an object in
/// one word: the value of the label [`STATE_LABEL`](super::STATE_LABEL).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Its groups are valid, and go where they may go.
    Accepted,
    /// The rulers evaluate it without errors.
    Healthy,
    /// The rulers have it as declared.
    Synced,
    /// It is not known whether the rulers evaluate it.
    Unknown,
    /// No route selects it.
    NotSelected,
    /// Another process is the leader and writes.
    Standby,
    /// It is on its way; a failed write is tried again.
    Pending,
    /// A ruler does not answer.
    RulerUnavailable,
    /// A rule fails whenever it is evaluated.
    Failing,
    /// A ruler has stored a group and does not load it.
    NotLoaded,
    /// Groups that it declares no more are still in a ruler, because the delete guard holds their deletes.
    DeletesHeld,
    /// A group does not stay as it is written.
    Contested,
    /// A tenant has as many rules or groups as its ruler allows.
    LimitExceeded,
    /// Another installation claims a tenant for the same owner.
    OwnerConflict,
    /// Groups are refused: by the checks of rulesync, or by a ruler.
    GroupsRefused,
    /// It requests, or reads from, a tenant that it may not have.
    TenantDenied,
    /// It cannot be read.
    Malformed,
}

impl Reason {
    /// All reasons, from the least to the most serious.
    pub const ALL: [Self; 17] = [
        Self::Accepted,
        Self::Healthy,
        Self::Synced,
        Self::Unknown,
        Self::NotSelected,
        Self::Standby,
        Self::Pending,
        Self::RulerUnavailable,
        Self::Failing,
        Self::NotLoaded,
        Self::DeletesHeld,
        Self::Contested,
        Self::LimitExceeded,
        Self::OwnerConflict,
        Self::GroupsRefused,
        Self::TenantDenied,
        Self::Malformed,
    ];

    /// Returns the reason as conditions have it, such as `GroupsRefused`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Healthy => "Healthy",
            Self::Synced => "Synced",
            Self::Unknown => "Unknown",
            Self::NotSelected => "NotSelected",
            Self::Standby => "Standby",
            Self::Pending => "Pending",
            Self::RulerUnavailable => "RulerUnavailable",
            Self::Failing => "Failing",
            Self::NotLoaded => "NotLoaded",
            Self::DeletesHeld => "DeletesHeld",
            Self::Contested => "Contested",
            Self::LimitExceeded => "LimitExceeded",
            Self::OwnerConflict => "OwnerConflict",
            Self::GroupsRefused => "GroupsRefused",
            Self::TenantDenied => "TenantDenied",
            Self::Malformed => "Malformed",
        }
    }

    /// Returns the reason as labels and annotations have it, such as `refused`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Healthy => "healthy",
            Self::Synced => "synced",
            Self::Unknown => "unknown",
            Self::NotSelected => "not-selected",
            Self::Standby => "standby",
            Self::Pending => "pending",
            Self::RulerUnavailable => "unavailable",
            Self::Failing => "failing",
            Self::NotLoaded => "not-loaded",
            Self::DeletesHeld => "held",
            Self::Contested => "contested",
            Self::LimitExceeded => "limited",
            Self::OwnerConflict => "conflict",
            Self::GroupsRefused => "refused",
            Self::TenantDenied => "denied",
            Self::Malformed => "malformed",
        }
    }

    /// Returns the reason that a label or an annotation has; none if it has another word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// Returns whether something is wrong with the object, as opposed to the rulers: an outage, another leader and a write
    /// that is on its way pass by themselves.
    pub fn is_problem(self) -> bool {
        self >= Self::Failing
    }

    /// Returns whether waiting does not help: an author or operator has to change something. That is what makes tools give
    /// up (`Stalled`).
    ///
    /// Rules that fail or are not loaded are left out, because an outage of the data behind a ruler looks the same, and held
    /// deletes, because many are made after a while.
    pub fn is_stalled(self) -> bool {
        self >= Self::Contested
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_names_and_words_of_their_own() {
        assert!(Reason::ALL.is_sorted());
        for reason in Reason::ALL {
            assert_eq!(Reason::of_word(reason.word()), Some(reason));
            assert!(reason.word().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
            assert!(reason.name().bytes().all(|byte| byte.is_ascii_alphabetic()));
            assert_eq!(Reason::ALL.iter().filter(|other| other.name() == reason.name()).count(), 1);
            assert!(reason.is_problem() || !reason.is_stalled());
        }
        assert_eq!(Reason::of_word("odd"), None);
    }
}
