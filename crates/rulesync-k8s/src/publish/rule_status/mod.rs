//! `RuleStatus`: what became of an object whose own status is closed to us, beside it in its Kubernetes namespace.

mod name;

use rulesync_core::Owner;
use rulesync_core::model::LOGGING_RULE;
use rulesync_core::status::ObjectStatus;

pub use name::name;

use super::contents;
use super::digest::Digest;
use super::draft::{Dated, Draft};
use super::metadata::{DIGEST_ANNOTATION, TRANSITIONS_ANNOTATION, beside};
use super::transitions::Transitions;
use crate::crd::{RuleStatus, RuleStatusSubject, SourceObject};
use crate::resource::Kind;

/// Returns the `RuleStatus` of an object, without times; none for what has none: objects that carry their status themselves,
/// and those that no cluster has.
pub fn render(status: &ObjectStatus, owner: &Owner) -> Option<Draft<RuleStatus>> {
    let kind = Kind::of(&status.kind).filter(|kind| kind.name != LOGGING_RULE)?;
    let (contents, conditions) = contents::of(status, None);
    let metadata = beside(name(&status.kind, &status.name, owner), kind, status, owner, conditions.state());
    let source = SourceObject {
        api_version: Some(kind.api_version()),
        kind: Some(status.kind.clone()),
        name: Some(status.name.clone()),
        uid: status.uid.clone(),
        generation: status.generation,
    };
    let spec = RuleStatusSubject { source: Some(source) };
    let rendering = RuleStatus { metadata, spec, status: Some(contents) };
    let digest = Digest::new(&rendering, &contents::steady(status));
    Some(Draft { rendering, conditions, digest })
}

impl Dated for RuleStatus {
    fn date(&mut self, digest: Digest, transitions: &Transitions) {
        let annotations = self.metadata.annotations.get_or_insert_default();
        annotations.insert(DIGEST_ANNOTATION.to_owned(), digest.to_string());
        annotations.insert(TRANSITIONS_ANNOTATION.to_owned(), transitions.to_string());
        if let Some(status) = &mut self.status {
            transitions.date(&mut status.conditions);
        }
    }
}

#[cfg(test)]
mod tests;
