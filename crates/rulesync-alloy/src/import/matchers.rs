//! The matchers that a component adds to every query.

use super::fields::{Context, Fields, Located};
use crate::syntax::Block;
use crate::yaml::{Entry, Node};

const OPERATORS: [&str; 4] = ["=", "!=", "=~", "!~"];

/// Reads `extra_query_matchers`. `from_labels` says whether values may be read from labels of objects.
pub(super) fn matchers(context: &Context<'_, '_>, block: &Block, from_labels: bool) -> Vec<Node> {
    let fields = Fields::of(context, block, &[], &["matcher"]);
    let mut added: Vec<(String, Node)> = Vec::new();
    for block in fields.blocks("matcher") {
        let Some((label, setting)) = matcher(context, block, from_labels) else { continue };
        if let Some(place) = added.iter().position(|(other, _)| *other == label) {
            let text = format!(
                "the label `{label}` has a matcher already, which Alloy replaces with this one; only this one is imported"
            );
            context.messages.borrow_mut().warning(block.position, text);
            added.remove(place);
        }
        added.push((label, setting));
    }
    added.into_iter().map(|(_, setting)| setting).collect()
}

fn matcher(context: &Context<'_, '_>, block: &Block, from_labels: bool) -> Option<(String, Node)> {
    let attributes = ["name", "match_type", "value", "value_from_label"];
    let known = if from_labels { &attributes[..] } else { &attributes[..3] };
    let fields = Fields::of(context, block, known, &[]);
    let name = fields.required_text("name").and_then(|_| fields.known_text("name"));
    let operator = fields.required_text("match_type").and_then(|_| fields.known_text("match_type"));
    if let Some(Located { value, position }) =
        operator.as_ref().filter(|operator| !OPERATORS.contains(&operator.value.as_str()))
    {
        context.error(*position, format!("`match_type` is one of `=`, `!=`, `=~` and `!~`, not `{value}`"));
    }
    let from_label = if from_labels { fields.known_text("value_from_label") } else { None };
    let value = fields.setting("value", "value");
    let values = match (value, from_label) {
        (Some(_), Some(second)) => {
            context.error(second.position, "`value` and `value_from_label` exclude each other");
            return None;
        }
        (Some(value), None) => vec![value],
        (None, Some(Located { value: label, position })) => {
            if operator.as_ref().is_some_and(|operator| operator.value.ends_with('~')) {
                context.messages.borrow_mut().warning(
                    position,
                    format!(
                        "`value_from_label`: the value of the label `{label}` matches itself alone, where Alloy takes it for a \
                         regular expression"
                    ),
                );
            }
            context.messages.borrow_mut().warning(
                position,
                format!(
                    "`value_from_label`: an object without the label `{label}` is not sent, where Alloy sends its rules \
                     with an empty expression; its values are checked before they are used"
                ),
            );
            vec![
                Entry::new("from", Node::text("label")).at(position),
                Entry::new("key", Node::text(label)).at(position),
            ]
        }
        (None, None) if fields.attribute("value").is_some() && !from_labels => {
            let text = "`value` is empty: rulesync adds no matcher that series without the label have";
            context.error(fields.position(), text);
            return None;
        }
        (None, None) => {
            let text =
                if from_labels { "`value` or `value_from_label` is missing" } else { "`value` is missing" };
            context.error(fields.position(), text);
            return None;
        }
    };
    let (name, operator) = (name?, operator?);
    let mut setting = vec![Entry::new("label", Node::text(name.value.as_str())).at(name.position)];
    if operator.value != "=" {
        setting.push(Entry::new("op", Node::text(operator.value)).at(operator.position));
    }
    setting.extend(values);
    Some((name.value, Node::Mapping(setting)))
}
