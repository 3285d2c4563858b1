//! The capabilities of a ruler, and how the engine best deals with it: one value per ruler.

use std::time::Duration;

pub use rulesync_expr::template::Environment as TemplateEnvironment;

use super::language::QueryLanguage;

/// The capabilities of a ruler, and how the engine best deals with it.
///
/// The default describes a ruler that evaluates PromQL, stores every field as it was sent, is written group by group
/// and explains why it refuses a group.
///
/// ```
/// # use std::time::Duration;
/// use rulesync_core::ruler::{Capabilities, QueryLanguage};
///
/// let capabilities =
///     Capabilities::default().with_language(QueryLanguage::LogQl).with_load_delay(Duration::from_secs(30));
/// assert!(capabilities.explains_refusals);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The language of its expressions.
    pub language: QueryLanguage,
    /// Functions and variables that the templates of labels and annotations may use.
    pub templates: TemplateEnvironment,
    /// The names that it accepts for labels, annotations and recorded metrics.
    pub label_names: LabelNames,
    /// The longest names of namespaces and groups that it can hold.
    pub name_limits: NameLimits,
    /// The optional fields that it stores, so that only those are compared.
    pub fields: StoredFields,
    /// Changes that it may make to a group by itself, besides dropping what [`Capabilities::fields`] lacks.
    pub normalization: Normalization,
    /// Time it usually takes from an accepted write until the ruler has loaded it. A group that is still not loaded
    /// after three times as long is reported.
    pub load_delay: Duration,
    /// True if all pending writes together cost it about as much as one, as with rule files that are reloaded together.
    /// Such a ruler is handed each namespace whole ([`Ruler::write_namespace`]), and all namespaces that have changes
    /// at once.
    ///
    /// [`Ruler::write_namespace`]: crate::Ruler::write_namespace
    pub batches: bool,
    /// True if its message names the reason when it refuses a group. If not, the finding of the local checks is
    /// reported as the reason.
    pub explains_refusals: bool,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Capabilities {
    /// The default, for constants.
    pub const DEFAULT: Self = Self {
        language: QueryLanguage::PromQl,
        templates: TemplateEnvironment::PROMETHEUS,
        label_names: LabelNames::LegacyByDefault,
        name_limits: NameLimits::DEFAULT,
        fields: StoredFields::ALL,
        normalization: Normalization::Exact,
        load_delay: Duration::from_secs(60),
        batches: false,
        explains_refusals: true,
    };

    /// Sets the language of its expressions.
    #[must_use]
    pub const fn with_language(self, language: QueryLanguage) -> Self {
        Self { language, ..self }
    }

    /// Sets what templates may use.
    #[must_use]
    pub const fn with_templates(self, templates: TemplateEnvironment) -> Self {
        Self { templates, ..self }
    }

    /// Sets which names of labels, annotations and metrics it accepts.
    #[must_use]
    pub const fn with_label_names(self, label_names: LabelNames) -> Self {
        Self { label_names, ..self }
    }

    /// Sets the longest names of namespaces and groups.
    #[must_use]
    pub const fn with_name_limits(self, name_limits: NameLimits) -> Self {
        Self { name_limits, ..self }
    }

    /// Sets the optional fields that it stores.
    #[must_use]
    pub const fn with_fields(self, fields: StoredFields) -> Self {
        Self { fields, ..self }
    }

    /// Sets the changes that it may make to a group by itself.
    #[must_use]
    pub const fn with_normalization(self, normalization: Normalization) -> Self {
        Self { normalization, ..self }
    }

    /// Sets the time from an accepted write until it is loaded.
    #[must_use]
    pub const fn with_load_delay(self, load_delay: Duration) -> Self {
        Self { load_delay, ..self }
    }

    /// Sets whether it is handed whole namespaces, all that have changes at once.
    #[must_use]
    pub const fn with_batches(self, batches: bool) -> Self {
        Self { batches, ..self }
    }

    /// Sets whether it explains why it refuses a group.
    #[must_use]
    pub const fn with_explains_refusals(self, explains_refusals: bool) -> Self {
        Self { explains_refusals, ..self }
    }
}

/// Optional fields of groups and rules that a ruler stores. A field that it drops is neither compared nor a reason to
/// write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredFields {
    /// Group `labels`.
    pub group_labels: bool,
    /// Group `limit`.
    pub limit: StoredLimit,
    /// Group `query_offset`.
    pub query_offset: bool,
    /// Group `evaluation_delay`.
    pub evaluation_delay: bool,
    /// Group `source_tenants`.
    pub source_tenants: bool,
    /// Group `align_evaluation_time_on_interval`.
    pub align_evaluation_time: bool,
    /// Rule `keep_firing_for`.
    pub keep_firing_for: bool,
}

impl StoredFields {
    /// Every field, as it was sent.
    pub const ALL: Self = Self {
        group_labels: true,
        limit: StoredLimit::Bits64,
        query_offset: true,
        evaluation_delay: true,
        source_tenants: true,
        align_evaluation_time: true,
        keep_firing_for: true,
    };

    /// Returns the same fields without these.
    #[must_use]
    pub const fn without(self, fields: &[OptionalField]) -> Self {
        let mut stored = self;
        let mut index = 0;
        while index < fields.len() {
            match fields[index] {
                OptionalField::GroupLabels => stored.group_labels = false,
                OptionalField::Limit => stored.limit = StoredLimit::No,
                OptionalField::QueryOffset => stored.query_offset = false,
                OptionalField::EvaluationDelay => stored.evaluation_delay = false,
                OptionalField::SourceTenants => stored.source_tenants = false,
                OptionalField::AlignEvaluationTime => stored.align_evaluation_time = false,
                OptionalField::KeepFiringFor => stored.keep_firing_for = false,
            }
            index += 1;
        }
        stored
    }

