//! The changes that a route makes to rules: labels for every rule, matchers for every selector, and no reading from
//! tenants that are not allowed.
//!
//! It fails closed: a rule that cannot carry its matchers is refused, and so is its group.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use rulesync_expr::Enforcement;

use super::template;
use super::text::taken_fault;
use crate::finding::{Code, Finding, Location, Position};
use crate::model::group::Group;
use crate::model::language::QueryLanguage;
use crate::model::tenant::TenantId;
use crate::naming::Pattern;
use crate::route::input::RoutingInput;
use crate::route::value::ValueFault;
use crate::route::{ExternalLabel, QueryMatcher, Route};

/// The transform of one object's rules on one route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Transform {
    labels: Vec<SetLabel>,
    unset: Vec<UnsetLabel>,
    refused: Vec<RefusedLabel>,
    matchers: Arc<[Enforcement]>,
    source_tenants: Vec<Pattern>,
    refusals: Vec<Finding>,
}

/// A label to set.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SetLabel {
    name: String,
    value: String,
    add_if_absent: bool,
}

/// A label that the route sets, for an object without a value for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct UnsetLabel {
    name: String,
    /// The reason why there is no value.
    reason: String,
}

/// A label that the route sets, for an object whose value for it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RefusedLabel {
    name: String,
    /// True if the author may choose any value.
    free: bool,
    /// The values that the object might have instead.
    allowed: Vec<Pattern>,
}

impl Transform {
    /// Returns the transform of an object on a route.
    ///
    /// # Errors
    ///
    /// A finding if a matcher has no value.
    pub(crate) fn of(route: &Route, input: &RoutingInput<'_>) -> Result<Self, Box<Finding>> {
        let mut matchers: Vec<Enforcement> = Vec::with_capacity(route.query_matchers.len());
        for QueryMatcher { label, op, value, mode } in &route.query_matchers {
            let refuse = |why: String| {
                Finding::error(
                    Code::Matcher,
                    format!("route `{}` puts no matcher on `{label}`: {why}", route.name),
                )
            };
            let text =
                if op.is_regex() { value.resolve_regex(input) } else { value.resolve(input).map(Cow::from) };
            let text = text.map_err(|fault| {
                let hint = format!("{}; nothing is sent without the matcher", fault.hint());
                refuse(fault.to_string()).hint(hint)
            })?;
            let known = matchers.iter().position(|enforcement| enforcement.label() == label);
            let enforcement = match known {
                Some(index) => matchers.remove(index).and(*op, &text),
                None => Enforcement::new(label, *op, &text, *mode),
            };
            let enforcement = enforcement.map_err(|error| refuse(error.to_string()))?;
            matchers.insert(known.unwrap_or(matchers.len()), enforcement);
        }
        let mut transform = Self {
            matchers: matchers.into(),
            source_tenants: route.source_tenants.clone(),
            ..Self::default()
        };
        for label in &route.external_labels {
            transform.add_label(&route.name, label, input);
        }
        Ok(transform)
    }

    fn add_label(&mut self, route: &str, label: &ExternalLabel, input: &RoutingInput<'_>) {
        let ExternalLabel { name, value, add_if_absent } = label;
        match value.resolve(input) {
            Ok(value) => self.labels.push(SetLabel {
                name: name.clone(),
                value: value.to_owned(),
                add_if_absent: *add_if_absent,
            }),
            Err(ValueFault::Missing(_)) if *add_if_absent => {}
            Err(fault @ ValueFault::Missing(_)) => {
                self.unset.push(UnsetLabel { name: name.clone(), reason: fault.to_string() });
            }
            Err(fault) => {
                if let Some(source) = value.source().filter(|_| !add_if_absent) {
                    let may = source.allow.iter().filter(|permission| permission.is_for(input));
                    self.refused.push(RefusedLabel {
                        name: name.clone(),
                        free: source.allow.is_empty() && source.origin.is_the_authors(),
                        allowed: may.flat_map(|permission| &permission.values).cloned().collect(),
                    });
                }
                let message = format!("route `{route}` cannot set the label `{name}`: {fault}");
                self.refusals.push(Finding::error(Code::ExternalLabel, message).hint(fault.hint()));
            }
        }
    }

    /// Returns why no group of the object is sent by this route; empty if they are sent.
    pub(crate) fn refusals(&self) -> &[Finding] {
        &self.refusals
    }

    /// Returns warnings about labels that the object's rules are sent without.
    pub(crate) fn unset_labels(&self, route: &str) -> impl Iterator<Item = Finding> {
        self.unset.iter().map(move |UnsetLabel { name, reason }| {
            let message = format!("route `{route}` leaves the label `{name}` out: {reason}");
            Finding::warning(Code::ExternalLabel, message)
                .hint("set it, so that alerts can be told apart by the label")
        })
    }

    /// Returns whether the stored version of a group could be sent today: it carries the matchers and the labels that
    /// the route sets, and reads from no tenant that is not allowed.
    pub(crate) fn is_satisfied_by(
        &self,
        group: &Group,
        tenant: Option<&TenantId>,
        language: QueryLanguage,
    ) -> bool {
        let label_is_set = |label: &SetLabel| {
            group.rules.iter().all(|rule| {
                let own = rule.labels.get(&label.name).or_else(|| group.labels.get(&label.name));
                own.is_some_and(|value| label.add_if_absent || *value == label.value)
            })
        };
        let is_unset = |label: &UnsetLabel| label.carried(group, "").next().is_none();
        let unchanged =
            |expr: &str| language.add_matchers(expr, &self.matchers).is_ok_and(|enforced| enforced == expr);
        let asks_for_nothing = || template::calls(group).next().is_none();
        self.foreign_tenant(group, tenant).is_none()
            && self.refused.iter().all(|label| label.may_stand_in(group))
            && self.unset.iter().all(is_unset)
            && self.labels.iter().all(label_is_set)
            && (self.matchers.is_empty()
                || (asks_for_nothing() && group.rules.iter().all(|rule| unchanged(&rule.expr))))
    }

