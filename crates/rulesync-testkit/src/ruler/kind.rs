//! What tells one kind of ruler from another, as data. How a ruler behaves given that data is elsewhere.

use std::time::Duration;

/// Which ruler a server imitates.
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

/// What a list answers when there is nothing to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyList {
    /// 200 and an empty YAML map.
    Map,
    /// 404 `no rule groups found`.
    NotFound,
}

/// What deleting a group that does not exist answers; it depends on the real server's object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingDelete {
    /// 202, as on a file system and S3.
    Accepted,
    /// 404 `group does not exist`, as on GCS and Azure.
    NotFound,
}

/// Which names for labels, annotations and recording rules are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameScheme {
    /// ASCII letters, digits, underscores (and colons in metric names).
    Legacy,
    /// Any UTF-8 text.
    Utf8,
}

/// A field that some rulers, or some of their versions, take in a POST and forget.
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

/// What a tenant may store. Zero and empty mean no limit. Of the real rulers only Mimir knows the last two; the
/// testkit's all apply them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most rules in a group.
    pub rules_per_group: usize,
    /// The most groups. As in the real servers, a group being replaced counts twice.
    pub groups: usize,
    /// The shortest interval of a group that states one; in whole milliseconds.
    pub min_interval: Duration,
    /// Namespaces that cannot be changed without the override header.
    pub protected_namespaces: Vec<String>,
}

/// What happens to a group whose text the server's own YAML reader will not take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Poison {
    /// It is stored, and from then on the tenant's rules are no longer reloaded.
    Freezes,
    /// It is refused as undecodable.
    Refused,
}

/// How a request with a tenant that is none is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadTenant {
    /// 401 and the reason in plain text; two tenants are 422 or, with federation, 400.
    Explained,
    /// 400 and `no org id`, whatever is wrong.
    Unexplained,
    /// 500 as if it were the server's fault; only the state API tells two tenants from bad ones.
    Blamed,
}

/// The query language of a ruler, and with it whose validation of rules it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Prometheus' validation, in the words of this server.
    PromQl {
        /// What stands before a complaint about the group as a whole.
        invalid: &'static str,
        /// Whether errors in rules say where in the posted YAML, or always 0:0.
        positions: bool,
        /// Whether a bad expression is explained, or answered with an empty message.
        explains_expressions: bool,
        /// What Prometheus hides behind feature flags is accepted in expressions.
        experimental: bool,
        /// `source_tenants` while federation is off, or two different delays, are refused.
        checks_group_fields: bool,
    },
    /// Loki's own validation.
    LogQl,
}

/// Everything in which kinds of rulers differ.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// Where the configuration API lives; the first is under the Prometheus prefix if it starts without a slash.
    pub(crate) config_routes: ConfigRoutes,
    /// The body of an accepted write.
    pub(crate) accepted: &'static str,
    /// JSON errors say `"data":null` and go out as plain text.
    pub(crate) sniffed_errors: bool,
    /// What a body that is no rule group is told.
    pub(crate) undecodable: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) empty_list: EmptyList,
    pub(crate) missing_delete: MissingDelete,
    pub(crate) name_scheme: NameScheme,
    pub(crate) bad_tenant: BadTenant,
    pub(crate) poison: Poison,
    /// Namespaces become file names on the ruler's own disk, so that some freeze the tenant.
    pub(crate) maps_to_files: bool,
    /// Path values are refused when they could leave a directory.
    pub(crate) traversal_check: bool,
    /// The router decodes the path and the handler decodes it again.
    pub(crate) double_decode: bool,
    /// A body sent as a form is consumed before it is read.
    pub(crate) eats_forms: bool,
    pub(crate) drops: Vec<Field>,
    /// A limit is cut to 32 bits.
    pub(crate) narrow_limit: bool,
    /// `query_offset: 0s` is kept as such.
    pub(crate) keeps_zero_offset: bool,
    /// Texts of 16 MiB and more bring the handler down.
    pub(crate) bounded_texts: bool,
    /// A list takes `?labels=` and shows only rules that have one of them.
    pub(crate) filters_lists: bool,
    /// Answers of 1400 bytes and more are compressed for clients that accept it.
    pub(crate) compresses: bool,
    pub(crate) state: StateStyle,
}

/// Where the configuration API lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfigRoutes {
    /// `{prometheus prefix}/config/v1/rules`.
    UnderPrometheus,
    /// `/api/v1/rules` and `{legacy prefix}/rules`.
    TopAndLegacy,
    /// `/loki/api/v1/rules` and `{legacy prefix}/rules`.
    LokiAndLegacy,
}

/// In what the state API's documents differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateStyle {
    /// An envelope with empty `errorType` and `error`, groups with `sourceTenants`.
    Mimir,
    /// An envelope without empty fields, groups with `limit`.
    Cortex,
    /// Mimir's envelope, groups with `limit` in another place, rules without `keepFiringFor`.
    Loki,
}

impl Profile {
    /// The profile of a kind as it comes out of the box.
    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Mimir => Self {
                config_routes: ConfigRoutes::UnderPrometheus,
                accepted: r#"{"status":"success","data":null,"errorType":"","error":""}"#,
                sniffed_errors: true,
                undecodable: "unable to decode rule group",
                dialect: Dialect::PromQl {
                    invalid: "invalid rules configuration: ",
                    positions: true,
                    explains_expressions: true,
                    experimental: true,
                    checks_group_fields: true,
                },
                empty_list: EmptyList::Map,
                missing_delete: MissingDelete::Accepted,
                name_scheme: NameScheme::Legacy,
                bad_tenant: BadTenant::Explained,
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
                dialect: Dialect::PromQl {
                    invalid: "invalid rules config: ",
                    positions: false,
                    explains_expressions: false,
                    experimental: true,
                    checks_group_fields: false,
                },
                empty_list: EmptyList::NotFound,
                missing_delete: MissingDelete::Accepted,
                name_scheme: NameScheme::Legacy,
                bad_tenant: BadTenant::Unexplained,
                poison: Poison::Refused,
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
                bad_tenant: BadTenant::Blamed,
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
