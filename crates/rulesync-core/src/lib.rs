//! The rulesync engine.
#![doc = ""]

mod apply;
mod catalogue;
mod desired;
mod dialect;
mod engine;
mod finding;
pub mod intake;
mod metrics;
mod model;
mod naming;
mod observed;
mod outcome;
mod plan;
mod policy;
mod ruler;
mod source;
mod status;
mod target;

pub use desired::{Claim, Desired, DesiredGroup};
pub use dialect::{Dialect, PromQl};
pub use engine::{
    DEFAULT_MAX_IN_FLIGHT, Engine, EngineBuilder, EngineHandle, NamedRuler, NamedSource, RunError, Setup,
    SetupError, Summary,
};
pub use finding::{Finding, Place, Position, Severity};
pub use intake::{Operator, Requirement, Route, Selector, SelectorError};
pub use metrics::Metrics;
pub use model::declared::{DeclaredGroup, DeclaredRule};
pub use model::duration::{DurationError, PromDuration};
pub use model::fingerprint::Fingerprint;
pub use model::group::{EncodedGroup, EncodingError, Group, Rule};
pub use model::labels::Labels;
pub use model::object::{ObjectId, RuleObject};
pub use model::tenant::{TargetId, TenantError, TenantId};
pub use naming::{Owner, OwnerError};
pub use observed::{Listing, Observed};
pub use outcome::{LogReporter, Outcome, Reporter, Subject};
pub use plan::{Action, Change, Deletes, Plan, Reason, plan};
pub use policy::{Backoff, Policy};
pub use ruler::{Keeps, KeptLimit, NameRules, Ruler, RulerError};
pub use source::{Closed, Known, Sink, SinkEvents, Source, SourceEvent};
pub use status::{
    ObjectAtTarget, ObjectState, ObjectStatus, SourceStatus, Status, TargetState, TargetStatus,
};
