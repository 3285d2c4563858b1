//! Classifies documents: objects with rules, plain rule files, lists, objects of other kinds, and documents that are
//! not understood, with a suggestion.

use rulesync_core::finding::Position;
use rulesync_core::model::{ALERTING_RULE, LOGGING_RULE, PROMETHEUS_RULE, RECORDING_RULE};
use strsim::osa_distance;

use super::keys;
use crate::yaml::{Mapping, Node, Problem, Scalar, Shape, Text};

/// The kinds of rules, and the API group of each.
const RULES: [(&str, &str); 4] = [
    (PROMETHEUS_RULE, "monitoring.coreos.com"),
    (ALERTING_RULE, "loki.grafana.com"),
    (RECORDING_RULE, "loki.grafana.com"),
    (LOGGING_RULE, "rulesync.dev"),
];

/// The kind of a document.
#[derive(Debug)]
pub(super) enum DocumentKind<'t> {
    /// An empty document.
    Empty,
    /// An object with rules, of this kind.
    Rules(&'static str, Mapping<'t>),
    /// A plain Prometheus rule file.
    RuleFile(Mapping<'t>),
    /// A list of documents, and the kind of items without a `kind`.
    List(Node<'t>, Option<&'static str>),
    /// A Kubernetes namespace.
    Namespace(Mapping<'t>),
    /// A well-formed object of another kind that has no rules.
    Foreign,
    /// YAML that go-yaml would reject.
    Unreadable(Problem),
    NotUnderstood(NotUnderstood),
}

/// The reason why a document is not of a known kind.
#[derive(Debug)]
pub(super) struct NotUnderstood {
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) position: Position,
    /// Set if the document may contain rules, or be the result of a failed download.
    pub(super) is_rule_like: bool,
    /// Set if it more likely contains none.
    pub(super) is_doubtful: bool,
}

impl<'t> DocumentKind<'t> {
    /// Classifies a node: a document, or an item of a list whose items have the kind `items_kind`.
    pub(super) fn of(node: Node<'t>, items_kind: Option<&'static str>) -> Self {
        let not = |message: &str, hint: &str| Self::not(node, message.to_owned(), hint);
        let mapping = match Mapping::of(node) {
            Some(mapping) => mapping,
            None if node.is_null() => return Self::Empty,
            None if node.shape() == Shape::Sequence => return Self::of_sequence(node),
            None => {
                return not(
                    "the file contains plain text and no rules",
                    "a failed download leaves such files",
                );
            }
        };
        if let Some(problem) = mapping.problems.first() {
            return Self::Unreadable(problem.clone());
        }
        let api_version = string(&mapping, "apiVersion");
        let Some(kind) = string(&mapping, "kind") else {
            return match (&api_version, items_kind) {
                (_, Some(kind)) => Self::Rules(kind, mapping),
                (None, None) if has_names_for_groups(&mapping) => {
                    Self::foreign(node, "`groups` holds names, and no groups of rules", "")
                }
                (None, None) if mapping.get("groups").is_some() => Self::RuleFile(mapping),
                (None, None) => Self::without_kind(node, &mapping),
                (Some(version), None) if api_group(version).is_some() => {
                    not("`kind` is missing", "write `kind: PrometheusRule`, or whichever kind it is")
                }
                (Some(_), None) => Self::NotUnderstood(NotUnderstood {
                    message: "`kind` is missing".to_owned(),
                    hint: None,
                    position: node.position(),
                    is_rule_like: false,
                    is_doubtful: false,
                }),
            };
        };
        let at_kind = mapping.get("kind").map_or(node, |pair| pair.value);
        if let Some((kind, group)) = RULES.iter().find(|(rules, _)| *rules == kind) {
            let at = mapping.get("apiVersion").map_or(at_kind, |pair| pair.value);
            return match api_version.as_deref() {
                Some(version) if version.strip_prefix(group).is_some_and(|rest| rest.starts_with('/')) => {
                    Self::Rules(kind, mapping)
                }
                None if items_kind == Some(kind) => Self::Rules(kind, mapping),
                None => Self::not(
                    at,
                    format!("`apiVersion` is missing; that of a {kind} begins with `{group}/`"),
                    "",
                ),
                Some(version) => {
                    let message =
                        format!("`{version}` is another API than that of the {kind} that rulesync reads");
                    let not = Self::not(at, message, &format!("its `apiVersion` begins with `{group}/`"));
                    not.doubtful_if(version.contains('/'))
                }
            };
        }
        if kind == "List" || list_of(&kind).is_some() {
            return match mapping.get("items") {
                Some(items) if items.value.shape() == Shape::Sequence || items.value.is_null() => {
                    Self::List(items.value, list_of(&kind))
                }
                Some(items) => Self::not(
                    items.value,
                    format!("`items` is {}, and must be a list", items.value.type_name()),
                    "",
                ),
                None => Self::misspelt(node, &mapping, &["items"], "a list has `items`"),
            };
        }
        if let Some(near) = near_kind(&kind, &mapping) {
            return Self::not(
                at_kind,
                format!("`{kind}` is not a kind with rules"),
                &format!("is it `{near}`?"),
            );
        }
        match api_version {
            Some(version) if api_group(&version).is_some() && has_groups(&mapping) => {
                not_at(at_kind, format!("`{kind}` is not a kind with rules, and has `groups`"))
            }
            Some(version) if kind == "Namespace" && version == "v1" => Self::Namespace(mapping),
            Some(_) => Self::Foreign,
            None => Self::NotUnderstood(NotUnderstood {
                message: "`apiVersion` is missing".to_owned(),
                hint: None,
                position: node.position(),
                is_rule_like: has_groups(&mapping),
                is_doubtful: false,
            }),
        }
    }

