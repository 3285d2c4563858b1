//! Tests of explanations, positions and the tree. `tests/it/template.rs` compares the errors with Go's.

mod robust;

use super::{Environment, NodeKind, Template, TemplateError, parse};
use crate::error::ErrorKind;

fn parsed(text: &str) -> Template<'_> {
    parse("t", text, &Environment::PROMETHEUS).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn rejected(text: &str) -> TemplateError {
    match parse("t", text, &Environment::PROMETHEUS) {
        Ok(template) => panic!("{text}\nis parsed as {template:?}"),
        Err(error) => error,
    }
}

#[test]
fn template_errors_have_positions_and_explanations() {
    for (text, position, explanation) in [
        ("a\n{{ $value", "2:1", "an action is not closed: `}}` is missing"),
        ("{{ $value }", "1:11", "`}` is not allowed here"),
        ("{{ $label.job }}", "1:4", "the variable `$label` is not defined"),
        ("{{ $value | humanise }}", "1:13", "there is no function `humanise`"),
        ("{{ $labels.foo-bar }}", "1:15", "`-` cannot follow a name"),
        ("{{ if $value == 1 }}a{{ end }}", "1:15", "`=` is not allowed here"),
        (
            "x {{ if $value }}\n{{ $value }}",
            "1:3",
            "the block that `if` opens is not closed: `{{ end }}` is missing",
        ),
        ("{{ end }}", "1:1", "`{{ end }}` has no matching block"),
        (
            "{{ if $value }}{{ else }}{{ else }}",
            "1:26",
            "a block has a second `{{ else }}` instead of an `{{ end }}`",
        ),
        ("{{ if }}{{ end }}", "1:7", "`if` requires a value"),
        ("{{ }}", "1:4", "the action is empty"),
        ("{{ print () }}", "1:11", "the parentheses are empty"),
        ("{{ (query \"up\" }}", "1:4", "a parenthesis is not closed before `}}`"),
        ("{{ \"up }}", "1:4", "a string is not closed on its line: `\"` is missing"),
        ("{{ reReplaceAll \"\\d\" }}", "1:17", "a literal contains an invalid escape sequence"),
        ("{{ query 'up' }}", "1:10", "'up' is not a single character: strings use double or back quotes"),
        ("{{ $value | 1 }}", "1:13", "a value can only be piped into a function, not into a literal"),
        ("{{ define x }}{{ end }}", "1:11", "`define` requires a quoted name and nothing else, not `x`"),
        ("{{ template x }}", "1:13", "a quoted name is required here, not `x`"),
        ("{{ if true }}{{ end x }}", "1:21", "`x` cannot follow `end`"),
        ("{{ break }}", "1:1", "`break` is only allowed within `range`"),
        ("{{ /* x */ }}", "1:4", "`/` is not allowed here"),
        ("{{/* x", "1:3", "a comment is not closed: `*/}}` is missing"),
        ("{{ “x” }}", "1:4", "U+201C '“' has no meaning within an action"),
        (
            "{{ define \"a\" }}x{{ end }}{{ define \"a\" }}y{{ end }}",
            "1:27",
            "the template \"a\" is defined twice",
        ),
    ] {
        let error = rejected(text);
        assert_eq!(
            (error.position().to_string().as_str(), &*error.explanation()),
            (position, explanation),
            "{text}"
        );
    }
}

#[test]
fn template_errors_have_hints() {
    for (text, expected) in [
        ("{{ $labels.foo-bar }}", "index $labels"),
        ("{{ if $value > 1 }}{{ end }}", "`gt`"),
        ("{{ $value*100 }}", "functions in place of operators"),
        ("{{ \"\\d\" }}", "back quotes"),
    ] {
        assert!(rejected(text).hint().is_some_and(|hint| hint.contains(expected)), "{text}");
    }
    assert_eq!(rejected("{{ $value").hint(), None);
}

#[test]
fn template_error_kind_of_unknown_names() {
    assert_eq!(rejected("{{ nosuch }}").kind(), ErrorKind::UnknownFunction);
    assert_eq!(rejected("{{ $nosuch }}").kind(), ErrorKind::UndefinedVariable);
    assert_eq!(rejected("{{ $value").kind(), ErrorKind::Syntax);
}