    /// Returns whether it sets labels or matchers that an earlier configuration may not have set.
    pub(crate) fn sets_anything(&self) -> bool {
        !(self.labels.is_empty()
            && self.unset.is_empty()
            && self.refused.is_empty()
            && self.matchers.is_empty())
    }

    /// Returns a tenant that a group reads from without permission.
    fn foreign_tenant<'a>(&self, group: &'a Group, tenant: Option<&TenantId>) -> Option<&'a String> {
        group.source_tenants.iter().find(|name| {
            tenant.is_none_or(|own| own.as_str() != name.as_str())
                && !self.source_tenants.iter().any(|pattern| pattern.matches(name))
        })
    }

    /// Returns whether both transform rules the same way.
    pub(super) fn writes_as(&self, other: &Self) -> bool {
        (&self.labels, &self.unset, &self.matchers, &self.refusals)
            == (&other.labels, &other.unset, &other.matchers, &other.refusals)
    }

    /// Returns a group as it is sent, and its findings. Errors without a rule's index are about the group as a whole.
    pub(crate) fn apply<'a>(
        &self,
        group: &'a Group,
        route: &str,
        tenant: Option<&TenantId>,
        language: QueryLanguage,
    ) -> (Cow<'a, Group>, Vec<Finding>) {
        let mut findings = Vec::new();
        if let Some(name) = self.foreign_tenant(group, tenant) {
            let message = format!("route `{}` does not allow rules to read from the tenant {name:?}", route);
            let location = Location {
                group: Some(group.name.clone()),
                field: Some("source_tenants".into()),
                ..Location::default()
            };
            let hint = format!(
                "whoever runs rulesync can add it to that route: `source_tenants: {{allow: [{name:?}]}}`"
            );
            findings.push(Finding::error(Code::SourceTenants, message).at(location).hint(hint));
        }
        findings.extend(self.unset.iter().flat_map(|label| label.carried(group, route)));
        if self.labels.is_empty() && self.matchers.is_empty() {
            return (Cow::Borrowed(group), findings);
        }
        if !self.matchers.is_empty() {
            let hint = format!("route `{route}` lets nothing be read without its matchers");
            findings.extend(template::calls(group).map(|location| {
                Finding::error(Code::Matcher, "the template calls `query`, where no matcher can be put")
                    .at(location)
                    .hint(hint.clone())
            }));
        }
        let mut transformed = group.clone();
        for (index, rule) in transformed.rules.iter_mut().enumerate() {
            for SetLabel { name, value, add_if_absent } in &self.labels {
                // A rule's label wins over its group's (docs/contracts/ruler-api.md 3.2), and some rulers do not store
                // labels of groups.
                let own = || rule.labels.get(name).or_else(|| group.labels.get(name)).cloned();
                let value = add_if_absent.then(own).flatten().unwrap_or_else(|| value.clone());
                rule.labels.insert(name.clone(), value);
            }
            if self.matchers.is_empty() {
                continue;
            }
            match language.add_matchers(&rule.expr, &self.matchers) {
                Ok(expr) => rule.expr = expr,
                Err(error) => {
                    let location = Location {
                        group: Some(group.name.clone()),
                        rule: Some(index),
                        rule_name: Some(rule.name().to_owned()),
                        field: Some("expr".to_owned()),
                        position: error.position().map(|p| Position { line: p.line, column: p.column }),
                        ..Location::default()
                    };
                    let hint = format!("route `{}` sends nothing without its matchers", route);
                    findings.push(Finding::error(Code::Matcher, error.to_string()).at(location).hint(hint));
                }
            }
        }
        (Cow::Owned(transformed), findings)
    }
}

impl RefusedLabel {
    /// Returns whether every value of the label in the stored version of a group is one that the object might have.
    fn may_stand_in(&self, group: &Group) -> bool {
        let labels = group.rules.iter().map(|rule| &rule.labels).chain([&group.labels]);
        labels.filter_map(|labels| labels.get(&self.name)).all(|value| {
            taken_fault(value).is_none()
                && (self.free || self.allowed.iter().any(|pattern| pattern.matches(value)))
        })
    }
}

impl UnsetLabel {
    /// Returns errors where a group carries the label: its author's value must not pass for the route's.
    fn carried<'a>(&'a self, group: &'a Group, route: &'a str) -> impl Iterator<Item = Finding> {
        let Self { name, reason } = self;
        let own = |labels: &BTreeMap<String, String>| labels.contains_key(name);
        let of_group = own(&group.labels).then_some(None);
        let rules = group.rules.iter().enumerate().filter(move |(_, rule)| own(&rule.labels));
        of_group.into_iter().chain(rules.map(Some)).map(move |rule| {
            let location = Location {
                group: Some(group.name.clone()),
                rule: rule.map(|(index, _)| index),
                rule_name: rule.map(|(_, rule)| rule.name().to_owned()),
                field: Some(format!("labels.{name}")),
                ..Location::default()
            };
            let message = format!("the label `{name}` is set by route `{route}` alone, which has no value: {reason}");
            let hint = "set that, or remove the label here; whoever runs rulesync can give the route's label a `default`";
            Finding::error(Code::ExternalLabel, message).at(location).hint(hint)
        })
    }
}

#[cfg(test)]
mod invariants;
#[cfg(test)]
mod operators;
#[cfg(test)]
mod stored_versions;
#[cfg(test)]
mod tests;
