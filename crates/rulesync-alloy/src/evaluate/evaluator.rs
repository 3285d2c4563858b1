//! The evaluation of expressions: operands first, then what is done with them.

use super::error::EvaluationError;
use super::functions::{self, Argument};
use super::operators;
use super::reference::{self, Step, Target};
use super::scope::Scope;
use super::value::{Number, Part, Stored, StoredKind, Text, Value};
use crate::syntax::{Block, Expression, ExpressionKind, Position, StringLiteral};

/// How many components may refer to each other, one to the next.
const MAX_DEPTH: usize = 16;

impl Scope<'_> {
    /// The value of an expression.
    ///
    /// # Errors
    ///
    /// [`EvaluationError`] if it cannot be known, or the expression has none.
    pub(crate) fn evaluate(&self, expression: &Expression) -> Result<Value, EvaluationError> {
        let position = expression.position;
        match &expression.kind {
            ExpressionKind::Null => Ok(Value::Null),
            ExpressionKind::Bool(value) => Ok(Value::Bool(*value)),
            ExpressionKind::Number(text) => number(text)
                .map(Value::Number)
                .ok_or_else(|| EvaluationError::new(position, format!("the number `{text}` is too large"))),
            ExpressionKind::String(StringLiteral(text)) => Ok(Value::from(text.as_str())),
            ExpressionKind::Array(items) => {
                items.iter().map(|item| self.evaluate(item)).collect::<Result<_, _>>().map(Value::List)
            }
            ExpressionKind::Object(fields) => {
                let mut values: Vec<(String, Value)> = Vec::new();
                for field in fields {
                    if values.iter().any(|(name, _)| *name == field.name) {
                        let message = format!("the field `{}` is repeated", field.name);
                        return Err(EvaluationError::new(field.position, message));
                    }
                    values.push((field.name.clone(), self.evaluate(&field.value)?));
                }
                Ok(Value::Object(values))
            }
            ExpressionKind::Parenthesis(inner) => self.evaluate(inner),
            ExpressionKind::Unary { operator, operand } => {
                operators::unary(*operator, &self.evaluate(operand)?)
                    .map_err(|message| EvaluationError::new(position, message))
            }
            ExpressionKind::Binary { operator, left, right } => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                operators::binary(*operator, left, right)
                    .map_err(|message| EvaluationError::new(position, message))
            }
            ExpressionKind::Identifier(_) | ExpressionKind::Access { .. } | ExpressionKind::Index { .. } => {
                self.resolve(expression)
            }
            ExpressionKind::Call { function, arguments } => {
                let argument = |argument: &Expression| {
                    Ok(Argument { position: argument.position, value: self.evaluate(argument)? })
                };
                let arguments = arguments.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
                functions::call(self, function, arguments)
            }
        }
    }

    /// The value that a reference leads to: a name with fields and elements behind it.
    fn resolve(&self, expression: &Expression) -> Result<Value, EvaluationError> {
        let position = expression.position;
        let mut steps = Vec::new();
        let root = self.steps_to(expression, &mut steps)?;
        let wrong = |message| EvaluationError::new(position, message);
        let ExpressionKind::Identifier(name) = &root.kind else {
            return reference::within(self.evaluate(root)?, &steps).map_err(wrong);
        };
        match Target::of(name, &steps).map_err(wrong)? {
            Target::Argument(name) => {
                let value = self.argument(name).map_err(wrong)?;
                reference::within(value, steps.get(2..).unwrap_or_default()).map_err(wrong)
            }
            Target::Hostname => {
                let message = "`constants.hostname` is read from the variable `HOSTNAME`, which Kubernetes sets to the \
                               name of the pod";
                self.note(position, message);
                Ok(Value::Text(Part::Variable("HOSTNAME".to_owned()).into()))
            }
            Target::OperatingSystem => Ok(Value::from("linux")),
            Target::File(label) => {
                let block = self.component("local.file", label).map_err(wrong)?;
                let path = self.setting(block, "filename", position)?;
                Ok(Value::Text(Part::File(path).into()))
            }
            Target::Stored { kind, label, key } => self.stored(kind, label, key, position),
        }
    }

    /// Collects the steps of a reference, and returns what it begins with.
    fn steps_to<'e>(
        &self,
        expression: &'e Expression,
        steps: &mut Vec<Step>,
    ) -> Result<&'e Expression, EvaluationError> {
        let (value, step) = match &expression.kind {
            ExpressionKind::Access { value, name } => (value, Step::Field(name.clone())),
            ExpressionKind::Index { value, index } => {
                let step = match self.evaluate(index)? {
                    Value::Number(Number::Integer(index)) => Step::Element(index),
                    value => Step::Field(
                        value
                            .known_text()
                            .map_err(|message| EvaluationError::new(index.position, message))?,
                    ),
                };
                (value, step)
            }
            _ => return Ok(expression),
        };
        let root = self.steps_to(value, steps)?;
        steps.push(step);
        Ok(root)
    }

    fn argument(&self, name: &str) -> Result<Value, String> {
        match &self.arguments {
            None => Err("`argument` stands outside of a `declare` block".to_owned()),
            Some(arguments) => arguments
                .get(name)
                .cloned()
                .ok_or_else(|| format!("the argument `{name}` is not declared, or has no value")),
        }
    }

    fn component(&self, name: &str, label: &str) -> Result<&Block, String> {
        let found = self.blocks.iter().find(|block| block.name == name && block.label() == label);
        found.copied().ok_or_else(|| format!("there is no component `{name}.{label}`"))
    }

    fn stored(
        &self,
        kind: StoredKind,
        label: &str,
        key: &str,
        position: Position,
    ) -> Result<Value, EvaluationError> {
        let component = match kind {
            StoredKind::Secret => "remote.kubernetes.secret",
            StoredKind::ConfigMap => "remote.kubernetes.configmap",
        };
        let wrong = |message| EvaluationError::new(position, message);
        let block = self.component(component, label).map_err(wrong)?;
        if let Some(client) = block.body.blocks().find(|block| block.name == "client") {
            let message = format!("`{component}.{label}` reads another cluster: its value cannot be mounted");
            return Err(EvaluationError::new(client.position, message));
        }
        let known = |name: &str| {
            let text = self.setting(block, name, position)?;
            let unknown = || wrong(format!("the `{name}` of `{component}.{label}` must be known here"));
            text.literal().map(str::to_owned).ok_or_else(unknown)
        };
        let (namespace, name) = (known("namespace")?, known("name")?);
        let stored = Stored { kind, namespace, name, key: key.to_owned() };
        Ok(Value::Text(Part::Stored(stored).into()))
    }

    /// A setting of another component, which must be a string. `position` is that of the reference to the component.
    fn setting(&self, block: &Block, name: &str, position: Position) -> Result<Text, EvaluationError> {
        let Some(attribute) = block.body.attributes().find(|attribute| attribute.name == name) else {
            return Err(EvaluationError::new(block.position, format!("`{name}` is missing")));
        };
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return Err(EvaluationError::new(position, "components refer to each other in a circle"));
        }
        self.depth.set(depth + 1);
        let value = self.evaluate(&attribute.value);
        self.depth.set(depth);
        match value? {
            Value::Text(text) if text.is_empty() => {
                Err(EvaluationError::new(attribute.value.position, format!("`{name}` is empty")))
            }
            Value::Text(text) => Ok(text),
            other => {
                let message = format!("`{name}` is a string, found {}", other.type_name());
                Err(EvaluationError::new(attribute.value.position, message))
            }
        }
    }
}

fn number(text: &str) -> Option<Number> {
    if text.contains(['.', 'e', 'E']) {
        text.parse().ok().filter(|float: &f64| float.is_finite()).map(Number::Float)
    } else {
        text.parse().ok().map(Number::Integer)
    }
}
