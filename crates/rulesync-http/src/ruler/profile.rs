//! The differences between the servers of the configuration API, as data.

use std::time::Duration;

use rulesync_core::{Dialect, Keeps, LabelNames, NameRules, Normalization, PromQl, TemplateEnvironment};

use super::segment::PathEncoding;

/// A kind of server: its routes, the fields that it stores, and the language that it evaluates.
///
/// [`new`](Self::new) describes a server that evaluates PromQL, decodes names once and stores groups as they were sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerProfile {
    /// The path of the list, below the address.
    pub rules_path: String,
    /// The path of the loaded rules, below the address.
    pub state_path: String,
    /// The query parameter that restricts the loaded rules to a namespace; it can be repeated. Servers that do not know
    /// it return everything (contracts/ruler-api.md 5.1).
    pub state_filter: &'static str,
    /// The number of times that the server decodes names.
    pub encoding: PathEncoding,
    /// The language of expressions.
    pub dialect: &'static dyn Dialect,
    /// The functions and variables of the templates of labels and annotations.
    pub templates: TemplateEnvironment,
    /// The accepted names of labels, annotations and metrics.
    pub label_names: LabelNames,
    /// The accepted names of namespaces and groups.
    pub name_rules: NameRules,
    /// The optional fields that the server stores.
    pub keeps: Keeps,
    /// The changes that the server itself may make to groups: versions in use differ in the fields they store, and a
    /// gateway in front of the server may re-encode groups.
    pub normalization: Normalization,
    /// The usual delay between a write and the rules being loaded (contracts/ruler-api.md 4.2).
    pub sync_period: Duration,
}

impl ServerProfile {
    /// Creates a profile with the paths of the list and of the loaded rules, which begin with a slash.
    pub fn new(rules_path: impl Into<String>, state_path: impl Into<String>) -> Self {
        Self {
            rules_path: rules_path.into(),
            state_path: state_path.into(),
            state_filter: "file[]",
            encoding: PathEncoding::Single,
            dialect: &PromQl,
            templates: TemplateEnvironment::PROMETHEUS,
            label_names: LabelNames::LegacyByDefault,
            name_rules: NameRules::default(),
            keeps: Keeps::ALL,
            normalization: Normalization::Exact,
            sync_period: Duration::from_secs(60),
        }
    }

    /// Sets the query parameter that restricts the loaded rules to a namespace.
    #[must_use]
    pub fn with_state_filter(self, state_filter: &'static str) -> Self {
        Self { state_filter, ..self }
    }

    /// Sets the number of times that the server decodes names.
    #[must_use]
    pub fn with_encoding(self, encoding: PathEncoding) -> Self {
        Self { encoding, ..self }
    }

    /// Sets the language of expressions, and the functions and variables of templates.
    #[must_use]
    pub fn with_dialect(self, dialect: &'static dyn Dialect, templates: TemplateEnvironment) -> Self {
        Self { dialect, templates, ..self }
    }

    /// Sets the accepted names of labels, annotations and metrics, and those of namespaces and groups.
    #[must_use]
    pub fn with_names(self, label_names: LabelNames, name_rules: NameRules) -> Self {
        Self { label_names, name_rules, ..self }
    }

    /// Sets the optional fields that the server stores.
    #[must_use]
    pub fn with_keeps(self, keeps: Keeps) -> Self {
        Self { keeps, ..self }
    }

    /// Sets the changes that the server itself may make to groups. With [`Normalization::Exact`], every difference is a
    /// change by someone else.
    #[must_use]
    pub fn with_normalization(self, normalization: Normalization) -> Self {
        Self { normalization, ..self }
    }

    /// Sets the usual delay between a write and the rules being loaded.
    #[must_use]
    pub fn with_sync_period(self, sync_period: Duration) -> Self {
        Self { sync_period, ..self }
    }
}
