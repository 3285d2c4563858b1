//! Recorded responses of a real Loki to posted rules: the parser accepts and rejects the same expressions.

use std::path::Path;
use std::{fs, io};

use rulesync_expr::logql;

const SHARED: &str = env!("RULESYNC_SHARED_DIR");

/// The beginning of Loki's response, before the message of its parser.
const PARSE_ERROR_PREFIX: &str = "could not parse expression for alert '";

/// A recorded exchange: the posted expressions and the response.
struct Recording {
    name: String,
    expressions: Vec<String>,
    response: String,
}

fn recordings() -> io::Result<Vec<Recording>> {
    let mut recordings = Vec::new();
    for file in fs::read_dir(Path::new(SHARED).join("contracts/loki"))? {
        let path = file?.path();
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        let exchange = text.split_once("--- BODY\n").and_then(|(_, rest)| rest.split_once("--- RESPONSE\n"));
        if let Some((body, response)) = exchange {
            recordings.push(Recording {
                name: path.display().to_string(),
                expressions: body.lines().filter_map(plain_expression).collect(),
                response: response.to_owned(),
            });
        }
    }
    Ok(recordings)
}

/// The expression on a line, if it is a plain scalar; other styles would need a YAML parser.
fn plain_expression(line: &str) -> Option<String> {
    let expr = line.trim_start().trim_start_matches("- ").strip_prefix("expr: ")?;
    (!expr.starts_with(['"', '\'', '&', '*', '|', '>'])).then(|| expr.to_owned())
}

#[test]
#[cfg_attr(not(rulesync_shared), ignore = "needs ../shared or RULESYNC_SHARED")]
fn ruler_check_accepts_rules_stored_by_loki() {
    let mut count = 0;
    for recording in recordings().unwrap() {
        if !recording.response.starts_with("HTTP/1.1 202") {
            continue;
        }
        for expr in &recording.expressions {
            if let Err(error) = logql::ruler_check(expr) {
                panic!("{}:\n{expr}\n{error}", recording.name);
            }
            count += 1;
        }
    }
    assert!(count > 50, "only {count} found");
}

#[test]
#[cfg_attr(not(rulesync_shared), ignore = "needs ../shared or RULESYNC_SHARED")]
fn parse_reports_loki_messages_for_rejected_rules() {
    let mut count = 0;
    for recording in recordings().unwrap() {
        let Some(line) = recording.response.lines().find(|line| line.starts_with(PARSE_ERROR_PREFIX)) else {
            continue;
        };
        let (_, message) = line.split_once("': ").unwrap();
        let errors = recording.expressions.iter().filter_map(|expr| logql::parse(expr).err());
        let messages: Vec<String> = errors.map(|error| logql::loki_message(&error)).collect();
        assert_eq!(messages, [message], "{}", recording.name);
        count += 1;
    }
    assert!(count >= 2, "only {count} found");
}
