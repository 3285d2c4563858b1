//! Responses in the servers' format, split at any position, truncated, and of other kinds.

use proptest::prelude::*;

use super::*;

const ANSWER: &str = r#"{"status":"success","warnings":["[{"],"data":{"groups":[
    {"name":"g \"}{\\","file":"a/b","rules":[
      {"name":"A","query":"x{a=\"]\"}","labels":{"a":"b"},"alerts":null,"health":"err","lastError":"no {[ \u00e9","type":"alerting","lastEvaluation":"2026-11-23T03:27:26.96Z"},
      {"name":"r","health":"ok","lastEvaluation":"0001-01-01T00:00:00Z"},
      {"name":"s","health":"unknown","lastError":"","lastEvaluation":"0001-01-01T00:00:00Z"},
      {"name":"t","health":"ok","lastError":"","lastEvaluation":"2026-11-23T03:27:26.96Z"}],"interval":1,"sourceTenants":null},
    {"name":"h","file":"c","rules":[]} , {"name":"i","file":"c","rules":null}],"groupNextToken":"x=="},"errorType":"","error":""}"#;

fn read(answer: &str, cut: usize) -> Result<(Vec<LoadedGroup>, Option<String>), RulerError> {
    let (mut reader, mut groups) = (LoadedReader::new(Redaction::default(), Limits::default()), Vec::new());
    for chunk in answer.as_bytes().chunks(cut) {
        reader.push(chunk, &mut |group| groups.push(group))?;
    }
    reader.finish().map(|token| (groups, token))
}

#[test]
fn reader_finds_groups_in_chunks_of_any_size() {
    let (groups, token) = read(ANSWER, usize::MAX).unwrap();
    let names: Vec<String> = groups.iter().map(|group| format!("{}: {}", group.file, group.name)).collect();
    assert_eq!(names, ["a/b: g \"}{\\", "c: h", "c: i"]);
    assert_eq!(token.as_deref(), Some("x=="));
    let health: Vec<&RuleHealth> = groups[0].rules.iter().map(|rule| &rule.health).collect();
    let failing = RuleHealth::Failing("no {[ é".to_owned());
    assert_eq!(health, [&failing, &RuleHealth::Unknown, &RuleHealth::Unknown, &RuleHealth::Healthy]);
    for cut in 1..80 {
        assert_eq!(read(ANSWER, cut).unwrap(), (groups.clone(), token.clone()), "in chunks of {cut}");
    }
    for nothing in
        [r#"{"status":"success","data":{"groups":[]}}"#, r#"{"status":"success","data":{"groups":null}}"#]
    {
        assert_eq!(read(nothing, 5).unwrap(), (Vec::new(), None), "{nothing}");
    }
}

#[test]
fn reader_truncates_rule_errors() {
    let answer = |error: &str| {
        format!(
            r#"{{"status":"success","data":{{"groups":[{{"name":"g","file":"f","rules":[
                {{"name":"A","health":"err","lastError":"{error}"}}]}}]}}}}"#
        )
    };
    let short = "x".repeat(MESSAGE_BYTES);
    for (error, kept) in [
        (short.clone(), short.clone()),
        (format!("{short}x"), format!("{short}…")),
        ("é!".repeat(1 << 20), format!("{}…", "é!".repeat(682) + "é")),
    ] {
        let (groups, _) = read(&answer(&error), 1 << 14).unwrap();
        assert_eq!(groups[0].rules[0].health, RuleHealth::Failing(kept));
    }
    // The parser's error quotes the invalid input.
    let odd = format!(
        r#"{{"status":"success","data":{{"groups":[{{"name":"g","file":"f","rules":"{}"}}]}}}}"#,
        "x".repeat(1 << 20)
    );
    let error = read(&odd, 1 << 14).unwrap_err().to_string();
    assert!(
        error.contains("xxx") && error.ends_with('…') && error.len() < 2 * MESSAGE_BYTES,
        "{}",
        error.len()
    );
}

