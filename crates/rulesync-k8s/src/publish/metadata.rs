//! Names, labels, annotations and references of what is published.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::ObjectMeta;
use rulesync_core::Owner;
use rulesync_core::model::Fingerprint;
use rulesync_core::status::ObjectStatus;

use super::reason::Reason;
use super::text::boundary;
use crate::crd::STATE_KEY;
use crate::resource::Kind;

/// The label with the owner, on everything that is published.
pub const OWNER_LABEL: &str = "rulesync.dev/owner";

/// The label with the state in one word, see [`Reason::word`]; also the annotation on source objects.
pub const STATE_LABEL: &str = STATE_KEY;

/// The label that says who writes an object, and its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "rulesync");

/// The annotation with the [`Digest`](super::Digest) of what was written.
pub const DIGEST_ANNOTATION: &str = "rulesync.dev/digest";

/// The annotation with the [`Transitions`](super::Transitions) of what was written.
pub const TRANSITIONS_ANNOTATION: &str = "rulesync.dev/transitions";

/// The longest name of an object in Kubernetes, in bytes.
pub(super) const MAX_NAME: usize = 253;

/// The number of hexadecimal digits of a hash, as in the names of ruler namespaces.
const HASH_DIGITS: usize = 16;

/// Returns the field manager of everything that an installation publishes.
pub fn field_manager(owner: &Owner) -> String {
    format!("rulesync-{owner}")
}

/// Returns the labels of what is published of an object, with its state if that is to be found by it.
pub(super) fn labels(owner: &Owner, state: Option<Reason>) -> BTreeMap<String, String> {
    let (managed_by, rulesync) = MANAGED_BY;
    let always = [(managed_by, rulesync), (OWNER_LABEL, owner.as_str())];
    let labels = always.into_iter().chain(state.map(|state| (STATE_LABEL, state.word())));
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Returns the metadata of what is published beside an object, under a name of its own.
pub(super) fn beside(
    name: String,
    kind: &Kind,
    status: &ObjectStatus,
    owner: &Owner,
    state: Reason,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(status.namespace.clone()),
        labels: Some(labels(owner, Some(state))),
        owner_references: owner_reference(kind, status).map(|reference| vec![reference]),
        ..ObjectMeta::default()
    }
}

/// Returns the reference by which the garbage collector deletes what is published of an object together with it.
fn owner_reference(kind: &Kind, status: &ObjectStatus) -> Option<OwnerReference> {
    Some(OwnerReference {
        api_version: kind.api_version(),
        kind: status.kind.clone(),
        name: status.name.clone(),
        uid: status.uid.clone()?,
        // rulesync does not control the object, and blocking its deletion needs a permission on finalizers of others.
        controller: None,
        block_owner_deletion: None,
    })
}

/// Returns a name of Kubernetes, cut if it is too long, so that each of its parts remains one of a DNS name.
pub(super) fn limited_name(full: String, max_bytes: usize) -> String {
    if full.len() <= max_bytes {
        return full;
    }
    let hash = Fingerprint::of_bytes(full.as_bytes()).to_string();
    let end = boundary(&full, max_bytes.saturating_sub(HASH_DIGITS + 1));
    let kept = full.get(..end).unwrap_or_default().trim_end_matches(['.', '-']);
    format!("{kept}-{}", hash.get(..HASH_DIGITS).unwrap_or(&hash))
}
