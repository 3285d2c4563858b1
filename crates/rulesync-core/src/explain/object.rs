//! The explanation of one object.

use serde::{Deserialize, Serialize};

use super::destination::DestinationExplanation;
use super::namespace::NamespaceExplanation;
use super::route::RouteExplanation;
use crate::finding::Finding;
use crate::model::object::ObjectId;
use crate::status::ObjectState;

/// The version of the form of explanations as JSON. New keys may be added within one.
pub const VERSION: u32 = 1;

/// The answer to a question: all objects of a name, or whose a ruler namespace is at each destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explained {
    /// The version of the form: [`VERSION`].
    pub version: u32,
    /// The owner of the installation that answers.
    pub owner: String,
    /// True if a running engine answers: without one, nothing is known of what rulers have.
    pub running: bool,
    /// Sources that have not yet shown all their objects, so that more may exist than is explained.
    pub waiting_for: Vec<String>,
    /// The objects of the name, by kind and source.
    pub objects: Vec<ObjectExplanation>,
    /// The ruler namespace at each destination.
    pub namespaces: Vec<NamespaceExplanation>,
}

impl Explained {
    /// Creates an answer that says nothing yet.
    pub fn new(owner: impl Into<String>, running: bool) -> Self {
        Self {
            version: VERSION,
            owner: owner.into(),
            running,
            waiting_for: Vec::new(),
            objects: Vec::new(),
            namespaces: Vec::new(),
        }
    }
}

/// Why an object is where it is, or is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectExplanation {
    /// Its kind.
    pub kind: String,
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its source; empty if that is not known any more.
    pub source: String,
    /// True if a source declares it. If not, only what rulers still have of it is explained.
    pub declared: bool,
    /// Its state; none without a running engine.
    pub state: Option<ObjectState>,
    /// What each route makes of it, in their order; empty if no version of it could be read.
    pub routes: Vec<RouteExplanation>,
    /// Where it goes, and where rulers have something of it.
    pub destinations: Vec<DestinationExplanation>,
    /// The findings that do not depend on a destination.
    pub findings: Vec<Finding>,
}

impl ObjectExplanation {
    /// Creates the explanation of an object of which nothing else is known.
    pub(crate) fn new(id: &ObjectId) -> Self {
        Self {
            kind: id.kind().to_owned(),
            namespace: id.namespace().to_owned(),
            name: id.name().to_owned(),
            source: id.source().to_owned(),
            declared: true,
            state: None,
            routes: Vec::new(),
            destinations: Vec::new(),
            findings: Vec::new(),
        }
    }
}