    /// Classifies a sequence: some tools write arrays of manifests.
    fn of_sequence(node: Node<'t>) -> Self {
        let items = || node.children().filter_map(Mapping::of);
        if items().any(|item| item.get("kind").is_some() || item.get("apiVersion").is_some()) {
            return Self::List(node, None);
        }
        let has = |keys: &[&str]| items().any(|item| keys.iter().any(|key| item.get(key).is_some()));
        let message = "expected a rule file or an object, found a list";
        if has(&["rules"]) {
            return Self::not(node, message.to_owned(), "put these groups below `groups:`");
        }
        let hint = "a rule file begins with `groups:`";
        // An empty one may be what is left of something else.
        if node.children().next().is_none() || has(&["groups", "alert", "record", "expr"]) {
            return Self::not(node, message.to_owned(), hint);
        }
        Self::foreign(node, message, hint)
    }

    /// A document that is not understood, and that is about something else.
    fn foreign(node: Node<'t>, message: &str, hint: &str) -> Self {
        match Self::not(node, message.to_owned(), hint) {
            Self::NotUnderstood(why) => Self::NotUnderstood(NotUnderstood { is_rule_like: false, ..why }),
            other => other,
        }
    }

    fn without_kind(node: Node<'t>, mapping: &Mapping<'t>) -> Self {
        let has = |key: &str| mapping.get(key).is_some();
        let message = "neither a rule file nor an object with rules";
        let hint = if has("rules") {
            "the document is a single group: put it in a list below `groups:`"
        } else if has("expr") && (has("alert") || has("record")) {
            "the document is a single rule: put it into a group below `groups:`"
        } else if has_groups(mapping) {
            "`apiVersion` and `kind` are missing"
        } else if has("items") {
            "`kind: List` is missing"
        } else {
            return Self::misspelt(node, mapping, &["groups"], message);
        };
        Self::not(node, message.to_owned(), hint)
    }

