//! The vocabulary: groups, rules, durations, tenants, objects. Plain values without I/O.

mod canonical;
pub(crate) mod capabilities;
pub(crate) mod declared;
pub(crate) mod duration;
pub(crate) mod encoded;
pub(crate) mod fingerprint;
pub(crate) mod group;
pub(crate) mod kind;
pub(crate) mod labels;
pub(crate) mod language;
pub(crate) mod left_out;
pub(crate) mod name;
pub(crate) mod object;
pub(crate) mod positions;
pub(crate) mod tenant;

pub use capabilities::{
    Capabilities, LabelNames, NameLimits, Normalization, OptionalField, StoredFields, StoredLimit,
    TemplateEnvironment,
};
pub use declared::{DeclaredGroup, DeclaredRule};
pub use duration::{DurationError, PromDuration};
pub use encoded::{CompressedGroup, EncodedGroup, EncodingError};
pub use fingerprint::Fingerprint;
pub use group::{Group, Rule};
pub use kind::{
    ALERTING_RULE, DIALECT_ANNOTATION, KINDS, LOGGING_RULE, PROMETHEUS_RULE, RECORDING_RULE, RULE_FILE,
    SOURCE_TENANTS_ANNOTATION, language_of, tenant_field_of,
};
pub use labels::Labels;
pub use language::QueryLanguage;
pub use left_out::LeftOut;
pub use name::{GroupName, KubernetesNamespace, RulerName, RulerNamespace, SourceName};
pub use object::{ObjectId, ObjectVersion, RuleObject};
pub use positions::{Positions, PositionsBuilder, Segment};
pub use tenant::{DestinationId, TenantError, TenantId};
