//! Recorded responses of a real Loki to posted rules: the parser accepts and rejects the same expressions.

use std::fs::File;
use std::io::{self, Read as _};

use flate2::read::GzDecoder;
use rulesync_expr::logql;

/// The recordings; the README beside them says what is in the file.
const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/recordings/loki.txt.gz");

/// The beginning of Loki's response, before the message of its parser.
const PARSE_ERROR_PREFIX: &str = "could not parse expression for alert '";

/// A recorded exchange: the posted expressions and the response.
struct Recording {
    name: String,
    expressions: Vec<String>,
    response: String,
}

fn recordings() -> io::Result<Vec<Recording>> {
    let mut text = String::new();
    GzDecoder::new(File::open(RECORDINGS)?).read_to_string(&mut text)?;
    let mut recordings = Vec::new();
    for recording in text.split("===== ") {
        let exchange =
            recording.split_once("--- BODY\n").and_then(|(_, rest)| rest.split_once("--- RESPONSE\n"));
        if let Some((body, response)) = exchange {
            recordings.push(Recording {
                name: recording.lines().next().unwrap_or_default().to_owned(),
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
