//! What a list of objects is asked for: the fields of its form, which are the parameters of its URL.

use maud::{Markup, html};
use rulesync_core::status::{EvaluationState, ObjectFilter, ObjectState};
use serde::Deserialize;

use super::link::Query;

/// The value of `state` for objects with a problem, whatever it is.
const PROBLEM: &str = "problem";

/// The states that can be asked for, with their words in URLs.
const STATES: [(&str, ObjectState); 6] = [
    ("malformed", ObjectState::Malformed),
    ("refused", ObjectState::Refused),
    ("contested", ObjectState::Contested),
    ("pending", ObjectState::Pending),
    ("synced", ObjectState::Synced),
    ("not_selected", ObjectState::NotSelected),
];

const EVALUATIONS: [(&str, EvaluationState); 3] = [
    ("not_loaded", EvaluationState::NotLoaded),
    ("failing", EvaluationState::Failing),
    ("healthy", EvaluationState::Healthy),
];

/// Returns the word of a state in URLs.
pub(crate) fn word(state: ObjectState) -> &'static str {
    STATES.iter().find(|(_, known)| *known == state).map_or("", |(word, _)| word)
}

/// The parameters as they are sent. Empty ones mean nothing: a form sends all its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Parameters {
    pub(crate) state: String,
    pub(crate) evaluation: String,
    pub(crate) source: String,
    pub(crate) ruler: String,
    pub(crate) tenant: String,
    pub(crate) namespace: String,
    pub(crate) q: String,
    pub(crate) page: String,
    /// Of the API only.
    pub(crate) limit: String,
    /// Of the API only.
    pub(crate) after: String,
}

impl Parameters {
    /// Returns the objects that are asked for.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write.
    pub(crate) fn filter(&self) -> Result<ObjectFilter, String> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(ObjectFilter {
            state: if self.state == PROBLEM { None } else { one_of(&self.state, &STATES, "state")? },
            problems: self.state == PROBLEM,
            evaluation: one_of(&self.evaluation, &EVALUATIONS, "evaluation")?,
            source: some(&self.source),
            ruler: some(&self.ruler),
            tenant: some(&self.tenant),
            namespace: some(&self.namespace),
            text: some(&self.q),
        })
    }

    /// Returns the number of the page that is asked for, from 1.
    pub(crate) fn page(&self) -> Result<usize, String> {
        match self.page.as_str() {
            "" => Ok(1),
            text => text
                .parse()
                .ok()
                .filter(|page| *page > 0)
                .ok_or_else(|| "`page` must be a number from 1".to_owned()),
        }
    }

    /// Returns whether objects are filtered at all.
    pub(super) fn is_empty(&self) -> bool {
        Self { page: String::new(), ..self.clone() } == Self::default()
    }

    /// Returns the query of another page of the same list.
    pub(super) fn query(&self, page: usize) -> Query {
        Query::default()
            .with("q", Some(&self.q))
            .with("state", Some(&self.state))
            .with("evaluation", Some(&self.evaluation))
            .with("source", Some(&self.source))
            .with("ruler", Some(&self.ruler))
            .with("tenant", Some(&self.tenant))
            .with("namespace", Some(&self.namespace))
            .with("page", (page > 1).then_some(page))
    }

    /// Shows the form.
    pub(super) fn form(&self, action: &str) -> Markup {
        let states = std::iter::once(PROBLEM).chain(STATES.iter().map(|(word, _)| *word));
        html! {
            form.filter method="get" action=(action) role="search" aria-label="Objects" {
                label.wide { "Namespace or name" input type="search" name="q" value=(self.q); }
                label { "State" (select("state", &self.state, states)) }
                label {
                    "Evaluation"
                    (select("evaluation", &self.evaluation, EVALUATIONS.iter().map(|(word, _)| *word)))
                }
                label { "Kubernetes namespace" input name="namespace" value=(self.namespace); }
                label { "Ruler" input name="ruler" value=(self.ruler); }
                label { "Tenant" input name="tenant" value=(self.tenant); }
                @if !self.source.is_empty() {
                    label { "Source" input name="source" value=(self.source); }
                }
                button type="submit" { "Filter" }
            }
        }
    }
}

fn select<'a>(name: &str, chosen: &str, values: impl Iterator<Item = &'a str>) -> Markup {
    html! {
        select name=(name) {
            option value="" { "any" }
            @for value in values {
                option value=(value) selected[value == chosen] {
                    @if value == PROBLEM { "any problem" } @else { (value.replace('_', " ")) }
                }
            }
        }
    }
}

fn one_of<T: Copy>(text: &str, known: &[(&str, T)], name: &str) -> Result<Option<T>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.map(Some).ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        format!("`{name}` must be one of {}", words.join(", "))
    })
}
