//! Tests of enforcement: every selector has the matcher, the rest of the source is unchanged, and removing the matcher
//! restores the original meaning.

mod operators;

use proptest::prelude::*;

use super::*;
use crate::promql::MatchOp;
use crate::span::Span;

fn team(mode: Mode) -> Enforcement {
    equal("team", "payments", mode)
}

fn equal(label: &str, value: &str, mode: Mode) -> Enforcement {
    Enforcement::new(label, MatchOp::Equal, value, mode).unwrap()
}

fn overridden(input: &str) -> Result<String, EnforceError> {
    enforce_promql(input, &[team(Mode::Override)])
}

#[test]
fn enforce_promql_keeps_source() {
    for (input, expected) in [
        ("up", r#"up{team="payments"}"#),
        ("up{}", r#"up{team="payments"}"#),
        ("up { } == 0", r#"up {team="payments" } == 0"#),
        ("up{ # none yet\n}", "up{team=\"payments\" # none yet\n}"),
        (r#"up{a="b"}"#, r#"up{a="b",team="payments"}"#),
        (r#"up{a="b",}"#, r#"up{a="b",team="payments",}"#),
        ("up{a='b' # why\n, }", "up{a='b',team=\"payments\" # why\n, }"),
        (r#"up{team="other"}"#, r#"up{team="payments"}"#),
        (r#"up{team!="x", a="b", team=~".+"}"#, r#"up{team="payments", a="b"}"#),
        (r#"up{team=~".*", team!="x"}"#, r#"up{team="payments"}"#),
        (r#"up{team="payments",team="payments",}"#, r#"up{team="payments",}"#),
        (r#"{team="a", "my,metric" , team="b" , c="d"}"#, r#"{team="payments", "my,metric"  , c="d"}"#),
        ("up{team='a' # why, indeed\n, # yes\n team='b'}", "up{team=\"payments\" # why, indeed\n # yes\n }"),
        (r#"up{"team"="other"}"#, r#"up{team="payments"}"#),
        (r#"{"my.metric"}"#, r#"{"my.metric",team="payments"}"#),
        (r#"{"my.metric", "a.b"="c"}"#, r#"{"my.metric", "a.b"="c",team="payments"}"#),
        (r#"{__name__=~"a.*"}"#, r#"{__name__=~"a.*",team="payments"}"#),
        ("absent(up)", r#"absent(up{team="payments"})"#),
        ("up offset 5m @ end()", r#"up{team="payments"} offset 5m @ end()"#),
        ("rate(x[5m] @ 12)", r#"rate(x{team="payments"}[5m] @ 12)"#),
        ("max_over_time(rate(x[5m])[1h:])", r#"max_over_time(rate(x{team="payments"}[5m])[1h:])"#),
        ("a/b # c{}\n  or c", "a{team=\"payments\"}/b{team=\"payments\"} # c{}\n  or c{team=\"payments\"}"),
        ("topk(scalar(n), sum)", r#"topk(scalar(n{team="payments"}), sum{team="payments"})"#),
        (
            r#"label_replace(up, "team", "x{}", "", "")"#,
            r#"label_replace(up{team="payments"}, "team", "x{}", "", "")"#,
        ),
        ("vector(1) + time()", "vector(1) + time()"),
        ("job:up:rate5m > 0", r#"job:up:rate5m{team="payments"} > 0"#),
        ("é_is_none or up", ""),
    ] {
        match overridden(input) {
            Ok(enforced) => assert_eq!(enforced, expected, "{input}"),
            Err(error) => assert!(expected.is_empty(), "{input}: {error}"),
        }
    }
}

#[test]
fn enforce_modes_with_existing_matchers() {
    let present = r#"a{team="mine"} + b"#;
    let added = enforce_promql(present, &[team(Mode::AddIfAbsent)]).unwrap();
    assert_eq!(added, r#"a{team="mine"} + b{team="payments"}"#);
    let missing =
        enforce_promql("a{team='payments'}\n  + b{team=~'payments'}", &[team(Mode::Require)]).unwrap_err();
    assert_eq!(missing.to_string(), r#"a selector lacks the matcher team="payments""#);
    assert_eq!(missing.position().unwrap().to_string(), "2:5");
    let right = r#"a{team="payments"} or {team="payments", b="c"}"#;
    assert_eq!(enforce_promql(right, &[team(Mode::Require)]).unwrap(), right);
    let several = [team(Mode::Override), equal("cluster", "a\"b\\\n", Mode::AddIfAbsent)];
    assert_eq!(
        enforce_promql(r#"up{team="x"} + {a="b"} + up"#, &several).unwrap(),
        r#"up{team="payments",cluster="a\"b\\\n"} + {a="b",team="payments",cluster="a\"b\\\n"} + up{team="payments",cluster="a\"b\\\n"}"#
    );
}

#[test]
fn enforce_fails_closed() {
    let error = overridden("sum by (").unwrap_err();
    assert!(matches!(error, EnforceError::Unparsed(_)), "{error}");
    assert!(error.to_string().contains("unclosed left parenthesis"));
    for input in ["info(up)", "sum(\n  info(up, {a='b'}))"] {
        let error = overridden(input).unwrap_err();
        assert!(matches!(error, EnforceError::Unnamed { function: "info", .. }), "{error}");
    }
    let invalid = |label, value| Enforcement::new(label, MatchOp::Equal, value, Mode::Override).unwrap_err();
    assert_eq!(invalid("team", ""), InvalidEnforcement::EmptyValue);
    assert_eq!(invalid("__name__", "x"), InvalidEnforcement::MetricName);
    for label in ["", "a-b", "1a", "a b", "é"] {
        assert_eq!(invalid(label, "x"), InvalidEnforcement::Label);
    }
    let same_label_twice = [team(Mode::Override), equal("team", "other", Mode::Override)];
    assert!(enforce_promql("up", &same_label_twice).is_err());
}

/// The tree without spans, which represents the meaning of an expression.
fn meaning(input: &str) -> String {
    let expr = promql::parse(input, &promql::Options::default()).unwrap();
    // Empty braces have the same meaning as no braces.
    let tree = format!("{expr:?}")
        .replace("Some(Span", "Span")
        .replace("braces: None", "braces: Span { start: 0, end: 0 }");
    let mut out = String::with_capacity(tree.len());
    let mut rest = tree.as_str();
    while let Some(at) = rest.find("Span {") {
        out.push_str(&rest[..at]);
        rest = rest[at..].split_once('}').map_or("", |(_, after)| after);
        rest = rest.strip_prefix(')').filter(|_| out.ends_with("braces: ")).unwrap_or(rest);
        out.push('_');
    }
    out + rest
}

/// The expression without its matchers on the label, none of which is first among several.
fn without(input: &str, label: &str) -> String {
    let expr = promql::parse(input, &promql::Options::default()).unwrap();
    let mut spans: Vec<Span> =
        expr.selectors().flat_map(|s| &s.matchers).filter(|m| m.label == label).map(|m| m.span).collect();
    spans.sort();
    let mut text = input.to_owned();
    for span in spans.into_iter().rev() {
        let start = if text[..span.start].ends_with(',') { span.start - 1 } else { span.start };
        text.replace_range(start..span.end, "");
    }
    text
}

/// Checks the properties of enforcement for an expression without matchers on the label.
pub(crate) fn check_enforcement(input: &str) {
    let expr = promql::parse(input, &promql::Options::default()).unwrap();
    assert!(expr.selectors().flat_map(|s| &s.matchers).all(|m| m.label != "rulesync_tenant"), "{input}");
    let value = "a\\\"b, or {c}";
    for mode in [Mode::Override, Mode::AddIfAbsent] {
        let ours = [equal("rulesync_tenant", value, mode)];
        let enforced = match enforce_promql(input, &ours) {
            Ok(enforced) => enforced,
            Err(EnforceError::Unnamed { .. }) => return,
            Err(error) => panic!("{input}: {error}"),
        };
        let after = promql::parse(&enforced, &promql::Options::default()).unwrap();
        assert_eq!(after.selectors().count(), expr.selectors().count());
        for selector in after.selectors() {
            let is = |m: &&promql::Matcher| {
                m.label == "rulesync_tenant" && m.op == MatchOp::Equal && m.value == value
            };
            assert_eq!(selector.matchers.iter().filter(is).count(), 1, "{input} became {enforced}");
        }
        assert_eq!(meaning(&without(&enforced, "rulesync_tenant")), meaning(input), "{enforced}");
        let required = [equal("rulesync_tenant", value, Mode::Require)];
        assert_eq!(enforce_promql(&enforced, &required).as_ref(), Ok(&enforced), "satisfies `Require`");
        assert_eq!(enforce_promql(&enforced, &ours).as_ref(), Ok(&enforced), "is idempotent");
    }
    let other = [equal("rulesync_tenant", "other", Mode::Override)];
    let if_absent = [equal("rulesync_tenant", value, Mode::AddIfAbsent)];
    let other = enforce_promql(input, &other).unwrap();
    assert_eq!(enforce_promql(&other, &if_absent).unwrap(), other, "keeps existing matchers");
    let ours = [equal("rulesync_tenant", value, Mode::Override)];
    let replaced = enforce_promql(&other, &ours).unwrap();
    assert_eq!(meaning(&without(&replaced, "rulesync_tenant")), meaning(input), "{replaced}");
}

/// Generates white space and comments.
fn gap() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 3 => Just(" "), 1 => Just("\n  "), 1 => Just(" # {\"'\n"), 1 => Just("\t")]
}

fn matcher() -> impl Strategy<Value = String> {
    let label =
        prop_oneof![Just("a"), Just("job"), Just("\"odd.label\""), Just("le"), Just("by"), Just("__name__")];
    let op = prop_oneof![Just("="), Just("!="), Just("=~"), Just("!~")];
    let value =
        prop_oneof![Just("\"x\""), Just("'y,}'"), Just("`z{`"), Just("\"\\\"{a=\\\\\""), Just("\"é\"")];
    (gap(), label, gap(), op, gap(), value, gap())
        .prop_map(|(a, label, b, op, c, value, d)| format!("{a}{label}{b}{op}{c}{value}{d}"))
}

fn selector() -> impl Strategy<Value = String> {
    let name =
        prop_oneof![Just("up"), Just("a:b"), Just("sum"), Just("offset_x"), Just("http_requests_total")];
    let braces =
        (prop::collection::vec(matcher(), 0..4), any::<bool>(), gap()).prop_map(|(matchers, comma, gap)| {
            let comma = if comma && !matchers.is_empty() { "," } else { "" };
            format!("{gap}{{{}{comma}{gap}}}", matchers.join(","))
        });
    let quoted = (prop::collection::vec(matcher(), 0..3), gap()).prop_map(|(matchers, gap)| {
        format!(
            "{{{gap}\"my.metric\"{gap}{}{}}}",
            if matchers.is_empty() { "" } else { "," },
            matchers.join(",")
        )
    });
    prop_oneof![
        name.clone().prop_map(str::to_owned),
        (name, braces).prop_map(|(name, braces)| format!("{name}{braces}")),
        quoted
    ]
}

fn modifiers() -> impl Strategy<Value = &'static str> {
    prop_oneof![5 => Just(""), 1 => Just(" offset 5m"), 1 => Just(" offset -1h @ 12.5"), 1 => Just(" @ start()"), 1 => Just(" @ end() offset 1d")]
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => (selector(), modifiers()).prop_map(|(selector, modifiers)| format!("{selector}{modifiers}")),
        2 => (selector(), gap(), modifiers()).prop_map(|(s, gap, modifiers)| format!("rate({gap}{s}[5m]{modifiers}{gap})")),
        1 => Just("vector(1)".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let binary = prop_oneof![
            Just("+"),
            Just("/"),
            Just("> bool"),
            Just("or"),
            Just("unless"),
            Just("and on (job)"),
            Just("* ignoring (a) group_left (b)"),
            Just("^")
        ];
        let call = prop_oneof![
            Just("absent"),
            Just("abs"),
            Just("sort"),
            Just("sum"),
            Just("max by (job, a)"),
            Just("count without ()"),
            Just("timestamp")
        ];
        prop_oneof![
            (inner.clone(), gap(), binary, inner.clone())
                .prop_map(|(l, gap, op, r)| format!("{l}{gap} {op} {r}")),
            (call, gap(), inner.clone(), gap()).prop_map(|(call, a, e, b)| format!("{call}({a}{e}{b})")),
            (inner.clone(), modifiers())
                .prop_map(|(e, modifiers)| format!("max_over_time(({e})[1h:5m]{modifiers})")),
            (inner.clone(), inner.clone()).prop_map(|(n, e)| format!("topk(scalar({n}), {e})")),
            inner
                .clone()
                .prop_map(|e| format!("label_replace({e}, \"team\", \"$1{{}}\", \"job\", \"(.*)\")")),
            inner.clone().prop_map(|e| format!("-({e})")),
            inner.prop_map(|e| format!("({e}) # sum(up)\n")),
        ]
    })
}

#[test]
fn enforce_promql_adds_matcher_to_every_selector() {
    for_all(CASES, expression, |input| {
        prop_assume!(promql::parse(&input, &promql::Options::default()).is_ok());
        check_enforcement(&input);
        Ok(())
    });
}

/// Runs a test on generated values, with more stack than the thread of a test has: nested strategies need it.
fn for_all<S: Strategy>(
    cases: u32,
    strategy: impl FnOnce() -> S + Send + 'static,
    test: impl Fn(S::Value) -> Result<(), TestCaseError> + Send + 'static,
) {
    let run = move || {
        let config = ProptestConfig {
            cases,
            max_global_rejects: cases,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let mut runner = proptest::test_runner::TestRunner::new(config);
        runner.run(&strategy(), test).map_err(|error| error.to_string())
    };
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(run).unwrap();
    thread.join().unwrap().unwrap_or_else(|error| panic!("{error}"));
}

/// The required number of test cases; they run for some seconds.
const CASES: u32 = 100_000;

#[test]
#[ignore = "needs RULESYNC_SHARED, the directory of the corpus"]
fn enforce_promql_adds_matcher_to_every_selector_of_public_rules() {
    let shared = std::env::var_os("RULESYNC_SHARED");
    let shared = shared.expect("this test needs RULESYNC_SHARED; CONTRIBUTING.md says what it is for");
    let path = std::path::Path::new(&shared).join("corpus/promql-rules.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let entries: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut checked = 0;
    for entry in entries.as_array().unwrap() {
        let expr = entry["expr"].as_str().unwrap();
        if promql::parse(expr, &promql::Options::default()).is_ok() {
            check_enforcement(expr);
            checked += 1;
        } else {
            assert!(matches!(overridden(expr), Err(EnforceError::Unparsed(_))), "{expr}");
        }
    }
    assert!(checked > 2000, "{checked}");
}

#[test]
fn enforce_logql_keeps_source() {
    for (input, expected) in [
        (r#"rate({a="b"}[5m])"#, r#"rate({a="b",team="payments"}[5m])"#),
        ("rate({ a=`b` , # why\n c!='d'", ""),
        (
            r#"rate({team="x", a=~"b.+"} |= "{team=}" [5m]) / rate({a="c"}[5m])"#,
            r#"rate({team="payments", a=~"b.+"} |= "{team=}" [5m]) / rate({a="c",team="payments"}[5m])"#,
        ),
        ("sum(rate({a=\"b\"}[5m])) # {a}", "sum(rate({a=\"b\",team=\"payments\"}[5m])) # {a}"),
        ("vector(1)", "vector(1)"),
        ("up", ""),
        ("rate({}[5m])", ""),
    ] {
        match enforce_logql(input, &[team(Mode::Override)]) {
            Ok(enforced) => assert_eq!(enforced, expected, "{input}"),
            Err(error) => assert!(expected.is_empty(), "{input}: {error}"),
        }
    }
}

#[test]
fn enforce_logql_adds_matcher_to_every_selector() {
    let ours = |mode| [equal("rulesync_tenant", "a\\\"b, or {c}", mode)];
    for_all(CASES / 4, logql::tests::robust::metrics, move |input| {
        let enforced = enforce_logql(&input, &ours(Mode::Override)).unwrap();
        let expr = logql::parse(&enforced).unwrap();
        let mut spans = Vec::new();
        for selector in expr.selectors() {
            let mut found = selector.matchers.iter().filter(|m| m.label == "rulesync_tenant");
            let matcher = found.next().unwrap();
            assert!(
                found.next().is_none() && matcher.op == MatchOp::Equal && matcher.value == "a\\\"b, or {c}"
            );
            spans.push(matcher.span);
        }
        let mut text = enforced.clone();
        for span in spans.into_iter().rev() {
            text.replace_range(span.start - 1..span.end, "");
        }
        assert_eq!(text, input, "nothing has changed except the matchers");
        assert_eq!(enforce_logql(&enforced, &ours(Mode::Require)).as_ref(), Ok(&enforced));
        assert_eq!(enforce_logql(&enforced, &ours(Mode::AddIfAbsent)).as_ref(), Ok(&enforced));
        Ok(())
    });
}
