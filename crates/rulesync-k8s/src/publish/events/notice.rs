//! Notices: what an author is told, with its reason.

use crate::publish::text::limited;

/// The longest note that Kubernetes accepts, in bytes.
const MAX_NOTE: usize = 1024;

/// The reason of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NoticeReason {
    /// The checks of rulesync keep a group or the object from being synced.
    RuleRefused,
    /// A ruler refuses a group.
    RulerRejected,
    /// The object requests, or reads from, a tenant that it may not have.
    TenantDenied,
    /// A tenant has as many rules or groups as its ruler allows.
    LimitExceeded,
    /// The delete guard holds deletes of groups that the object declares no more.
    DeletesHeld,
    /// Another installation claims the tenant for the same owner.
    OwnerConflict,
    /// A group does not stay as it is written.
    Contested,
    /// A ruler has stored a group and does not load it.
    NotLoaded,
    /// A rule fails whenever it is evaluated.
    EvaluationFailing,
    /// Nothing is wrong with the object any more.
    Recovered,
    /// Groups of the object have replaced those that another tool had written.
    Adopted,
    /// The rulers have the object as declared.
    Synced,
    /// Groups were deleted from a ruler.
    Removed,
}

impl NoticeReason {
    /// All reasons.
    pub const ALL: [Self; 13] = [
        Self::RuleRefused,
        Self::RulerRejected,
        Self::TenantDenied,
        Self::LimitExceeded,
        Self::DeletesHeld,
        Self::OwnerConflict,
        Self::Contested,
        Self::NotLoaded,
        Self::EvaluationFailing,
        Self::Recovered,
        Self::Adopted,
        Self::Synced,
        Self::Removed,
    ];

    /// Returns the reason as Events have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RuleRefused => "RuleRefused",
            Self::RulerRejected => "RulerRejected",
            Self::TenantDenied => "TenantDenied",
            Self::LimitExceeded => "LimitExceeded",
            Self::DeletesHeld => "DeletesHeld",
            Self::OwnerConflict => "OwnerConflict",
            Self::Contested => "Contested",
            Self::NotLoaded => "NotLoaded",
            Self::EvaluationFailing => "EvaluationFailing",
            Self::Recovered => "Recovered",
            Self::Adopted => "Adopted",
            Self::Synced => "Synced",
            Self::Removed => "Removed",
        }
    }

    /// Returns what was done, or tried, when this happened.
    pub const fn action(self) -> &'static str {
        match self {
            Self::RuleRefused | Self::TenantDenied => "Check",
            Self::RulerRejected
            | Self::LimitExceeded
            | Self::OwnerConflict
            | Self::Contested
            | Self::Recovered
            | Self::Synced => "Sync",
            Self::DeletesHeld | Self::Removed => "Delete",
            Self::NotLoaded | Self::EvaluationFailing => "Evaluate",
            Self::Adopted => "Adopt",
        }
    }

    /// Returns whether it is a warning. The others are normal.
    pub fn is_warning(self) -> bool {
        self <= Self::EvaluationFailing
    }

    /// Returns whether it is about what happens every day, which not everybody wants as Events.
    pub fn is_routine(self) -> bool {
        matches!(self, Self::Synced | Self::Removed)
    }

    /// Returns the type of the Event.
    pub fn type_(self) -> &'static str {
        if self.is_warning() { "Warning" } else { "Normal" }
    }
}

/// What an author is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Notice {
    /// The reason.
    pub reason: NoticeReason,
    /// The note for people, printable, on one line of at most 1,024 bytes.
    pub note: String,
}

/// The number of items that a note lists.
pub(super) const MAX_ITEMS: usize = 3;

/// The longest item of a note, in bytes: three of them leave room for the rest.
pub(super) const MAX_ITEM: usize = 300;

impl Notice {
    /// Returns the reason by its name, and the note: what tells two notices apart, also in another process.
    pub(super) fn parts(&self) -> (&'static str, &str) {
        (self.reason.name(), &self.note)
    }

    /// Returns a notice of a printable text.
    pub(super) fn new(reason: NoticeReason, note: String) -> Self {
        Self { reason, note: limited(note, MAX_NOTE) }
    }

    /// Returns a notice with the first items of a list, and the number of the others.
    pub(super) fn listing(reason: NoticeReason, items: &[String]) -> Self {
        let shown: Vec<&str> = items.iter().take(MAX_ITEMS).map(String::as_str).collect();
        let mut note = shown.join("; ");
        if items.len() > MAX_ITEMS {
            note.push_str(&format!("; and {} more", items.len() - MAX_ITEMS));
        }
        Self::new(reason, note)
    }
}