#[test]
fn reader_limits_size_of_group() {
    let long = format!(
        r#"{{"status":"success","data":{{"groups":[{{"name":"g","file":"f","query":"{}","rules":[]}}]}}}}"#,
        "x".repeat(48 << 10)
    );
    let read = |limits: Limits| {
        let (mut reader, mut groups) = (LoadedReader::new(Redaction::default(), limits), 0);
        for chunk in long.as_bytes().chunks(4096) {
            reader.push(chunk, &mut |_| groups += 1)?;
        }
        Ok::<_, RulerError>(groups)
    };
    assert_eq!(read(Limits::new(Some(128 << 10))), Ok(1));
    let error = read(Limits::new(Some(64 << 10))).unwrap_err().to_string();
    assert!(
        error.contains("loaded of a group is longer than 32768 bytes: raise `max_response_bytes`"),
        "{error}"
    );
}

#[test]
fn reader_rejects_truncated_response() {
    for end in 0..ANSWER.len() {
        let Some(part) = ANSWER.get(..end) else { continue };
        assert!(read(part, 16).is_err(), "{part}");
    }
}

#[test]
fn reader_rejects_other_documents() {
    for other in [
        "",
        "[]",
        "{}",
        "ns:\n    - name: g\n",
        "<html>",
        r#"{"status":"success"}"#,
        r#"{"status":"success","data":null}"#,
        r#"{"status":"success","data":{"groups":{}}}"#,
        r#"{"status":"success","data":{"groups":[1]}}"#,
        r#"{"status":"success","data":{"groups":[null]}}"#,
        r#"{"status":"success","data":{"groups":[{"name":"no file"}]}}"#,
        r#"{"status":"success","data":{"groups":[{"name":"g","file":"f","rules":[{"health":"no name"}]}]}}"#,
        r#"{"status":"success","data":{"alerts":[]}}"#,
        r#"{"status":"success","data":{"alerts":[{"labels":{},"state":"firing"}]}}"#,
        r#"{"status":"error","error":"no","data":{"groups":[]}}"#,
        "404 page not found",
    ] {
        assert_eq!(read(other, 16).map_err(|error| error.kind().as_str()), Err("unreadable"), "{other}");
    }
    let error = read(r#"{"status":"error","data":null,"errorType":"x","error":"the words"}"#, 9).unwrap_err();
    assert!(error.message().ends_with("the words"), "{error}");
}

#[test]
fn reader_rejects_endless_envelope_or_group() {
    let mut reader = LoadedReader::new(Redaction::default(), Limits::default());
    let megabyte = vec![b'x'; 1 << 20];
    assert!(reader.push(&megabyte, &mut |_| {}).is_err(), "no envelope is that long");
    let mut reader = LoadedReader::new(Redaction::default(), Limits::new(Some(32 << 20)));
    reader.push(br#"{"data":{"groups":[{"name":""#, &mut |_| {}).unwrap();
    assert!((0..17).any(|_| reader.push(&megabyte, &mut |_| {}).is_err()), "no group is that long");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reader_does_not_panic(answer in "[\\[\\]{}\",:a0\\\\]{0,60}") {
        let _ = read(&answer, 3);
    }

    #[test]
    fn reader_reads_written_groups(
        groups in prop::collection::vec(("\\PC{0,9}", "\\PC{0,9}", prop::collection::vec("\\PC{0,9}", 0..4)), 0..6),
        cut in 1_usize..40,
    ) {
        let rule = |name: &String| serde_json::json!({"name": name, "query": "{[\"", "health": "err", "lastError": name});
        let written: Vec<serde_json::Value> = groups
            .iter()
            .map(|(file, name, rules)| serde_json::json!({"name": name, "file": file, "rules": rules.iter().map(rule).collect::<Vec<_>>()}))
            .collect();
        let answer = serde_json::json!({"status": "success", "data": {"groups": written}}).to_string();
        let (found, token) = read(&answer, cut).unwrap();
        prop_assert_eq!(token, None);
        let expected: Vec<LoadedGroup> = groups
            .into_iter()
            .map(|(file, name, rules)| LoadedGroup {
                file,
                name,
                rules: rules
                    .into_iter()
                    .map(|name| EvaluatedRule { health: RuleHealth::Failing(name.clone()), name })
                    .collect(),
            })
            .collect();
        prop_assert_eq!(found, expected);
    }
}
