//! What a route does to the rules that go by it: labels for every rule, matchers for every selector, and no reading
//! from tenants that are not allowed.
//!
//! It fails closed: a rule that cannot be given its matchers is refused, and so is its group.

use std::borrow::Cow;
use std::sync::Arc;

use rulesync_expr::{Enforcement, Mode};

use super::origin::{Facts, Origin};
use super::route::Route;
use super::template;
use crate::dialect::Dialect;
use crate::finding::{Finding, Place, Position};
use crate::model::group::Group;
use crate::model::tenant::TenantId;
use crate::naming::Pattern;

/// A value that is the same for all objects, or read off each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// This text.
    Constant(String),
    /// What stands there.
    From(Origin),
}

impl Value {
    pub(super) fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Constant(_) => None,
            Self::From(origin) => Some(origin),
        }
    }

    fn of<'a>(&'a self, facts: &Facts<'a>) -> Option<&'a str> {
        match self {
            Self::Constant(text) => Some(text),
            Self::From(origin) => origin.value(facts),
        }
    }
}

/// A label that every rule of a route gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalLabel {
    /// Its name.
    pub name: String,
    /// Its value. Where it is read off an object that has none, the label is left out.
    pub value: Value,
    /// Whether a label of that name that the author wrote stays.
    pub add_if_absent: bool,
}

/// A matcher that every selector of a route's expressions carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryMatcher {
    /// The label.
    pub label: String,
    /// The value. An object that has none to be read off is refused.
    pub value: Value,
    /// What becomes of what the author wrote about the label.
    pub mode: Mode,
}

/// What is done to the rules of one object on one route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Treatment {
    labels: Vec<(String, String, bool)>,
    matchers: Arc<[Enforcement]>,
    source_tenants: Vec<Pattern>,
}

impl Treatment {
    /// What a route does to an object.
    ///
    /// # Errors
    ///
    /// A finding where a matcher has no value.
    pub(super) fn of(route: &Route, facts: &Facts<'_>) -> Result<Self, Box<Finding>> {
        let labels = route.external_labels.iter().filter_map(|label| {
            Some((label.name.clone(), label.value.of(facts)?.to_owned(), label.add_if_absent))
        });
        let mut matchers = Vec::with_capacity(route.query_matchers.len());
        for QueryMatcher { label, value, mode } in &route.query_matchers {
            let refuse = |why: String| {
                Finding::error(
                    "matcher",
                    format!("route `{}` puts no matcher on `{label}`: {why}", route.name),
                )
            };
            let text = value.of(facts).ok_or_else(|| {
                let origin = value.origin().map(ToString::to_string).unwrap_or_default();
                refuse(format!("{origin} is missing")).hint("set it: nothing is sent without the matcher")
            })?;
            matchers.push(Enforcement::new(label, text, *mode).map_err(|error| refuse(error.to_string()))?);
        }
        Ok(Self {
            labels: labels.collect(),
            matchers: matchers.into(),
            source_tenants: route.source_tenants.clone(),
        })
    }

    /// The matchers it puts into every selector.
    pub(crate) fn matchers(&self) -> &Arc<[Enforcement]> {
        &self.matchers
    }

    /// Whether rules come out the same.
    pub(super) fn writes_as(&self, other: &Self) -> bool {
        (&self.labels, &self.matchers) == (&other.labels, &other.matchers)
    }

    /// A group as it is sent, and what is wrong with it. Findings that are errors without a rule's index are about the
    /// group as a whole.
    pub(crate) fn apply<'a>(
        &self,
        group: &'a Group,
        route: &str,
        tenant: Option<&TenantId>,
        dialect: &dyn Dialect,
    ) -> (Cow<'a, Group>, Vec<Finding>) {
        let mut findings = Vec::new();
        let foreign = |name: &&String| {
            tenant.is_none_or(|own| own.as_str() != name.as_str())
                && !self.source_tenants.iter().any(|pattern| pattern.matches(name))
        };
        if let Some(name) = group.source_tenants.iter().find(foreign) {
            let message = format!("route `{}` does not allow rules to read from the tenant {name:?}", route);
            let place = Place {
                group: Some(group.name.clone()),
                field: Some("source_tenants".into()),
                ..Place::default()
            };
            let hint = format!(
                "whoever runs rulesync can add it to that route: `source_tenants: {{allow: [{name:?}]}}`"
            );
            findings.push(Finding::error("source-tenants", message).at(place).hint(hint));
        }
        if self.labels.is_empty() && self.matchers.is_empty() {
            return (Cow::Borrowed(group), findings);
        }
        if !self.matchers.is_empty() {
            let hint = format!("route `{route}` lets nothing be read without its matchers");
            findings.extend(template::calls(group).map(|place| {
                Finding::error("matcher", "the template calls `query`, where no matcher can be put")
                    .at(place)
                    .hint(hint.clone())
            }));
        }
        let mut treated = group.clone();
        for (index, rule) in treated.rules.iter_mut().enumerate() {
            for (name, value, add_if_absent) in &self.labels {
                if !(*add_if_absent && rule.labels.contains_key(name)) {
                    rule.labels.insert(name.clone(), value.clone());
                }
            }
            if self.matchers.is_empty() {
                continue;
            }
            match dialect.add_matchers(&rule.expr, &self.matchers) {
                Ok(expr) => rule.expr = expr,
                Err(error) => {
                    let place = Place {
                        group: Some(group.name.clone()),
                        rule: Some(index),
                        rule_name: Some(rule.name().to_owned()),
                        field: Some("expr".to_owned()),
                        position: error.position().map(|p| Position { line: p.line, column: p.column }),
                        ..Place::default()
                    };
                    let hint = format!("route `{}` sends nothing without its matchers", route);
                    findings.push(Finding::error("matcher", error.to_string()).at(place).hint(hint));
                }
            }
        }
        (Cow::Owned(treated), findings)
    }
}

#[cfg(test)]
mod tests;
