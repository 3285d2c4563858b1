//! What the server says of JSON that it cannot read.

/// Describes a JSON syntax error, in the real server's words where it is at the very beginning.
pub(crate) fn describe_json_error(body: &[u8], why: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(body);
    let mut chars = text.chars().filter(|c| !c.is_whitespace());
    for literal in ["null", "true", "false"] {
        let begun = text.trim_start().chars().zip(literal.chars());
        let wrong = begun.enumerate().find(|(_, (found, wanted))| found != wanted);
        if let Some((_, (found, wanted))) = wrong.filter(|(at, _)| *at > 0) {
            return format!("invalid character '{found}' in literal {literal} (expecting '{wanted}')");
        }
    }
    match (chars.next(), chars.next()) {
        (None, _) | (Some('{' | '['), None) => "unexpected end of JSON input".to_owned(),
        (Some('{'), Some(c)) if c != '"' && c != '}' => {
            format!("invalid character '{c}' looking for beginning of object key string")
        }
        (Some(c), _) if !c.is_ascii_digit() && !"{[\"-tfn".contains(c) => {
            format!("invalid character '{c}' looking for beginning of value")
        }
        _ => why.to_string(),
    }
}
