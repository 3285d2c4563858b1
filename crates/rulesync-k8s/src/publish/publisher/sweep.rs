//! What is left of objects that do not exist any more: what was published of them is deleted, besides by the garbage
//! collector, which does not see an object that is no longer among those of a source.

use rulesync_core::status::SourceStatus;

/// Returns whether all objects of a source are known.
pub(super) fn is_complete(source: &SourceStatus) -> bool {
    source.ready && source.unavailable.is_none() && !source.hides_objects
}

/// Returns whether the objects of the source with this name are known, as far as they can be at the moment: it has shown
/// all, or cannot see some.
pub(super) fn has_shown(sources: &[SourceStatus], name: &str) -> bool {
    sources.iter().any(|source| source.name == name && (source.ready || source.unavailable.is_some()))
}

/// Returns whether what was published of an object may be deleted after its source has reported that it is gone.
pub(super) fn may_delete(sources: &[SourceStatus], name: &str) -> bool {
    sources.iter().any(|source| source.name == name && is_complete(source))
}

/// Returns whether what belongs to no known object may be deleted. Several sources may have the same cluster, so that all
/// must be complete.
pub(super) fn may_sweep(sources: &[SourceStatus]) -> bool {
    !sources.is_empty() && sources.iter().all(is_complete)
}
