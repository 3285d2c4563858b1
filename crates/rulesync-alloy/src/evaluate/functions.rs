//! The functions of the standard library that settings are made with.

use super::error::EvaluationError;
use super::format::format;
use super::scope::{Scope, is_set};
use super::value::{Number, Part, Text, Value};
use crate::syntax::{Expression, ExpressionKind, Position};

/// The value of an argument of a call, and its position.
pub(super) struct Argument {
    pub(super) position: Position,
    pub(super) value: Value,
}

/// The value of a call.
pub(super) fn call(
    scope: &Scope<'_>,
    function: &Expression,
    arguments: Vec<Argument>,
) -> Result<Value, EvaluationError> {
    let position = function.position;
    let Some(name) = name(function) else {
        return Err(EvaluationError::new(position, "only functions of the standard library can be called"));
    };
    // The earlier names are still accepted.
    let name = name.strip_prefix("string.").or(name.strip_prefix("array.")).unwrap_or(&name);
    match name {
        "sys.env" | "env" => {
            let [variable] = exactly(position, name, arguments)?;
            let variable = match variable {
                Value::Text(text) => text.literal().map(str::to_owned),
                _ => None,
            };
            let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let begins = |name: &String| name.starts_with(|c: char| valid(c) && !c.is_ascii_digit());
            match variable.filter(|name| begins(name) && name.chars().all(valid)) {
                Some(name) => Ok(Value::Text(Part::Variable(name).into())),
                None => Err(EvaluationError::new(
                    position,
                    "the name of a variable is a string of letters, digits and `_`",
                )),
            }
        }
        "convert.nonsensitive" | "nonsensitive" => {
            let [value] = exactly(position, name, arguments)?;
            Ok(value)
        }
        "coalesce" => Ok(coalesce(scope, position, arguments)),
        "format" => {
            let values = values(arguments);
            let Some((Value::Text(pattern), rest)) = values.split_first() else {
                return Err(EvaluationError::new(position, "a format is a string"));
            };
            let Some(pattern) = pattern.literal() else {
                return Err(EvaluationError::new(position, "the format must be known here"));
            };
            let text = format(pattern, rest).map_err(|message| EvaluationError::new(position, message))?;
            Ok(Value::Text(text))
        }
        "join" => {
            let [items, separator] = exactly(position, name, arguments)?;
            join(&items, &separator).map_err(|message| EvaluationError::new(position, message))
        }
        "concat" => {
            let mut all = Vec::new();
            for value in values(arguments) {
                match value {
                    Value::List(items) => all.extend(items),
                    other => {
                        let message = format!("expected a list, found {}", other.type_name());
                        return Err(EvaluationError::new(position, message));
                    }
                }
            }
            Ok(Value::List(all))
        }
        _ => match on_known_text(name) {
            Some(function) => known(position, name, &arguments, function),
            None => {
                let message = format!("the function `{}` is not supported", call_name(function));
                Err(EvaluationError::new(position, message))
            }
        },
    }
}

/// A function of strings that must be known.
type OnKnownText = fn(&[&str]) -> Option<Value>;

fn on_known_text(name: &str) -> Option<OnKnownText> {
    fn of<const N: usize>(arguments: &[&str], function: fn([&str; N]) -> String) -> Option<Value> {
        Some(Value::from(function(arguments.try_into().ok()?).as_str()))
    }
    fn any_of(set: &str) -> impl Fn(char) -> bool + '_ {
        |character| set.contains(character)
    }
    Some(match name {
        "to_lower" => |a| of(a, |[text]| text.to_lowercase()),
        "to_upper" => |a| of(a, |[text]| text.to_uppercase()),
        "trim_space" => |a| of(a, |[text]| text.trim().to_owned()),
        "trim" => |a| of(a, |[text, set]| text.trim_matches(any_of(set)).to_owned()),
        "trim_prefix" => |a| of(a, |[text, prefix]| text.strip_prefix(prefix).unwrap_or(text).to_owned()),
        "trim_suffix" => |a| of(a, |[text, suffix]| text.strip_suffix(suffix).unwrap_or(text).to_owned()),
        "replace" => |a| of(a, |[text, old, new]| text.replace(old, new)),
        "split" => |a| {
            let [text, separator] = a.try_into().ok()?;
            Some(Value::List(text.split(separator).map(Value::from).collect()))
        },
        _ => return None,
    })
}

fn known(
    position: Position,
    name: &str,
    arguments: &[Argument],
    function: OnKnownText,
) -> Result<Value, EvaluationError> {
    let text = |Argument { position, value }: &Argument| {
        value.known_text().map_err(|message| EvaluationError::new(*position, message))
    };
    let texts: Vec<String> = arguments.iter().map(text).collect::<Result<_, _>>()?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    function(&texts).ok_or_else(|| {
        EvaluationError::new(position, format!("`{name}` does not take {} arguments", texts.len()))
    })
}

/// The first argument that is not empty, or else the last.
fn coalesce(scope: &Scope<'_>, position: Position, arguments: Vec<Argument>) -> Value {
    let mut last = Value::Null;
    let count = arguments.len();
    for (index, Argument { value, .. }) in arguments.into_iter().enumerate() {
        let is_set = match &value {
            Value::Null | Value::Bool(false) | Value::Number(Number::Integer(0)) => Some(false),
            Value::Number(Number::Float(number)) => Some(*number != 0.0),
            Value::List(items) => Some(!items.is_empty()),
            Value::Object(fields) => Some(!fields.is_empty()),
            Value::Text(text) => is_set(text, scope.environment),
            Value::Bool(true) | Value::Number(Number::Integer(_)) => Some(true),
        };
        match is_set {
            Some(true) => return value,
            None if index + 1 < count => {
                scope.note(
                    position,
                    "`coalesce` is replaced by its first argument whose value is not known here: Alloy goes on to the \
                     next one if it is empty, rulesync does not",
                );
                return value;
            }
            Some(false) | None => last = value,
        }
    }
    last
}

fn join(items: &Value, separator: &Value) -> Result<Value, String> {
    let (Value::List(items), Value::Text(separator)) = (items, separator) else {
        return Err("`join` takes a list and a string".to_owned());
    };
    let mut joined = Text::default();
    for (index, item) in items.iter().enumerate() {
        let Value::Text(text) = item else {
            return Err(format!("`join` takes a list of strings, found {}", item.type_name()));
        };
        if index > 0 {
            joined = joined.and(separator.clone());
        }
        joined = joined.and(text.clone());
    }
    Ok(Value::Text(joined))
}

fn values(arguments: Vec<Argument>) -> Vec<Value> {
    arguments.into_iter().map(|argument| argument.value).collect()
}

fn exactly<const N: usize>(
    position: Position,
    name: &str,
    arguments: Vec<Argument>,
) -> Result<[Value; N], EvaluationError> {
    values(arguments).try_into().map_err(|values: Vec<Value>| {
        let message = format!("`{name}` takes {N} arguments, found {}", values.len());
        EvaluationError::new(position, message)
    })
}

/// The name of a function, with dots.
fn name(function: &Expression) -> Option<String> {
    match &function.kind {
        ExpressionKind::Identifier(name) => Some(name.clone()),
        ExpressionKind::Access { value, name } => Some(format!("{}.{name}", self::name(value)?)),
        _ => None,
    }
}

fn call_name(function: &Expression) -> String {
    name(function).unwrap_or_default()
}
