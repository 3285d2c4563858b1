//! The differences between the kinds of rulers, as data. The behaviour that depends on them is implemented elsewhere.

use std::time::Duration;

/// The ruler that a server imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Grafana Mimir, as of 3.0.
    Mimir,
    /// Cortex, as of 1.21.
    Cortex,
    /// Grafana Loki, as of 3.8.
    Loki,
}

/// The answer to a list of no groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyList {
    /// 200 and an empty YAML map.
    Map,
    /// 404 `no rule groups found`.
    NotFound,
}

/// The answer to the deletion of a missing group; depends on the real server's object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingDelete {
    /// 202, as on a file system and S3.
    Accepted,
    /// 404 `group does not exist`, as on GCS and Azure.
    NotFound,
}

/// The valid names of labels, annotations and recording rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameScheme {
    /// ASCII letters, digits, underscores (and colons in metric names).
    Legacy,
    /// Any UTF-8 text.
    Utf8,
}

/// A field that some rulers, or some of their versions, accept in a POST and do not store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// The group's `limit`.
    Limit,
    /// The group's `labels`.
    GroupLabels,
    /// The group's `query_offset`.
    QueryOffset,
    /// The group's `evaluation_delay`.
    EvaluationDelay,
    /// The group's `source_tenants`.
    SourceTenants,
    /// The group's `align_evaluation_time_on_interval`.
    AlignEvaluationTime,
    /// The rules' `keep_firing_for`.
    KeepFiringFor,
}

/// The limits of a tenant. Zero and empty mean no limit. Of the real rulers, only Mimir has the last two; all kinds of
/// the testkit apply them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of rules in a group.
    pub rules_per_group: usize,
    /// The maximum number of groups. As in the real servers, a group being replaced counts twice.
    pub groups: usize,
    /// The minimum of an explicit interval, in whole milliseconds.
    pub min_interval: Duration,
    /// Namespaces that can only be changed with the override header.
    pub protected_namespaces: Vec<String>,
}

/// The handling of a group whose YAML the server's own parser cannot read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Poison {
    /// The group is stored, and the tenant's rules are no longer reloaded from then on.
    Freezes,
    /// The group is rejected as undecodable.
    Rejected,
}

/// The answer to a request with an invalid tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidTenant {
    /// 401 with the reason in plain text; two tenants are 422 or, with federation, 400.
    WithReason,
    /// 400 and `no org id` for every error.
    Generic,
    /// 500 as for a server error; only the state API distinguishes two tenants from invalid ones.
    ServerError,
}

/// The query language of a ruler, and the corresponding validation of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Prometheus' validation, with the messages of this server.
    PromQl(PromQlStyle),
    /// Loki's own validation.
    LogQl,
}

/// How a server that uses Prometheus' validation reports errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PromQlStyle {
    /// The prefix of errors about the group as a whole.
    pub(crate) invalid: &'static str,
    /// `true` if errors in rules have the position in the posted YAML; otherwise always 0:0.
    pub(crate) positions: bool,
    /// `true` if errors in expressions are described; otherwise the message is empty.
    pub(crate) explains_expressions: bool,
    /// `true` if expressions may use features that Prometheus enables by feature flags.
    pub(crate) experimental: bool,
    /// `true` if `source_tenants` without federation, and two different delays, are rejected.
    pub(crate) checks_group_fields: bool,
}

/// The differences between the kinds of rulers.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// The paths of the configuration API.
    pub(crate) config_routes: ConfigRoutes,
    /// The body of an accepted write.
    pub(crate) accepted: &'static str,
    /// JSON errors contain `"data":null` and have a plain-text content type.
    pub(crate) sniffed_errors: bool,
    /// The error message for a body that is not a rule group.
    pub(crate) undecodable: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) empty_list: EmptyList,
    pub(crate) missing_delete: MissingDelete,
    pub(crate) name_scheme: NameScheme,
    pub(crate) invalid_tenant: InvalidTenant,
    pub(crate) poison: Poison,
    /// Namespaces become file names on the ruler's own disk, so that some of them freeze the tenant.
    pub(crate) maps_to_files: bool,
    /// Names in paths are rejected if they could leave a directory.
    pub(crate) traversal_check: bool,
    /// The router decodes the path and the handler decodes it again.
    pub(crate) double_decode: bool,
    /// A body sent as a form is consumed before the handler reads it.
    pub(crate) eats_forms: bool,
    pub(crate) drops: Vec<Field>,
    /// A limit is truncated to 32 bits.
    pub(crate) narrow_limit: bool,
    /// `query_offset: 0s` is stored as such.
    pub(crate) keeps_zero_offset: bool,
    /// Strings of 16 MiB and more make the handler panic.
    pub(crate) bounded_texts: bool,
    /// A list accepts `?labels=` and contains only rules with one of these labels.
    pub(crate) filters_lists: bool,
    /// Answers of 1400 bytes and more are compressed if the client accepts it.
    pub(crate) compresses: bool,
    pub(crate) state: StateStyle,
}

