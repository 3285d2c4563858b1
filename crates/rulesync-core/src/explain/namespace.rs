//! Whose a ruler namespace is at one destination.

use serde::{Deserialize, Serialize};

use crate::guard::HeldReason;
use crate::model::tenant::DestinationId;
use crate::naming::{NamespaceClass, NamespaceClassifier};

/// Whose a ruler namespace is at one destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NamespaceExplanation {
    /// The ruler.
    pub ruler: String,
    /// The tenant, if one is named.
    pub tenant: Option<String>,
    /// The namespace.
    pub namespace: String,
    /// The class of its name.
    pub class: NamespaceClass,
    /// The naming whose form it has, such as `owner prod`; none if it has no own one's.
    pub naming: Option<String>,
    /// The age of that naming.
    pub naming_age: Option<NamingAge>,
    /// Whose it is.
    pub ownership: Ownership,
    /// The object that it is of, or was, as kind, Kubernetes namespace and name, as far as that is known.
    pub object: Option<String>,
    /// True if a source declares that object.
    pub declared: bool,
    /// The namespace that the object has now, if this is a former one.
    pub successor: Option<String>,
    /// The number of groups in it; none if it is not read, as those of others, or the ruler has not been listed.
    pub groups: Option<usize>,
    /// The reason why groups in it that nothing declares are not deleted.
    pub held: Option<HeldReason>,
}

/// The age of a naming at a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NamingAge {
    /// In use.
    Present,
    /// An earlier one that the configuration lists.
    Previous,
    /// An earlier one that the inventory alone remembers.
    Remembered,
}

/// Whose a ruler namespace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ownership {
    /// This installation's.
    Own,
    /// Nobody can tell: the form of the name proves nothing, because names may contain its separator, and no source has
    /// shown its object; or names are as declared, and the inventory that records them was not read. It is not touched.
    Unproven,
    /// Somebody else's.
    Foreign,
}

impl NamespaceExplanation {
    /// Records that it is named after an object that is shown. That proves it an own one if it has the form of one; names as
    /// declared have none.
    pub(crate) fn is_named_after_an_object(&mut self) {
        if matches!(self.class, NamespaceClass::Managed | NamespaceClass::Legacy) {
            self.ownership = Ownership::Own;
        }
    }

    /// Creates the explanation of a namespace by its form alone.
    pub(crate) fn of_form(id: &DestinationId, namespace: &str, classifier: &NamespaceClassifier) -> Self {
        let class = classifier.classify(namespace);
        let naming = classifier.naming_of(namespace);
        let age = |naming| {
            if classifier.present.contains(naming) {
                NamingAge::Present
            } else if classifier.legacy.contains(naming) {
                NamingAge::Previous
            } else {
                NamingAge::Remembered
            }
        };
        // Names as declared are of the installation that has recorded them.
        let is_unread = classifier.needs_records() && classifier.recorded.is_none();
        let ownership = match class {
            NamespaceClass::Adoptable | NamespaceClass::Foreign if is_unread => Ownership::Unproven,
            NamespaceClass::Adoptable | NamespaceClass::Foreign => Ownership::Foreign,
            NamespaceClass::Claim => Ownership::Own,
            NamespaceClass::Managed | NamespaceClass::Legacy if classifier.is_certain(namespace) => {
                Ownership::Own
            }
            NamespaceClass::Managed | NamespaceClass::Legacy => Ownership::Unproven,
        };
        let object = classifier.parse(namespace).map(|named| match named.kind {
            Some(kind) => format!("{kind} {}/{}", named.namespace, named.name),
            None => format!("{}/{}", named.namespace, named.name),
        });
        Self {
            ruler: id.ruler.to_string(),
            tenant: id.tenant.as_ref().map(ToString::to_string),
            namespace: namespace.to_owned(),
            class,
            naming: naming.map(ToString::to_string),
            naming_age: naming.map(age),
            ownership,
            object,
            declared: false,
            successor: None,
            groups: None,
            held: None,
        }
    }
}
