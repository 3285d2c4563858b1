//! The commands that a destination receives.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::delete_safety::Retirement;
use crate::desired::{DesiredObject, Protection, RemovalReason};
use crate::explain::{DestinationExplanation, NamespaceExplanation, ObjectRef};
use crate::handover::Share;
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::naming::{NamespaceClassifier, NamingInput};
use crate::plan::{Approval, Plan};
use crate::status::{DestinationStatus, ObjectAtDestination};

/// A command from the engine to a destination.
#[derive(Debug)]
pub(crate) enum Command {
    /// An object should have these groups in this namespace. `live` if somebody just changed it, rather than part of a
    /// first load.
    Upsert { namespace: RulerNamespace, object: DesiredObject, live: bool },
    /// The object of the namespace leaves its previous destination once the namespace is in sync here.
    HandOver { namespace: RulerNamespace, share: Share },
    /// An object should have nothing in this namespace any more.
    Remove { namespace: RulerNamespace, object: ObjectId, because: RemovalReason },
    /// The rules of an object stay although it does not declare them here; `None` ends the protection.
    Protect { namespace: RulerNamespace, object: ObjectId, protection: Option<Protection> },
    /// All declarations for the destination so far have been sent: before this, everything it has would look orphaned.
    DeclarationsSent,
    /// No route leads here any more, or one does again.
    Retire(Option<Retirement>),
    /// Held deletes may be made; answers with the number of namespaces.
    Release(oneshot::Sender<Option<usize>>),
    /// The namespaces of the ruler are classified another way from now on, and listed again.
    Classify(Arc<NamespaceClassifier>),
    /// The inventory has recorded these namespaces, which are named as declared.
    Recorded(Arc<BTreeSet<RulerNamespace>>),
    /// These namespaces are those of objects that a source has shown, although no route leads them here.
    Recognize(Vec<RulerNamespace>),
    /// Refusals are forgotten, because the configuration changed.
    Reconsider,
    /// Asks for a report.
    Status(oneshot::Sender<DestinationReport>),
    /// Asks for the status of the destination as a whole.
    Summary(oneshot::Sender<DestinationStatus>),
    /// Asks for the status of some objects here, each with its namespace.
    Objects(Vec<(ObjectId, RulerNamespace)>, oneshot::Sender<Vec<(ObjectId, ObjectAtDestination)>>),
    /// The ruler is listed now.
    List,
    /// Asks what is here of some objects.
    Explain(Question, oneshot::Sender<Vec<ObjectHere>>),
    /// Asks whose a ruler namespace is, which is, or was, that of this object.
    ExplainNamespace(RulerNamespace, Option<ObjectId>, oneshot::Sender<NamespaceExplanation>),
    /// Asks for the current plan.
    Plan(oneshot::Sender<Plan>),
    /// Replaces which changes may be made.
    Approve(Approval),
}

/// The answer to [`Command::Status`].
#[derive(Debug)]
pub(crate) struct DestinationReport {
    pub(crate) destination: DestinationStatus,
    pub(crate) objects: Vec<(ObjectId, ObjectAtDestination)>,
}

/// The objects of a name.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The name.
    pub(crate) object: ObjectRef,
    /// The objects that sources have shown. If there is none, those that it may have been.
    pub(crate) objects: Vec<AskedObject>,
}

/// The parts of an object that its namespaces are made of.
#[derive(Debug, Clone)]
pub(crate) struct AskedObject {
    pub(crate) id: ObjectId,
    uid: Option<Box<str>>,
    ruler_namespace: Option<Box<str>>,
}

impl AskedObject {
    pub(crate) fn of(input: &NamingInput<'_>) -> Self {
        Self {
            id: input.id.clone(),
            uid: input.uid.map(Into::into),
            ruler_namespace: input.ruler_namespace.map(Into::into),
        }
    }

    /// Returns what its namespaces are made of.
    pub(crate) fn naming_input(&self) -> NamingInput<'_> {
        NamingInput {
            id: &self.id,
            uid: self.uid.as_deref(),
            ruler_namespace: self.ruler_namespace.as_deref(),
        }
    }
}

/// What a destination has of an object.
#[derive(Debug)]
pub(crate) struct ObjectHere {
    /// The object; none if that is only known by its name.
    pub(crate) id: Option<ObjectId>,
    pub(crate) explanation: DestinationExplanation,
}
