//! What is asked of one namespace at once, for rulers that take a namespace as a whole ([`Capabilities::batches`]).

use crate::model::tenant::TenantId;
use crate::ruler::{Ruler, RulerError};

#[cfg(doc)]
use crate::ruler::Capabilities;

/// One change of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write<'a> {
    /// Creates or replaces a group.
    Put {
        /// The group as the JSON that the engine keeps.
        json: &'a str,
        /// Whether the local checks have found something wrong with the group. It may be in order all the same, but is
        /// better tried apart from groups of which nothing is known.
        has_finding: bool,
    },
    /// Deletes a group.
    DeleteGroup(&'a str),
    /// Deletes the namespace with all its groups, which are these as far as is known.
    DeleteNamespace(&'a [&'a str]),
}

impl Write<'_> {
    /// Makes one change by itself.
    pub(crate) async fn send(
        self,
        ruler: &(impl Ruler + ?Sized),
        tenant: Option<&TenantId>,
        namespace: &str,
    ) -> Result<(), RulerError> {
        match self {
            Self::Put { json, .. } => ruler.put_json(tenant, namespace, json).await,
            Self::DeleteGroup(group) => ruler.delete_group(tenant, namespace, group).await,
            Self::DeleteNamespace(groups) => ruler.delete_namespace(tenant, namespace, groups).await,
        }
    }
}
