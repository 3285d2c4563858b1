//! The rulesync engine: it keeps alerting and recording rules in rulers identical to what sources declare.
//!
//! Data flows one way. A [`Source`] says which [`RuleObject`]s exist. *Intake* ([`intake`]) selects, routes, converts
//! and checks each one, and yields [`Finding`]s instead of errors. What should be ([`Desired`]) and what is
//! ([`Observed`]) meet in the [`plan`](plan()), a pure function whose [`Change`]s are carried out against a [`Ruler`],
//! each on its own. [`Outcome`]s go to [`Reporter`]s and [`Metrics`]. Everything that can fail or be slow happens in a
//! task of its own for each destination, which is one ruler and one tenant.
//!
//! This crate knows nothing of HTTP, Kubernetes or YAML files; those are sources and rulers in crates of their own.
//! Anyone can write another: `examples/embed.rs` is a whole program in fifty lines.
//!
//! | to change | look into |
//! |---|---|
//! | what a rule is, durations, tenants | `model/` |
//! | what is refused before it is offered | `intake/convert.rs`, `intake/text.rs`, `intake/check.rs` |
//! | which objects go where | `intake/select.rs`, `intake/route.rs` |
//! | who may choose a tenant, a label or a matcher | `intake/permission.rs`, `intake/value.rs` |
//! | labels and matchers that a route adds | `intake/transform.rs` |
//! | what is ours, and what it is called | `naming/` |
//! | two installations with one owner | `claim.rs` |
//! | which changes are made, and when deletes are safe | `plan.rs` |
//! | when deletes look like an accident | `guard.rs` |
//! | the requests themselves | `apply.rs`, `concurrency.rs` |
//! | one writer among several processes | `leadership.rs` |
//! | retries, outages, resyncs | `destination/` |
//! | starting, stopping, reloading | `engine/` |

mod apply;
mod claim;
mod concurrency;
mod desired;
mod destination;
mod engine;
mod environment;
mod finding;
mod guard;
mod handover;
pub mod intake;
mod inventory;
mod leadership;
mod locations;
mod metrics;
mod model;
mod naming;
mod object_index;
mod observed;
mod outcome;
mod plan;
mod policy;
mod ruler;
mod series;
mod source;
mod status;
mod vanishing;

pub use claim::{CLAIM_GROUP, Installation, OwnerClaim};
pub use desired::{Desired, DesiredGroup, LeftBecause, Protection};
pub use engine::{
    DEFAULT_MAX_IN_FLIGHT, Engine, EngineBuilder, EngineHandle, NamedRuler, NamedSource, RunError, Setup,
    SetupError, Summary,
};
pub use finding::{Finding, Location, Position, Severity};
pub use guard::{DeleteGuard, HeldReason};
pub use intake::{
    ExternalLabel, Operator, Permission, QueryMatcher, Requirement, Route, Selector, SelectorError, Tenancy,
    TenantPattern, TenantPatternError, Value, ValueFrom, ValueSource,
};
pub use inventory::{Inventory, InventoryError, InventoryRecord};
pub use leadership::{LeaderTerm, Leadership, LeadershipHandle};
pub use metrics::Metrics;
pub use model::capabilities::{
    Capabilities, LabelNames, NameLimits, Normalization, OptionalField, StoredFields, StoredLimit,
    TemplateEnvironment,
};
pub use model::declared::{DeclaredGroup, DeclaredRule};
pub use model::duration::{DurationError, PromDuration};
pub use model::encoded::{CompressedGroup, EncodedGroup, EncodingError, compress};
pub use model::fingerprint::Fingerprint;
pub use model::group::{Group, Rule};
pub use model::kind::{
    ALERTING_RULE, DIALECT_ANNOTATION, KINDS, LOGGING_RULE, PROMETHEUS_RULE, RECORDING_RULE, RULE_FILE,
    language_of, tenant_field_of,
};
pub use model::labels::Labels;
pub use model::language::{Heartbeat, QueryLanguage, UnknownLanguage};
pub use model::left_out::LeftOut;
pub use model::object::{ObjectId, RuleObject};
pub use model::positions::{Positions, PositionsBuilder, Segment};
pub use model::tenant::{DestinationId, TenantError, TenantId};
pub use naming::{
    AlloyNaming, AlloyNamingError, FILE_NAMESPACE, Named, NamespaceClass, NamespacePolicy, Naming, Owner,
    OwnerError, Pattern,
};
pub use observed::{Adoptable, Listing, Observed};
pub use outcome::{LogReporter, Outcome, Reporter, Subject};
pub use plan::{Action, Change, Deletes, DryRun, Plan, PlanInput, Reason, Refusal, plan};
pub use policy::{Backoff, OnInvalid, Policy};
pub use ruler::{EvaluatedGroup, EvaluatedRule, Evaluation, RuleHealth, Ruler, RulerError, Write};

pub use rulesync_expr::{EnforceError, Enforcement, InvalidEnforcement, Mode};
pub use source::{Closed, Scope, Sink, SinkEvents, Source, SourceEvent};
pub use status::{
    DestinationState, DestinationStatus, EvaluationState, HeldDeletes, ObjectAtDestination, ObjectState,
    ObjectStatus, SourceStatus, Status,
};