    /// Returns the same fields with a `limit` stored like this.
    #[must_use]
    pub const fn with_limit(self, limit: StoredLimit) -> Self {
        Self { limit, ..self }
    }
}

/// A field that not every ruler stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionalField {
    /// Group `labels`.
    GroupLabels,
    /// Group `limit`.
    Limit,
    /// Group `query_offset`.
    QueryOffset,
    /// Group `evaluation_delay`.
    EvaluationDelay,
    /// Group `source_tenants`.
    SourceTenants,
    /// Group `align_evaluation_time_on_interval`.
    AlignEvaluationTime,
    /// Rule `keep_firing_for`.
    KeepFiringFor,
}

/// The way in which a ruler stores a group's `limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoredLimit {
    /// Not at all: Mimir before 3.0.
    No,
    /// In 32 bits, wrapping around: Mimir.
    Bits32,
    /// Whole: Cortex, Loki.
    Bits64,
}

/// Changes that a ruler may make to a group by itself. Any other difference counts as a change by somebody, and is
/// repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Normalization {
    /// None: it stores what it is sent.
    Exact,
    /// It may be of a version that drops optional fields, and may print expressions in its own form.
    Respells {
        /// The fields that the oldest version in use stores; [`Capabilities::fields`] are those of the newest.
        oldest: StoredFields,
    },
}

/// Names of labels, annotations and metrics that a ruler accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LabelNames {
    /// Letters, digits and underscores only, as Loki and Prometheus 2.
    Legacy,
    /// The same unless it is configured otherwise, as Mimir and Cortex.
    LegacyByDefault,
    /// Any UTF-8 text, as Prometheus 3.
    Utf8,
}

/// The longest names of namespaces and groups that a ruler can hold.
///
/// Empty names, `.`, `..` and control characters are refused for every ruler: they are mangled in URLs or freeze a
/// tenant (docs/contracts/ruler-api.md 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameLimits {
    /// The most bytes of a name. 189 is what fits into a file name after base64.
    pub max_bytes: usize,
    /// The most bytes of a name after percent-encoding, by which rulers map namespaces to file names.
    pub max_escaped_bytes: usize,
}

impl Default for NameLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl NameLimits {
    /// The default, for constants.
    pub const DEFAULT: Self = Self { max_bytes: 189, max_escaped_bytes: 255 };

    /// Returns why the ruler cannot hold a name, if so: the rest of a sentence that begins with the name.
    pub fn refuse(&self, name: &str) -> Option<String> {
        let escaped: usize = name
            .bytes()
            .map(|b| if b.is_ascii_alphanumeric() || b"-_.~$&+:=@".contains(&b) { 1 } else { 3 })
            .sum();
        match name {
            "" => Some("is empty".to_owned()),
            "." | ".." => Some("is a path, not a name".to_owned()),
            _ if name.starts_with('/') => Some("begins with a slash".to_owned()),
            _ if name.starts_with("../") => Some("leads out of its directory".to_owned()),
            _ if name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) => {
                Some("contains a line break or another control character".to_owned())
            }
            _ if name.len() > self.max_bytes => {
                Some(format!("is {} bytes long, the ruler holds {}", name.len(), self.max_bytes))
            }
            _ if escaped > self.max_escaped_bytes => Some(format!(
                "is {escaped} bytes long when escaped, the ruler holds {}",
                self.max_escaped_bytes
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_limits_refuse_names_that_freeze_or_are_mangled() {
        let limits = NameLimits::default();
        for name in ["", ".", "..", "../x", "/abs", "a\nb", "a\tb", "a\u{85}b", "a\u{2028}b"] {
            assert!(limits.refuse(name).is_some(), "{name:?}");
        }
        assert!(limits.refuse(&"a".repeat(190)).is_some());
        // 90 two-byte letters fit in 189 bytes but not in a file name once escaped; seen freezing Loki.
        assert!(limits.refuse(&"é".repeat(90)).is_some());
        for name in ["g", "...", "a b", "a/b", "100%", "é✓", "a..b", &"a".repeat(189)] {
            assert_eq!(limits.refuse(name), None, "{name:?}");
        }
    }

    #[test]
    fn stored_fields_are_removed_one_by_one() {
        use OptionalField::*;
        let each = [
            GroupLabels,
            Limit,
            QueryOffset,
            EvaluationDelay,
            SourceTenants,
            AlignEvaluationTime,
            KeepFiringFor,
        ];
        let none = StoredFields {
            group_labels: false,
            limit: StoredLimit::No,
            query_offset: false,
            evaluation_delay: false,
            source_tenants: false,
            align_evaluation_time: false,
            keep_firing_for: false,
        };
        assert_eq!(StoredFields::ALL.without(&each), none);
        let one_by_one = each.iter().fold(StoredFields::ALL, |fields, field| {
            let fewer = fields.without(&[*field]);
            assert_ne!(fewer, fields, "{field:?}");
            fewer
        });
        assert_eq!(one_by_one, none);
        assert_eq!(none.with_limit(StoredLimit::Bits32).limit, StoredLimit::Bits32);
    }
}