#[test]
fn template_error_reports_line_of_go_and_of_mistake() {
    let error = rejected("a\n{{ $value\n\n");
    assert_eq!(error.to_string(), "template: t:4: unclosed action started at t:2");
    assert_eq!((error.line(), error.position().line), (4, 2));
}

#[test]
fn template_rejects_duplicate_definition() {
    assert!(parse("u", "{{ define \"t\" }}x{{ end }}", &Environment::PROMETHEUS).is_ok());
    let message = rejected("{{ define \"t\" }}x{{ end }}").message();
    assert_eq!(message, "template: multiple definition of template \"t\"");
    // Only white space is around the definition, and no variables are set before it.
    assert!(parse("t", " {{ define \"t\" }}x{{ end }}", &Environment::LOGQL).is_ok());
}

#[test]
fn template_tree_has_roots_children_and_functions() {
    let text = "x{{ range $i, $e := query `up` }}{{ $e.Value | printf \"\\t%v\" }}{{ else }}none{{ end }}";
    let template = parsed(text);
    let roots: Vec<&str> = template.roots().map(|node| node.span.text(text)).collect();
    assert_eq!(roots, ["x", &text[1..]]);
    let children: Vec<&str> = template.children(1).map(|node| node.span.text(text)).collect();
    assert_eq!(children, ["$i, $e := query `up` ", "{{ $e.Value | printf \"\\t%v\" }}", "{{ else }}none"]);
    assert_eq!(template.children(0).count(), 0);
    assert_eq!(template.children(1000).count(), 0);
    let strings: Vec<&str> = template
        .nodes()
        .iter()
        .filter_map(|node| match &node.kind {
            NodeKind::String { value } => Some(value.as_ref()),
            _ => None,
        })
        .collect();
    assert_eq!(strings, ["up", "\t%v"]);
    let functions: Vec<(&str, &str)> =
        template.functions().map(|(name, span)| (name, span.text(text))).collect();
    assert_eq!(functions, [("query", "query"), ("printf", "printf")]);
}

#[test]
fn template_function_span_excludes_fields() {
    let text = "{{ first.Value }}";
    let named: Vec<&str> = parsed(text).functions().map(|(_, span)| span.text(text)).collect();
    assert_eq!(named, ["first"]);
}

#[test]
fn template_raw_strings_drop_carriage_returns() {
    let template = parsed("{{ query `a\r\nb` }}");
    let value = |kind: &NodeKind<'_>| matches!(kind, NodeKind::String { value } if value == "a\nb");
    assert!(template.nodes().iter().any(|node| value(&node.kind)));
}

#[test]
fn template_parentheses_are_limited_as_in_go() {
    let nested = |depth: usize| format!("{{{{ {}1{} }}}}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(parsed(&nested(10_000)).nodes().len(), 3 + 2 * 10_000 + 1);
    assert_eq!(rejected(&nested(10_001)).message(), "max expression depth exceeded");
}

#[test]
fn template_numbers_at_their_limits() {
    for number in [
        "18446744073709551615",
        "-9223372036854775808",
        "0xffffffffffffffff",
        "0b1111",
        "0o17",
        "1_000",
        "0x_f",
        "1.7976931348623157e308",
        "0x1.fffffffffffff7p1023",
        "0x1p-99999",
        "1i",
        "0x1p2i",
        "-1.5e3+2i",
    ] {
        parsed(&format!("{{{{ {number} }}}}"));
    }
    for (number, message) in [
        ("18446744073709551616", "integer overflow: \"18446744073709551616\""),
        ("+9223372036854775808", "integer overflow: \"+9223372036854775808\""),
        ("08", "integer overflow: \"08\""),
        ("0x10000000000000000", "illegal number syntax: \"0x10000000000000000\""),
        ("1.7976931348623159e308", "illegal number syntax: \"1.7976931348623159e308\""),
        ("0x1.fffffffffffff8p1023", "illegal number syntax: \"0x1.fffffffffffff8p1023\""),
        ("0x1p1024", "illegal number syntax: \"0x1p1024\""),
        ("1__0", "illegal number syntax: \"1__0\""),
        ("0x1+2i", "strconv.ParseFloat: parsing \"0x1\": invalid syntax"),
        ("1e999+2i", "strconv.ParseFloat: parsing \"1e999\": value out of range"),
        ("0b1+2i", "syntax error scanning complex number"),
    ] {
        assert_eq!(rejected(&format!("{{{{ {number} }}}}")).message(), message);
    }
}
