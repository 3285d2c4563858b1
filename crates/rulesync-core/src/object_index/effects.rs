//! The effects of an event: what the index asks of destinations.

use crate::destination::Command;
use crate::finding::Finding;
use crate::handover::Handover;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;

/// The effects of an event.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Commands for destinations.
    pub(crate) commands: Vec<(DestinationId, Command)>,
    /// Handovers: removals that wait until other destinations have the objects.
    pub(crate) handovers: Vec<Handover>,
    /// Objects whose rules are protected at some destination, or no longer are: see [`ObjectIndex::protects`](super::ObjectIndex::protects).
    pub(crate) protections: Vec<ObjectId>,
    /// Objects that were declared, changed or deleted, or routed again: their status may have changed.
    pub(crate) changed: Vec<ObjectId>,
    /// New findings about objects.
    pub(crate) findings: Vec<(ObjectId, Option<DestinationId>, Finding)>,
}
