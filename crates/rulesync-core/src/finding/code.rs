//! The codes of findings: a stable name for each kind of problem.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Declares the codes: each with what it means, and its stable name.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// The kind of a problem. Its name is stable: scripts and dashboards may go by it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All codes, by name.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the stable name, such as `duplicate-group`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Returns what the code means, in sentences.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc,)+).trim_ascii(),)+
                }
            }
        }
    };
}

codes! {
    /// The name of an annotation has characters that the ruler is expected to refuse.
    AnnotationName = "annotation-name",
    /// The ruler refuses to store the claim of this installation. Rules are synced without one.
    Claim = "claim",
    /// Three lists in a row found a group changed: another tool writes it, or the ruler does not store what it accepts.
    Contested = "contested",
    /// An object is written in one query language, and its route leads to a ruler of the other.
    Dialect = "dialect",
    /// Two groups of an object have one name.
    DuplicateGroup = "duplicate-group",
    /// Two files of a source declare one object.
    DuplicateObject = "duplicate-object",
    /// Two rules of a group have one name and equal labels, so that their results may be the same series; vmalert refuses
    /// two that are equal.
    DuplicateRule = "duplicate-rule",
    /// A duration cannot be parsed.
    Duration = "duration",
    /// A rule is loaded and fails whenever it is evaluated.
    Evaluation = "evaluation",
    /// An expression uses a function that a Prometheus evaluates only with a feature flag.
    Experimental = "experimental",
    /// A label that a route adds cannot be added.
    ExternalLabel = "external-label",
    /// A key has a meaning for another tool only.
    ForeignKey = "foreign-key",
    /// The name of a group cannot be used with the ruler.
    GroupName = "group-name",
    /// The name of a label has characters that the ruler is expected to refuse.
    LabelName = "label-name",
    /// An expression is not valid LogQL.
    Logql = "logql",
    /// A Kubernetes manifest in a file cannot be read.
    Manifest = "manifest",
    /// A matcher that a route enforces cannot be put into an expression, or its value is missing.
    Matcher = "matcher",
    /// The metadata of a Kubernetes manifest in a file cannot be read.
    Metadata = "metadata",
    /// A key is unknown and similar to a known one.
    MisspeltKey = "misspelt-key",
    /// No ruler namespace can be named after an object of this name.
    Name = "name",
    /// An older object has the same ruler namespace.
    NamespaceTaken = "namespace-taken",
    /// A rule has no expression.
    NoExpr = "no-expr",
    /// A group, label or annotation has an empty name.
    NoName = "no-name",
    /// A refused group is removed from the ruler, because its version there lacks what its route enforces now.
    NotAllowed = "not-allowed",
    /// The ruler has stored a group and does not load it.
    NotLoaded = "not-loaded",
    /// The server stores a group in another form than it was sent, which counts as in sync.
    Normalized = "normalized",
    /// A document in a file is of no known kind.
    NotUnderstood = "not-understood",
    /// A text that rulers accept, and that makes them fail to read the rules of the tenant afterwards.
    Poison = "poison",
    /// An expression is not valid PromQL.
    Promql = "promql",
    /// An expression is PromQL, and its route leads to a ruler that evaluates LogQL.
    PromqlForLoki = "promql-for-loki",
    /// The name of a recorded metric has characters that the ruler is expected to refuse.
    RecordName = "record-name",
    /// A recording rule has a field of alerts.
    RecordingField = "recording-field",
    /// The ruler refuses a group.
    Refused = "refused",
    /// Two routes lead an object to one tenant and transform it differently.
    Routes = "routes",
    /// A rule is neither an alert nor a recording rule, or both.
    RuleKind = "rule-kind",
    /// A group reads from tenants that its route does not permit.
    SourceTenants = "source-tenants",
    /// A field of a Kubernetes object cannot be read.
    Spec = "spec",
    /// A template cannot be parsed, or calls a function that it must not call.
    Template = "template",
    /// An object requests a tenant that it may not have.
    Tenant = "tenant",
    /// A value has another type than its field.
    Type = "type",
    /// A key is unknown and ignored.
    UnknownKey = "unknown-key",
    /// A file cannot be read.
    UnreadableFile = "unreadable-file",
    /// A group contains `%{`, which vmalert would replace by variables of its own environment.
    VmalertEnvironment = "vmalert-environment",
    /// A file is not valid YAML.
    Yaml = "yaml",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let known = Self::ALL.iter().copied().find(|code| code.name() == name);
        known.ok_or_else(|| serde::de::Error::custom(format_args!("unknown code of a finding: {name:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_unique_names_in_kebab_case_and_a_description() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(code.name().chars().all(kebab), "{code}");
            assert!(code.description().ends_with('.'), "{code}: {}", code.description());
        }
        assert_eq!(serde_json::to_value(Code::DuplicateGroup).unwrap(), "duplicate-group");
        let read: Vec<Code> = serde_json::from_value(serde_json::to_value(Code::ALL).unwrap()).unwrap();
        assert_eq!(read, Code::ALL);
        assert!(serde_json::from_str::<Code>("\"odd\"").is_err());
    }
}
