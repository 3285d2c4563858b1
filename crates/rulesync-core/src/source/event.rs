//! The events that a source sends.

use std::sync::Arc;

use super::Scope;
use crate::finding::Finding;
use crate::model::labels::Labels;
use crate::model::name::KubernetesNamespace;
use crate::model::object::{ObjectId, ObjectVersion, RuleObject};

/// An event of a source.
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceEvent {
    /// Another snapshot of a scope begins. The first one of each scope begins with [`Source::run`](crate::Source::run), without this event.
    SnapshotStarted(Scope),
    /// Everything in the scope has been sent since its snapshot began; objects that were not sent no longer exist.
    SnapshotComplete(Scope),
    /// The object exists, new or changed. Sending it again unchanged costs nothing.
    Upsert(RuleObject),
    /// The object exists but cannot be read; its last readable form stays.
    Malformed {
        /// The object.
        id: ObjectId,
        /// The version that cannot be read.
        version: ObjectVersion,
        /// The problem.
        finding: Finding,
        /// True if it may stand for objects of other names, as a file that was never parsed does. While there is such
        /// an object, no rules count as orphaned, and nothing counts as missing from a snapshot.
        hides: bool,
    },
    /// The object no longer exists.
    Delete(ObjectId),
    /// The object was renamed: it no longer exists, and others have its rules. Its rules are deleted from rulers once
    /// those of the others, which were sent before, are written.
    Renamed {
        /// The object that no longer exists.
        id: ObjectId,
        /// The objects that have its rules.
        to: Vec<ObjectId>,
    },
    /// A Kubernetes namespace has these labels and annotations. Only from sources with [`Scope::Namespaces`].
    Namespace {
        /// The Kubernetes namespace.
        name: KubernetesNamespace,
        /// All its labels.
        labels: Labels,
        /// Its annotations; those that only other tools use may be left out.
        annotations: Labels,
    },
    /// A Kubernetes namespace no longer exists.
    NamespaceGone {
        /// The Kubernetes namespace.
        name: KubernetesNamespace,
    },
    /// The source cannot see its objects at the moment; those known stay.
    Unavailable {
        /// The reason, and what the source waits for.
        reason: String,
    },
    /// The kind of its objects is missing, or about to be: deletions that were sent just before are not believed,
    /// because a deleted CRD takes all its objects with it. Implies [`SourceEvent::Unavailable`].
    KindGone {
        /// The observation, and what the source waits for.
        reason: String,
    },
    /// A kind that not every cluster has is installed, or is not. Sent before the first snapshot of the kind is
    /// complete. Rules of objects of a kind that is not installed stay: a deleted CRD looks like one that never existed.
    Kind {
        /// The kind, such as `LoggingRule`.
        kind: Arc<str>,
        /// True if it is installed.
        installed: bool,
    },
    /// The source sees its objects again.
    Available,
    /// The identity that distinguishes this cluster, or whatever else declares the objects, from all others; none if it
    /// cannot be known. Only from sources for which [`Source::identifies`](crate::Source::identifies) is true, before their snapshots are
    /// complete.
    Identity(Option<String>),
}
