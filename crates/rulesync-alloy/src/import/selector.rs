//! Label selectors.

use super::fields::{Context, Fields, Located};
use crate::syntax::Block;
use crate::yaml::{Entry, Mapping, Node, Piece, Scalar};

/// A label selector, as Kubernetes has it. An empty one selects everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Selector {
    labels: Vec<(String, Scalar)>,
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    key: String,
    operator: String,
    values: Vec<Scalar>,
}

const OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];

/// Reads a block that selects objects or Kubernetes namespaces.
pub(super) fn selector(context: &Context<'_, '_>, block: &Block) -> Selector {
    let fields = Fields::of(context, block, &["match_labels"], &["match_expression"]);
    let mut selector = Selector::default();
    if let Some(Located { value, position }) = fields.map("match_labels") {
        for (label, text) in value {
            let scalar = context.scalar(&format!("match_labels.{label}"), &text, position);
            selector.labels.extend(scalar.map(|scalar| (label, scalar)));
        }
    }
    selector.requirements =
        fields.blocks("match_expression").filter_map(|block| requirement(context, block)).collect();
    selector
}

fn requirement(context: &Context<'_, '_>, block: &Block) -> Option<Requirement> {
    let fields = Fields::of(context, block, &["key", "operator", "values"], &[]);
    let key = fields.required_text("key").and_then(|_| fields.known_text("key"));
    let operator = fields.required_text("operator").and_then(|_| fields.known_text("operator"))?;
    let values = fields.texts("values");
    let given = values.as_ref().map_or(0, |values| values.value.len());
    let problem = match operator.value.as_str() {
        "In" | "NotIn" if given == 0 => Some("needs `values`".to_owned()),
        "Exists" | "DoesNotExist" if given > 0 => Some("has no `values`".to_owned()),
        known if OPERATORS.contains(&known) => None,
        other => {
            let similar = OPERATORS.iter().find(|known| known.eq_ignore_ascii_case(other));
            Some(match similar {
                Some(similar) => format!("is not known: did you mean `{similar}`?"),
                None => "is not known: it is one of `In`, `NotIn`, `Exists`, `DoesNotExist`".to_owned(),
            })
        }
    };
    if let Some(problem) = problem {
        context.error(operator.position, format!("the operator `{}` {problem}", operator.value));
        return None;
    }
    let values = match values {
        Some(Located { value, position }) => {
            value.iter().map(|text| context.scalar("values", text, position)).collect::<Option<_>>()?
        }
        None => Vec::new(),
    };
    Some(Requirement { key: key?.value, operator: operator.value, values })
}

impl Selector {
    /// The setting of a route; none if everything is selected.
    pub(super) fn setting(&self) -> Option<Node> {
        let mut setting = Mapping::new();
        if !self.labels.is_empty() {
            let label = |(label, value): &(String, Scalar)| Entry::new(label, Node::Scalar(value.clone()));
            setting.push(Entry::new("match_labels", Node::Mapping(self.labels.iter().map(label).collect())));
        }
        if !self.requirements.is_empty() {
            let requirement = |Requirement { key, operator, values }: &Requirement| {
                let mut requirement = vec![
                    Entry::new("key", Node::text(key.as_str())),
                    Entry::new("operator", Node::text(operator.as_str())),
                ];
                if !values.is_empty() {
                    let values = values.iter().cloned().map(Node::Scalar).collect();
                    requirement.push(Entry::new("values", Node::List(values)));
                }
                Node::Mapping(requirement)
            };
            let requirements = self.requirements.iter().map(requirement).collect();
            setting.push(Entry::new("match_expressions", Node::List(requirements)));
        }
        (!setting.is_empty()).then_some(Node::Mapping(setting))
    }

    /// Whether nothing can be selected by both, because they require different values of one label. Only this is seen
    /// when a configuration is checked.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        self.labels.iter().any(|(label, value)| {
            other.labels.iter().any(|(same, different)| same == label && are_different(value, different))
        })
    }
}

fn are_different(one: &Scalar, other: &Scalar) -> bool {
    let literal = |scalar: &Scalar| match scalar {
        Scalar::Text(pieces) => match pieces.as_slice() {
            [Piece::Literal(text)] => Some(text.clone()),
            _ => None,
        },
        Scalar::Plain(text) => Some(text.clone()),
    };
    matches!((literal(one), literal(other)), (Some(one), Some(other)) if one != other)
}
