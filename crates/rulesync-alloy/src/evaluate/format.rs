//! `string.format`: the verbs of Go's `fmt` that make sense for settings.

use super::value::{Number, Text, Value};

/// Fills a format with values, or says why it cannot be.
pub(super) fn format(format: &str, values: &[Value]) -> Result<Text, String> {
    let (mut text, mut rest, mut values) = (Text::default(), format, values.iter());
    while let Some((before, after)) = rest.split_once('%') {
        text = text.and(Text::from(before));
        let verb = after.chars().next();
        rest = verb.map_or("", |verb| &after[verb.len_utf8()..]);
        if verb == Some('%') {
            text = text.and(Text::from("%"));
            continue;
        }
        let Some(verb @ ('s' | 'v' | 'd')) = verb else {
            return Err("only the verbs `%s`, `%v`, `%d` and `%%` are supported in a format".to_owned());
        };
        let value = values.next().ok_or("the format has more verbs than there are values")?;
        text = text.and(filled(verb, value)?);
    }
    if values.next().is_some() {
        return Err("the format has fewer verbs than there are values".to_owned());
    }
    Ok(text.and(Text::from(rest)))
}

fn filled(verb: char, value: &Value) -> Result<Text, String> {
    match (verb, value) {
        ('s' | 'v', Value::Text(text)) => Ok(text.clone()),
        ('d' | 'v', Value::Number(number @ Number::Integer(_))) => {
            Ok(Text::from(number.to_string().as_str()))
        }
        ('v', Value::Bool(value)) => Ok(Text::from(value.to_string().as_str())),
        (verb, other) => Err(format!("`%{verb}` cannot show {}", other.type_name())),
    }
}
