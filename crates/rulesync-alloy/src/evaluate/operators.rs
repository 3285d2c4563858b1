//! Operators. Strings are joined whatever they contain; everything else needs operands that are known.

use super::value::{Number, Text, Value};
use crate::syntax::{BinaryOperator, UnaryOperator};

/// The value of an operator with its operand, or why there is none.
pub(super) fn unary(operator: UnaryOperator, operand: &Value) -> Result<Value, String> {
    match (operator, operand) {
        (UnaryOperator::Not, Value::Bool(value)) => Ok(Value::Bool(!value)),
        (UnaryOperator::Negate, Value::Number(Number::Integer(number))) => {
            number.checked_neg().map(integer).ok_or_else(too_large)
        }
        (UnaryOperator::Negate, Value::Number(Number::Float(number))) => float(-number),
        (operator, operand) => {
            Err(format!("`{}` cannot be applied to {}", operator.symbol(), operand.type_name()))
        }
    }
}

/// The value of an operator between operands, or why there is none.
pub(super) fn binary(operator: BinaryOperator, left: Value, right: Value) -> Result<Value, String> {
    use BinaryOperator::{Add, And, Equal, NotEqual, Or};
    match (operator, left, right) {
        (Add, Value::Text(left), Value::Text(right)) => Ok(Value::Text(left.and(right))),
        (And, Value::Bool(left), Value::Bool(right)) => Ok(Value::Bool(left && right)),
        (Or, Value::Bool(left), Value::Bool(right)) => Ok(Value::Bool(left || right)),
        (Equal | NotEqual, left, right) => {
            if !is_known(&left) || !is_known(&right) {
                return Err(format!("`{}` {LATER}", operator.symbol()));
            }
            Ok(Value::Bool(equal(&left, &right) == (operator == Equal)))
        }
        (operator, Value::Text(left), Value::Text(right)) if is_order(operator) => {
            let (Some(left), Some(right)) = (left.literal(), right.literal()) else {
                return Err(format!("`{}` {LATER}", operator.symbol()));
            };
            Ok(Value::Bool(ordered(operator, left.cmp(right))))
        }
        (operator, Value::Number(left), Value::Number(right)) => numbers(operator, left, right),
        (operator, left, right) => Err(format!(
            "`{}` cannot be applied to {} and {}",
            operator.symbol(),
            left.type_name(),
            right.type_name()
        )),
    }
}

const LATER: &str = "compares what is known only where the configuration is used";

fn numbers(operator: BinaryOperator, left: Number, right: Number) -> Result<Value, String> {
    use BinaryOperator::{Add, Divide, Modulo, Multiply, Power, Subtract};
    let (Number::Integer(a), Number::Integer(b)) = (left, right) else {
        let (a, b) = (as_float(left), as_float(right));
        return match operator {
            Add => float(a + b),
            Subtract => float(a - b),
            Multiply => float(a * b),
            Divide => float(a / b),
            Modulo => float(a % b),
            Power => float(a.powf(b)),
            _ if is_order(operator) => match a.partial_cmp(&b) {
                Some(order) => Ok(Value::Bool(ordered(operator, order))),
                None => Err(too_large()),
            },
            _ => Err(not_numbers(operator)),
        };
    };
    let whole = match operator {
        Add => a.checked_add(b),
        Subtract => a.checked_sub(b),
        Multiply => a.checked_mul(b),
        Divide | Modulo if b == 0 => return Err("a number is divided by zero".to_owned()),
        Divide => a.checked_div(b),
        Modulo => a.checked_rem(b),
        Power => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
        _ if is_order(operator) => return Ok(Value::Bool(ordered(operator, a.cmp(&b)))),
        _ => return Err(not_numbers(operator)),
    };
    whole.map(integer).ok_or_else(too_large)
}

fn integer(number: i64) -> Value {
    Value::Number(Number::Integer(number))
}

fn float(number: f64) -> Result<Value, String> {
    if number.is_finite() { Ok(Value::Number(Number::Float(number))) } else { Err(too_large()) }
}

#[expect(clippy::cast_precision_loss, reason = "as in Go, where a number becomes a float beside one")]
fn as_float(number: Number) -> f64 {
    match number {
        Number::Integer(number) => number as f64,
        Number::Float(number) => number,
    }
}

fn too_large() -> String {
    "the result is no number, or too large".to_owned()
}

fn not_numbers(operator: BinaryOperator) -> String {
    format!("`{}` cannot be applied to numbers", operator.symbol())
}

fn is_order(operator: BinaryOperator) -> bool {
    use BinaryOperator::{Greater, GreaterOrEqual, Less, LessOrEqual};
    matches!(operator, Less | LessOrEqual | Greater | GreaterOrEqual)
}

fn ordered(operator: BinaryOperator, order: std::cmp::Ordering) -> bool {
    match operator {
        BinaryOperator::Less => order.is_lt(),
        BinaryOperator::LessOrEqual => order.is_le(),
        BinaryOperator::Greater => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// Whether everything in a value is known.
fn is_known(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.literal().is_some(),
        Value::List(items) => items.iter().all(is_known),
        Value::Object(fields) => fields.iter().all(|(_, value)| is_known(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => as_float(*left) == as_float(*right),
        (Value::Text(left), Value::Text(right)) => Text::literal(left) == Text::literal(right),
        (left, right) => left == right,
    }
}