/// The paths of the configuration API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfigRoutes {
    /// `{prometheus prefix}/config/v1/rules`.
    UnderPrometheus,
    /// `/api/v1/rules` and `{legacy prefix}/rules`.
    TopAndLegacy,
    /// `/loki/api/v1/rules` and `{legacy prefix}/rules`.
    LokiAndLegacy,
}

/// The differences in the documents of the state API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateStyle {
    /// An envelope with empty `errorType` and `error`; groups with `sourceTenants`.
    Mimir,
    /// An envelope without empty fields; groups with `limit`.
    Cortex,
    /// Mimir's envelope; groups with `limit` at another position, rules without `keepFiringFor`.
    Loki,
}

impl Profile {
    /// The default profile of a kind.
    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Mimir => Self {
                config_routes: ConfigRoutes::UnderPrometheus,
                accepted: r#"{"status":"success","data":null,"errorType":"","error":""}"#,
                sniffed_errors: true,
                undecodable: "unable to decode rule group",
                dialect: Dialect::PromQl(PromQlStyle {
                    invalid: "invalid rules configuration: ",
                    positions: true,
                    explains_expressions: true,
                    experimental: true,
                    checks_group_fields: true,
                }),
                empty_list: EmptyList::Map,
                missing_delete: MissingDelete::Accepted,
                name_scheme: NameScheme::Legacy,
                invalid_tenant: InvalidTenant::WithReason,
                poison: Poison::Freezes,
                maps_to_files: false,
                traversal_check: true,
                double_decode: false,
                eats_forms: false,
                drops: Vec::new(),
                narrow_limit: true,
                keeps_zero_offset: false,
                bounded_texts: false,
                filters_lists: false,
                compresses: true,
                state: StateStyle::Mimir,
            },
            Kind::Cortex => Self {
                config_routes: ConfigRoutes::TopAndLegacy,
                accepted: r#"{"status":"success"}"#,
                sniffed_errors: false,
                undecodable: "unable to decoded rule group",
                dialect: Dialect::PromQl(PromQlStyle {
                    invalid: "invalid rules config: ",
                    positions: false,
                    explains_expressions: false,
                    experimental: true,
                    checks_group_fields: false,
                }),
                empty_list: EmptyList::NotFound,
                missing_delete: MissingDelete::Accepted,
                name_scheme: NameScheme::Legacy,
                invalid_tenant: InvalidTenant::Generic,
                poison: Poison::Rejected,
                maps_to_files: true,
                traversal_check: false,
                double_decode: false,
                eats_forms: false,
                drops: vec![Field::EvaluationDelay, Field::SourceTenants, Field::AlignEvaluationTime],
                narrow_limit: false,
                keeps_zero_offset: true,
                bounded_texts: false,
                filters_lists: false,
                compresses: false,
                state: StateStyle::Cortex,
            },
            Kind::Loki => Self {
                config_routes: ConfigRoutes::LokiAndLegacy,
                accepted: r#"{"status":"success","data":null,"errorType":"","error":""}"#,
                sniffed_errors: true,
                undecodable: "unable to decoded rule group",
                dialect: Dialect::LogQl,
                empty_list: EmptyList::NotFound,
                missing_delete: MissingDelete::Accepted,
                name_scheme: NameScheme::Legacy,
                invalid_tenant: InvalidTenant::ServerError,
                poison: Poison::Freezes,
                maps_to_files: true,
                traversal_check: true,
                double_decode: true,
                eats_forms: true,
                drops: vec![
                    Field::GroupLabels,
                    Field::QueryOffset,
                    Field::EvaluationDelay,
                    Field::SourceTenants,
                    Field::AlignEvaluationTime,
                    Field::KeepFiringFor,
                ],
                narrow_limit: false,
                keeps_zero_offset: false,
                bounded_texts: true,
                filters_lists: true,
                compresses: false,
                state: StateStyle::Loki,
            },
        }
    }
}