    /// Reports a key that is likely a misspelling of a missing one, or else the message at the root.
    fn misspelt(node: Node<'t>, mapping: &Mapping<'t>, missing: &[&str], message: &str) -> Self {
        let known = ["apiVersion", "kind", "metadata"];
        let near = |key: &str| {
            let word = keys::nearest(key, missing, |_| false)?;
            (!known.contains(&key)).then_some(word)
        };
        for pair in &mapping.pairs {
            if let Some(word) = near(&pair.key) {
                return Self::not(
                    pair.at,
                    format!("`{}` is not a key here", pair.key),
                    &format!("is it `{word}`?"),
                );
            }
        }
        let nested = mapping.pairs.iter().any(|pair| pair.value.shape() != Shape::Scalar);
        let has_rule_keys =
            mapping.pairs.iter().any(|pair| matches!(&*pair.key, "alert" | "record" | "expr" | "rule"));
        Self::NotUnderstood(NotUnderstood {
            message: message.to_owned(),
            hint: None,
            position: node.position(),
            // A flat mapping may be an error response; a nested one without keys of rules is another kind of file.
            is_rule_like: has_rule_keys || !nested || mapping.get("kind").is_some(),
            is_doubtful: !has_rule_keys && mapping.get("kind").is_none(),
        })
    }

    fn not(at: Node<'t>, message: String, hint: &str) -> Self {
        Self::NotUnderstood(NotUnderstood {
            message,
            hint: Some(hint.to_owned()).filter(|hint| !hint.is_empty()),
            position: at.position(),
            is_rule_like: true,
            is_doubtful: false,
        })
    }

    /// Notes whether a document that is not understood is doubtful.
    fn doubtful_if(self, is_doubtful: bool) -> Self {
        match self {
            Self::NotUnderstood(why) => Self::NotUnderstood(NotUnderstood { is_doubtful, ..why }),
            other => other,
        }
    }
}

fn not_at(at: Node<'_>, message: String) -> DocumentKind<'_> {
    DocumentKind::not(at, message, "")
}

/// The string value of a key, if it has one.
pub(super) fn string<'t>(mapping: &Mapping<'t>, key: &str) -> Option<Text<'t>> {
    match mapping.get(key)?.value.text() {
        Scalar::Value(text) => Some(text),
        _ => None,
    }
}

/// The kind of the items of a typed list, as returned by the Kubernetes API.
fn list_of(kind: &str) -> Option<&'static str> {
    let kind = kind.strip_suffix("List")?;
    RULES.iter().find(|(rules, _)| *rules == kind).map(|(rules, _)| *rules)
}

/// The API group of an `apiVersion`, if it is one with rules.
fn api_group(version: &str) -> Option<&'static str> {
    let group = version.split('/').next().unwrap_or_default();
    RULES.iter().find(|(_, known)| *known == group).map(|(_, known)| *known)
}

/// Returns whether there are names where a rule file has its groups, such as in a list of users.
fn has_names_for_groups(mapping: &Mapping<'_>) -> bool {
    let groups = mapping.value("groups").filter(|groups| groups.shape() == Shape::Sequence);
    groups.is_some_and(|groups| {
        let is_name = |item: Node<'_>| item.shape() == Shape::Scalar && !item.is_null();
        groups.children().next().is_some() && groups.children().all(is_name)
    })
}

fn has_groups(mapping: &Mapping<'_>) -> bool {
    mapping.value("spec").and_then(Mapping::of).is_some_and(|spec| spec.get("groups").is_some())
}

/// The known kind that a kind most likely misspells.
fn near_kind(kind: &str, mapping: &Mapping<'_>) -> Option<&'static str> {
    let kind = kind.to_lowercase();
    if mapping.get("items").is_some() && osa_distance(&kind, "list") <= 1 {
        return Some("List");
    }
    RULES.iter().map(|(rules, _)| *rules).find(|rules| osa_distance(&kind, &rules.to_lowercase()) <= 2)
}
