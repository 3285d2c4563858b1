//! One ruler and tenant, for the verbs that act on it directly: no engine plans or guards these requests.

use std::sync::Arc;

use rulesync_config::OpenRuler;
use rulesync_core::model::{DestinationId, Fingerprint};
use rulesync_core::naming::NamespaceClass;
use rulesync_core::ruler::{StoredGroups, UnreadableGroup};
use rulesync_core::testing::Observed;
use rulesync_core::{Capabilities, EncodedGroup, Group, Listing, RulerError};

use crate::failure::Failure;

/// One ruler and tenant.
pub(crate) struct Destination {
    ruler: Arc<OpenRuler>,
    id: DestinationId,
}

/// What a ruler has for a tenant.
pub(crate) struct Stored {
    /// The groups with their content.
    pub(crate) groups: StoredGroups,
    /// Groups that cannot be read.
    pub(crate) unreadable: Vec<UnreadableGroup>,
}

impl Destination {
    pub(super) fn new(ruler: Arc<OpenRuler>, id: DestinationId) -> Self {
        Self { ruler, id }
    }

    /// The ruler and the tenant.
    pub(crate) fn id(&self) -> &DestinationId {
        &self.id
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        self.ruler.capabilities()
    }

    /// Reads everything that the ruler has for the tenant, whoever it belongs to.
    pub(crate) async fn read(&self) -> Result<Stored, Failure> {
        let nothing = Observed::default();
        let everything = |_: &str| NamespaceClass::Managed;
        let mut listing = Listing::new(self.capabilities().fields, &everything, &nothing).storing();
        let read = self.ruler.list(self.id.tenant.as_ref(), &mut listing).await;
        read.map_err(|error| self.failure("cannot read the rules", error))?;
        let unreadable = listing.unreadable_groups().to_vec();
        Ok(Stored { groups: listing.into_stored(), unreadable })
    }

    /// Creates or replaces a group.
    pub(crate) async fn write(&self, namespace: &str, group: &Group) -> Result<(), Failure> {
        let what = format!("cannot write {namespace} / {}", group.name);
        let encoded = EncodedGroup::of(group).map_err(|error| self.failure(&what, error.into()))?;
        let written = self.ruler.write_group(self.id.tenant.as_ref(), namespace, &encoded).await;
        written.map_err(|error| self.failure(&what, error))
    }

    /// Deletes a group; one that is missing is no error.
    pub(crate) async fn delete(&self, namespace: &str, group: &str) -> Result<(), Failure> {
        let deleted = self.ruler.delete_group(self.id.tenant.as_ref(), namespace, group).await;
        deleted.map_err(|error| self.failure(&format!("cannot delete {namespace} / {group}"), error))
    }

    /// Deletes a namespace, which has these groups.
    pub(crate) async fn delete_namespace(&self, namespace: &str, groups: &[&str]) -> Result<(), Failure> {
        let deleted = self.ruler.delete_namespace(self.id.tenant.as_ref(), namespace, groups).await;
        deleted.map_err(|error| self.failure(&format!("cannot delete {namespace}"), error))
    }

    /// Returns whether two groups are the same to the ruler.
    pub(crate) fn are_same(&self, one: &Group, other: &Group) -> bool {
        let fields = self.capabilities().fields;
        Fingerprint::of(one, &fields) == Fingerprint::of(other, &fields)
    }

    fn failure(&self, what: &str, error: RulerError) -> Failure {
        Failure::Ruler { destination: self.id.to_string(), what: what.to_owned(), error }
    }
}

impl Stored {
    /// Returns whether a group is there, readable or not.
    pub(crate) fn has(&self, namespace: &str, group: &str) -> bool {
        self.groups.get(&namespace.into(), &group.into()).is_some()
            || self.unreadable_group(namespace, group).is_some()
    }

    /// Returns a group that is there and cannot be read.
    pub(crate) fn unreadable_group(&self, namespace: &str, group: &str) -> Option<&UnreadableGroup> {
        self.unreadable
            .iter()
            .find(|unreadable| *unreadable.namespace == *namespace && *unreadable.group == *group)
    }

    /// Returns the groups, if all could be read.
    ///
    /// # Errors
    ///
    /// [`Failure::Unreadable`] with those that could not.
    pub(crate) fn whole(self) -> Result<StoredGroups, Failure> {
        match self.unreadable.is_empty() {
            true => Ok(self.groups),
            false => Err(Failure::Unreadable(self.unreadable)),
        }
    }

    /// Warns of the groups that could not be read.
    pub(crate) fn readable(self) -> StoredGroups {
        for group in &self.unreadable {
            let reason = group.reason.as_str();
            tracing::warn!(%group, reason, "A group cannot be read, and is left out");
        }
        self.groups
    }
}
