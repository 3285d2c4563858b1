//! Values of expressions as they stand in files, and the reasons why others have none.

use std::collections::BTreeMap;

use super::*;
use crate::syntax::{Placement, parse};

/// A text as the configuration would have it, with files and secrets in angle brackets.
fn shown(value: &Value) -> String {
    let part = |part: &Part| match part {
        Part::Literal(text) => text.clone(),
        Part::Variable(name) => format!("${{{name}}}"),
        Part::File(path) => format!("<{}>", shown(&Value::Text(path.clone()))),
        Part::Stored(Stored { kind, namespace, name, key }) => format!("<{kind} {namespace}/{name} {key}>"),
    };
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.parts().iter().map(part).collect(),
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}={}", shown(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

const COMPONENTS: &str = r#"
local.file "token" { filename = "/var/" + sys.env("DIR") + "/token" }
local.file "a" { filename = local.file.b.content }
local.file "b" { filename = local.file.a.content }
remote.kubernetes.secret "mimir" {
  namespace = "monitoring"
  name      = string.format("%s-%d", "mimir", 2)
}
remote.kubernetes.configmap "endpoint" { namespace = "monitoring", name = "x" }
remote.kubernetes.configmap "urls" {
  namespace = "monitoring"
  name      = "urls"
}
remote.kubernetes.secret "elsewhere" {
  namespace = "a"
  name      = "b"
  client { api_server = "https://c" }
}
remote.kubernetes.secret "later" {
  namespace = "a"
  name      = sys.env("NAME")
}
"#;

/// The value of an expression, or `column: error`, and the notes.
fn evaluated(text: &str, environment: Option<&BTreeMap<String, String>>) -> (String, Vec<String>) {
    let components = parse(COMPONENTS, Placement::Whole(0)).body;
    let parsed = parse(text, Placement::Whole(1));
    assert_eq!(parsed.errors, [], "{text}");
    let attribute = parsed.body.attributes().next().unwrap();
    let arguments = [
        ("tenant".to_owned(), Value::from("prod")),
        ("cfg".to_owned(), Value::Object(vec![("list".to_owned(), Value::List(vec![Value::from("a")]))])),
    ];
    let scope = Scope::new(components.blocks().collect(), Some(arguments.into()), environment);
    let value = match scope.evaluate(&attribute.value) {
        Ok(value) => shown(&value),
        Err(error) => format!("{}: {error}", error.position.column),
    };
    (value, scope.into_notes().into_iter().map(|note| note.message).collect())
}

fn value(text: &str) -> String {
    evaluated(&format!("x={text}"), None).0
}

#[test]
fn evaluation_knows_what_real_files_use() {
    for (text, expected) in [
        (r#""a" + "b""#, "ab"),
        (r#""http://" + sys.env("HOST") + ":" + env("PORT")"#, "http://${HOST}:${PORT}"),
        (
            r#"convert.nonsensitive(remote.kubernetes.secret.mimir.data["user"])"#,
            "<Secret monitoring/mimir-2 user>",
        ),
        (r"nonsensitive(remote.kubernetes.configmap.urls.data.mimir)", "<ConfigMap monitoring/urls mimir>"),
        (r"local.file.token.content", "</var/${DIR}/token>"),
        (r#"string.format("%s/%v/%d%%", "a", true, 3)"#, "a/true/3%"),
        (r#"format("http://%s", sys.env("HOST"))"#, "http://${HOST}"),
        (r#"string.join(["a", sys.env("B")], "-")"#, "a-${B}"),
        (r#"coalesce("", null, [], {}, 0, false, "x")"#, "x"),
        (r#"coalesce("a" + sys.env("B"), "x")"#, "a${B}"),
        (r#"coalesce("", "")"#, ""),
        ("coalesce()", "null"),
        (r"argument.tenant.value", "prod"),
        (r"argument.cfg.value.list[0]", "a"),
        (r#"{a = [1, "b"], "c d" = null}["a"][1]"#, "b"),
        (r"constants.hostname", "${HOSTNAME}"),
        (r"constants.os", "linux"),
        (r#"array.concat(["a"], [], ["b"])"#, "[a, b]"),
        (r#"string.to_upper(string.trim_prefix("http", "ht")) + to_lower("X")"#, "TPx"),
        (r#"string.split("a,b", ",")"#, "[a, b]"),
        (r#"string.replace("a.b", ".", "-") + string.trim("//a/", "/") + trim_space(" b ")"#, "a-bab"),
        ("1 + 2 * 3 - 4 % 3", "6"),
        ("7 / 2 + 2 ^ 3", "11"),
        ("7.0 / 2", "3.5"),
        ("-(1) < 0 && !(2 == 2.0) || \"a\" <= \"b\"", "true"),
        (r#"[1] == [1] && "a" != "b""#, "true"),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn evaluation_says_why_a_value_cannot_be_known() {
    let errors: Vec<String> = [
        "otelcol.auth.basic.creds.handler",
        "local.file.none.content",
        "local.file.a.content",
        "remote.kubernetes.secret.elsewhere.data.k",
        "remote.kubernetes.secret.later.data.k",
        "remote.http.a.content",
        "argument.missing.value",
        "constants.version",
        "constants.nothing",
        "encoding.from_json(\"{}\")",
        "[1][2]",
        "{a = 1, a = 2}",
        "{a = 1}.b",
        "\"a\".b",
        "\"a\" + 1",
        "sys.env(\"A\") == \"b\"",
        "sys.env(\"A-B\")",
        "sys.env()",
        "string.format(\"%5d\", 1)",
        "string.format(\"%s\")",
        "string.format(\"x\", 1)",
        "string.join([1], \"\")",
        "string.to_upper(sys.env(\"A\"))",
        "string.replace(\"a\")",
        "1 / 0",
        "9223372036854775807 + 1",
        "99999999999999999999",
        "!1",
        "(1)(2)",
        "foo",
    ]
    .into_iter()
    .map(|text| format!("{text}\n  {}", value(text)))
    .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn evaluation_of_coalesce_asks_the_environment_if_it_is_known() {
    let environment = [("A".to_owned(), String::new()), ("B".to_owned(), "b".to_owned())].into();
    let text = "x = coalesce(sys.env(\"A\"), sys.env(\"NOT_SET\"), sys.env(\"B\"), \"c\")";
    assert_eq!(evaluated(text, Some(&environment)), ("${B}".to_owned(), vec![]));
    let (value, notes) = evaluated(text, None);
    assert_eq!((value.as_str(), notes.len()), ("${A}", 1));
}

#[test]
fn evaluation_debug_shows_no_text() {
    let text = Text::from("hunter2").and(Part::File(Text::from("hunter2")).into());
    assert!(!format!("{:?}", Value::Text(text)).contains("hunter2"));
}
