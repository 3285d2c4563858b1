//! Components that can select one object for one place: what Alloy does there, and what rulesync does.

use std::collections::BTreeMap;

use super::component::Component;
use super::options::NamingMode;
use crate::report::Messages;
use crate::yaml::{Entry, Mapping, Node, inline};

/// Reports components of which two can select one object for one tenant of one ruler. Returns the numbers of those that
/// contradict an earlier one, so that no configuration can have both.
pub(super) fn report(components: &[Component], naming: NamingMode, messages: &mut Messages) -> Vec<usize> {
    let mut contradicting = Vec::new();
    let mut destinations: BTreeMap<String, Vec<&Component>> = BTreeMap::new();
    for (number, other) in components.iter().enumerate() {
        let earlier = destinations.entry(destination(other)).or_default();
        for one in earlier.iter() {
            let names = format!("`{}` and `{}`", one.id, other.id);
            let excludes = one.rule_selector.excludes(&other.rule_selector)
                || one.namespace_selector.excludes(&other.namespace_selector);
            if excludes {
                if one.naming == other.naming {
                    messages.info(
                        other.position,
                        format!(
                            "{names} write to one tenant with one prefix: in Alloy each deletes what the other writes, in \
                             rulesync neither does"
                        ),
                    );
                }
            } else if text(&one.transform) != text(&other.transform) {
                contradicting.push(number);
                messages.error(
                    other.position,
                    format!(
                        "{names} can select one object for one tenant, and change its rules in different ways: let their \
                         `match_labels` require different values of one label"
                    ),
                );
            } else if one.naming != other.naming && naming == NamingMode::Keep {
                contradicting.push(number);
                messages.error(
                    other.position,
                    format!(
                        "{names} can select one object for one tenant: Alloy writes it under both prefixes, rulesync once; \
                         let their `match_labels` require different values of one label, or name by the owner (`--naming \
                         owner`)"
                    ),
                );
            } else {
                messages.info(
                    other.position,
                    format!("{names} can select one object for one tenant: rulesync writes it once"),
                );
            }
        }
        earlier.push(other);
    }
    contradicting.dedup();
    contradicting
}

/// What tells the tenant of a ruler from others.
fn destination(component: &Component) -> String {
    let tenant = component.tenant.as_ref().map(|Entry { value, .. }| inline(value));
    format!("{} {}", tenant.unwrap_or_default(), text(&component.connection))
}

fn text(settings: &Mapping) -> String {
    inline(&Node::Mapping(settings.clone()))
}
