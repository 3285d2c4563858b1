//! One change of a plan: what is done to which group, why, and what holds it.

use std::fmt;

use serde::Serialize;
use serde::ser::SerializeStruct;

use crate::desired::DesiredGroup;
use crate::guard::HeldReason;
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::observed::Adoptable;

/// The operation of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Creates or replaces a group.
    Put(DesiredGroup),
    /// Deletes a group.
    DeleteGroup(Box<str>),
    /// Deletes a namespace with these groups, all it has.
    DeleteNamespace(Vec<Box<str>>),
}

/// The reason for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// It is declared and missing in the ruler.
    Missing,
    /// The declaration differs from what the ruler has.
    Changed,
    /// The ruler has it and it is not declared.
    NotDeclared,
    /// It was in sync before and somebody changed it in the ruler.
    Drifted,
    /// It lacks what its route enforces now.
    NotAllowed,
    /// It exists under its new name now; this is its name by a previous owner or naming.
    Renamed,
    /// An equal own group has replaced it.
    Adopted,
    /// It is the claim of this installation.
    Claim,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One request to a ruler.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The ruler's namespace.
    pub namespace: RulerNamespace,
    /// The object it is made for, or was; none if that was deleted while no process ran.
    pub object: Option<ObjectId>,
    /// The operation.
    pub action: Action,
    /// The reason.
    pub reason: Reason,
    /// The reason why it is not made now, if it is a delete that is held or protected.
    pub held: Option<HeldReason>,
}

impl Change {
    /// Deletes a foreign group for an object whose group has replaced it.
    pub(crate) fn adoption(adoptable: &Adoptable, object: ObjectId) -> Self {
        Self {
            namespace: adoptable.namespace.clone(),
            object: Some(object),
            action: Action::DeleteGroup(adoptable.group.clone()),
            reason: Reason::Adopted,
            held: None,
        }
    }

    /// Returns whether it deletes something.
    pub fn is_delete(&self) -> bool {
        !matches!(self.action, Action::Put(_))
    }

    /// Returns the number of groups that it deletes.
    pub fn deletes(&self) -> usize {
        match &self.action {
            Action::Put(_) => 0,
            Action::DeleteGroup(_) => 1,
            Action::DeleteNamespace(groups) => groups.len(),
        }
    }

    /// Returns whether the delete guard applies: it does not where the configuration itself requires the delete.
    pub(crate) fn is_guarded(&self) -> bool {
        self.is_delete() && matches!(self.reason, Reason::NotDeclared | Reason::NotAllowed)
    }

    /// Iterates over the groups that it writes or deletes.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        let (one, several) = match &self.action {
            Action::Put(group) => (Some(&*group.name), &[][..]),
            Action::DeleteGroup(group) => (Some(&**group), &[][..]),
            Action::DeleteNamespace(groups) => (None, &groups[..]),
        };
        one.into_iter().chain(several.iter().map(AsRef::as_ref))
    }

    /// Returns the group that it is about; none for a whole namespace.
    pub fn group(&self) -> Option<&str> {
        match &self.action {
            Action::Put(group) => Some(&group.name),
            Action::DeleteGroup(group) => Some(group),
            Action::DeleteNamespace(_) => None,
        }
    }

    /// Returns the operation in one word, as in metrics and plans.
    pub fn operation(&self) -> &'static str {
        match &self.action {
            Action::Put(_) => "put_group",
            Action::DeleteGroup(_) => "delete_group",
            Action::DeleteNamespace(_) => "delete_namespace",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match (&self.action, self.reason) {
            (Action::Put(_), Reason::Missing) => '+',
            (Action::Put(_), _) => '~',
            _ => '-',
        };
        write!(f, "{sign} {}", self.namespace)?;
        match &self.action {
            Action::Put(group) => write!(f, " / {} ({} rules)", group.name, group.rules)?,
            Action::DeleteGroup(group) => write!(f, " / {group}")?,
            Action::DeleteNamespace(groups) => write!(f, " ({} groups)", groups.len())?,
        }
        if let Some(object) = &self.object {
            write!(f, " of {object}")?;
        }
        match (self.held, self.reason) {
            (Some(held), _) => write!(f, " ({held})"),
            (_, Reason::NotAllowed | Reason::Renamed | Reason::Adopted | Reason::Claim) => {
                write!(f, " ({})", self.reason)
            }
            _ => Ok(()),
        }
    }
}

impl Serialize for Change {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Change", 6)?;
        fields.serialize_field("operation", self.operation())?;
        fields.serialize_field("reason", &self.reason)?;
        fields.serialize_field("namespace", &*self.namespace)?;
        fields.serialize_field("group", &self.group())?;
        fields.serialize_field("object", &self.object.as_ref().map(ToString::to_string))?;
        fields.serialize_field("held", &self.held)?;
        fields.end()
    }
}
