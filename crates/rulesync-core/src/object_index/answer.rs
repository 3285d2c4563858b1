//! The answer of the index about an object, which the destinations complete to its explanation.

use super::report::ObjectReport;
use crate::destination::AskedObject;
use crate::explain::ObjectExplanation;
use crate::model::name::RulerNamespace;
use crate::model::tenant::DestinationId;

/// What the index knows of one object, to be completed by the destinations.
#[derive(Debug)]
pub(crate) struct IndexAnswer {
    pub(crate) asked: AskedObject,
    pub(crate) report: ObjectReport,
    /// With its routes, and without its destinations.
    pub(crate) explanation: ObjectExplanation,
    /// The destinations that it goes to, each with the route and the naming of its namespace there.
    pub(crate) places: Vec<Place>,
}

/// A destination that an object goes to.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) destination: DestinationId,
    pub(crate) namespace: RulerNamespace,
    pub(crate) route: String,
    pub(crate) naming: Option<String>,
}
