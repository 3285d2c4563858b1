//! What became of objects with rules, as their own cluster shows it: pure renderings, from the engine's status of an object
//! to what is written, and the [`Publisher`] that writes them.
//!
//! [`Conditions`] say what became of an object; everything else follows from them. [`rule_status`] and [`logging_rule`]
//! render them as objects, [`events`] as notices about what has changed, [`annotation`] as one word on the object itself,
//! and [`report`] as a report of findings. All text of authors and rulers is printable and limited.
//!
//! What is written has no time but those of its conditions, and a [`Digest`] of everything else: equal digests mean that
//! there is nothing to write. The times of conditions are those of their last change ([`Transitions`]), which are part of
//! what was written and are kept beside its digest, so that no object is read before it is written.

pub mod annotation;
mod conditions;
mod contents;
mod digest;
mod draft;
pub mod events;
mod findings;
pub mod logging_rule;
mod metadata;
mod publisher;
mod reason;
pub mod report;
pub mod rule_status;
mod text;
mod transitions;

#[cfg(test)]
mod samples;

pub use conditions::{ConditionStatus, ConditionType, Conditions, Verdict};
pub use digest::Digest;
pub use draft::{Draft, Written};
pub use metadata::{
    DIGEST_ANNOTATION, MANAGED_BY, OWNER_LABEL, STATE_LABEL, TRANSITIONS_ANNOTATION, field_manager,
};
pub use publisher::{
    EventSelection, ObjectSelection, PublishContext, PublishMetrics, PublishSettings, Publisher,
    RemovalReporter,
};
pub use reason::Reason;
pub use transitions::Transitions;
