//! The requirements by which a route selects an object and a permission covers a value, each with what it is judged by.
//!
//! Routing goes by whether all are met, and an explanation shows each: both read the same list.

use std::fmt;
use std::sync::Arc;

use super::Route;
use super::input::RoutingInput;
use super::permission::Permission;
use super::selector::{Condition, JudgedCondition};
use crate::model::name::SourceName;
use crate::naming::Pattern;

/// One requirement, and whether it is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Requirement<'a> {
    pub(crate) wanted: Wanted<'a>,
    /// What it is judged by; none if it is missing or unknown.
    pub(crate) actual: Option<&'a str>,
    /// Whether it is met; none if what it is judged by is unknown.
    pub(crate) is_met: Option<bool>,
}

/// What a requirement wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted<'a> {
    /// One of these sources.
    Sources(&'a [SourceName]),
    /// One of these kinds.
    Kinds(&'a [Arc<str>]),
    /// A kind in this language, or in no certain one.
    Language(&'a str),
    /// A label of the object.
    Label(Condition<'a>),
    /// A label of its Kubernetes namespace.
    NamespaceLabel(Condition<'a>),
    /// The labels and annotations of its Kubernetes namespace, to read something from.
    NamespaceMetadata,
    /// A Kubernetes namespace that a permission is for.
    Namespaces(&'a [Pattern]),
    /// A value that a permission lets be chosen.
    Values(&'a [Pattern]),
}

/// The meaning of all requirements together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All are met.
    Selected,
    /// One is not.
    NotSelected,
    /// None is known not to be met, but of some it is unknown.
    Undecided,
}

impl Selection {
    /// Returns the meaning of requirements; reads no further than it needs.
    fn of<'a>(requirements: impl Iterator<Item = Requirement<'a>>) -> Self {
        let mut selection = Self::Selected;
        for requirement in requirements {
            match requirement.is_met {
                Some(true) => {}
                Some(false) => return Self::NotSelected,
                None => selection = Self::Undecided,
            }
        }
        selection
    }
}

impl Route {
    /// Iterates over what it requires of an object, given the language of its ruler.
    pub(crate) fn requirements<'a>(
        &'a self,
        input: &RoutingInput<'a>,
        language: &'a str,
    ) -> impl Iterator<Item = Requirement<'a>> + use<'a> {
        let RoutingInput { id, labels, namespace, namespace_comes, .. } = *input;
        let source = (!self.sources.is_empty()).then(|| Requirement {
            wanted: Wanted::Sources(&self.sources),
            actual: Some(id.source()),
            is_met: Some(self.takes_source(id.source())),
        });
        let kind = Requirement {
            wanted: match self.kinds.as_slice() {
                [] => Wanted::Language(language),
                kinds => Wanted::Kinds(kinds),
            },
            actual: Some(id.kind()),
            is_met: Some(self.takes_kind(id.kind(), language)),
        };
        let waits = move || namespace.is_none() && namespace_comes && self.needs_namespaces();
        let metadata = std::iter::once_with(waits).filter(|waits| *waits).map(|_| Requirement {
            wanted: Wanted::NamespaceMetadata,
            actual: None,
            is_met: None,
        });
        let of_namespace = namespace.map(|namespace| &namespace.labels);
        source
            .into_iter()
            .chain(std::iter::once(kind))
            .chain(self.rule_selector.judge(labels).map(Requirement::on_label))
            .chain(
                self.namespace_selector
                    .judge_namespace(id.namespace(), of_namespace)
                    .map(Requirement::on_namespace_label),
            )
            .chain(metadata)
    }

    /// Returns whether it selects an object, given the language of its ruler.
    pub(crate) fn selects(&self, input: &RoutingInput<'_>, language: &str) -> Selection {
        Selection::of(self.requirements(input, language))
    }
}

impl Permission {
    /// Iterates over what it requires to let a value be chosen.
    pub(crate) fn requirements<'a>(
        &'a self,
        input: &RoutingInput<'a>,
        value: &'a str,
    ) -> impl Iterator<Item = Requirement<'a>> + use<'a> {
        self.for_whom(input).chain(std::iter::once_with(move || Requirement {
            wanted: Wanted::Values(&self.values),
            actual: Some(value),
            is_met: Some(self.values.iter().any(|pattern| pattern.matches(value))),
        }))
    }

    /// Iterates over what it requires of the Kubernetes namespace of an object.
    fn for_whom<'a>(&'a self, input: &RoutingInput<'a>) -> impl Iterator<Item = Requirement<'a>> + use<'a> {
        let name = input.id.namespace();
        let named = (!self.namespaces.is_empty()).then(|| Requirement {
            wanted: Wanted::Namespaces(&self.namespaces),
            actual: Some(name),
            is_met: Some(self.namespaces.iter().any(|pattern| pattern.matches(name))),
        });
        let labels = input.namespace.map(|namespace| &namespace.labels);
        let selected = self.namespace_selector.judge_namespace(name, labels);
        named.into_iter().chain(selected.map(Requirement::on_namespace_label))
    }

    /// Returns whether it lets the Kubernetes namespace of an object choose a value.
    pub(crate) fn covers(&self, input: &RoutingInput<'_>, value: &str) -> bool {
        Selection::of(self.requirements(input, value)) == Selection::Selected
    }

    /// Returns whether it is for the Kubernetes namespace of an object.
    pub(crate) fn is_for(&self, input: &RoutingInput<'_>) -> bool {
        Selection::of(self.for_whom(input)) == Selection::Selected
    }
}

impl<'a> Requirement<'a> {
    fn on_label(JudgedCondition { condition, actual, is_met }: JudgedCondition<'a>) -> Self {
        Self { wanted: Wanted::Label(condition), actual, is_met }
    }

    fn on_namespace_label(JudgedCondition { condition, actual, is_met }: JudgedCondition<'a>) -> Self {
        Self { wanted: Wanted::NamespaceLabel(condition), actual, is_met }
    }
}

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, patterns: &[Pattern]| {
            let shown: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            f.write_str(&shown.join(", "))
        };
        match self {
            Self::Sources(sources) => {
                let names: Vec<&str> = sources.iter().map(|source| &**source).collect();
                f.write_str(&names.join(", "))
            }
            Self::Kinds(kinds) => f.write_str(&kinds.join(", ")),
            Self::Language(language) => write!(f, "any in {language}"),
            Self::Label(condition) | Self::NamespaceLabel(condition) => condition.fmt(f),
            Self::NamespaceMetadata => f.write_str("its labels and annotations"),
            Self::Namespaces(patterns) | Self::Values(patterns) => list(f, patterns),
        }
    }
}
