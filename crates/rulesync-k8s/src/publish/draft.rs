//! A rendering without times, and what is kept of one that was written.

use kube::core::ObjectMeta;

use super::conditions::Conditions;
use super::digest::Digest;
use super::metadata::{DIGEST_ANNOTATION, STATE_LABEL, TRANSITIONS_ANNOTATION};
use super::reason::Reason;
use super::transitions::Transitions;

/// A rendering without times, to be compared with what was written, and then given the times that follow of that.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft<T> {
    pub(super) rendering: T,
    pub(super) conditions: Conditions,
    pub(super) digest: Digest,
}

/// What can be given times.
pub(super) trait Dated {
    fn date(&mut self, digest: Digest, transitions: &Transitions);
}

impl<T> Draft<T> {
    /// Returns the digest of everything but the times.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the conditions.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Returns the state of the object in one word.
    pub fn state(&self) -> Reason {
        self.conditions.state()
    }
}

#[expect(private_bounds, reason = "the kinds that are published are those of this crate")]
impl<T: Dated> Draft<T> {
    /// Returns the object to be written at a time, in seconds since 1970, and what is to be kept of it.
    pub fn at(self, before: Option<&Written>, now: u64) -> (T, Written) {
        let Self { mut rendering, conditions, digest } = self;
        let transitions =
            before.map(|before| before.transitions).unwrap_or_default().follow(&conditions, now);
        rendering.date(digest, &transitions);
        (rendering, Written { digest, transitions, state: Some(conditions.state()) })
    }
}

/// What is known of an object that was written, without the object: 48 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The digest of everything but the times.
    pub digest: Digest,
    /// The times.
    pub transitions: Transitions,
    /// The state in one word; none if it was written by another version, with a word that this one does not know.
    pub state: Option<Reason>,
}

impl Written {
    /// Returns what the metadata of a published object say; none if somebody has removed the digest, so that it has to be
    /// written again.
    pub fn of_metadata(metadata: &ObjectMeta) -> Option<Self> {
        let annotation = |name| metadata.annotations.as_ref()?.get(name).map(String::as_str);
        let digest = annotation(DIGEST_ANNOTATION)?.parse().ok()?;
        let Ok(transitions) = annotation(TRANSITIONS_ANNOTATION).unwrap_or_default().parse();
        let state = metadata.labels.as_ref().and_then(|labels| Reason::of_word(labels.get(STATE_LABEL)?));
        Some(Self { digest, transitions, state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::rule_status::render;
    use crate::publish::samples::refused;

    #[test]
    fn written_is_what_the_metadata_say() {
        assert!(size_of::<Written>() <= 48);
        let draft = render(&refused(), &"prod".parse().unwrap()).unwrap();
        let (object, written) = draft.at(None, 1_795_818_722);
        assert_eq!(Written::of_metadata(&object.metadata), Some(written));
        let without = |annotation: &str| {
            let mut metadata = object.metadata.clone();
            metadata.annotations.as_mut().unwrap().remove(annotation);
            Written::of_metadata(&metadata)
        };
        // Without the digest it is written again, without the times these begin anew.
        assert_eq!(without(DIGEST_ANNOTATION), None);
        let transitions = Transitions::default();
        assert_eq!(without(TRANSITIONS_ANNOTATION), Some(Written { transitions, ..written }));
        let mut relabelled = object.metadata.clone();
        relabelled.labels.as_mut().unwrap().insert(STATE_LABEL.to_owned(), "odd".to_owned());
        assert_eq!(Written::of_metadata(&relabelled), Some(Written { state: None, ..written }));
    }
}
