//! Tests of the parser options.

use super::parse_error;
use crate::error::ErrorKind;
use crate::promql::{Options, parse};
use crate::span::Position;

const ALL: Options = Options { experimental: true, legacy_functions: true, utf8_names: true };

#[test]
fn options_are_all_enabled_by_default() {
    assert_eq!(Options::default(), ALL);
}

#[test]
fn options_experimental() {
    let stable = Options { experimental: false, ..ALL };
    for (input, expected, flag) in [
        (
            "mad_over_time(a[5m])",
            r#"1:1: parse error: function "mad_over_time" is not enabled"#,
            "promql-experimental-functions",
        ),
        (
            "1 + limitk(1, a)",
            "1:5: parse error: limitk() is experimental and must be enabled with \
             --enable-feature=promql-experimental-functions",
            "promql-experimental-functions",
        ),
        (
            "a[5m * 2]",
            "1:3: parse error: experimental duration expression is not enabled",
            "promql-duration-expr",
        ),
        (
            "a offset (5m)",
            "1:11: parse error: experimental duration expression is not enabled",
            "promql-duration-expr",
        ),
        (
            "a[step()]",
            "1:3: parse error: experimental duration expression is not enabled",
            "promql-duration-expr",
        ),
        (
            "a[max_of(1, 2)]",
            "1:3: parse error: experimental duration expression is not enabled",
            "promql-duration-expr",
        ),
        (
            "a[5m] anchored",
            "1:1: parse error: anchored modifier is experimental and not enabled",
            "promql-extended-range-selectors",
        ),
        (
            "rate(a[5m] smoothed)",
            "1:6: parse error: smoothed modifier is experimental and not enabled",
            "promql-extended-range-selectors",
        ),
        (
            "a + fill(0) b",
            "1:1: parse error: binop fill modifiers are experimental and not enabled",
            "promql-binop-fill-modifiers",
        ),
    ] {
        assert_eq!(parse_error(input, stable), expected);
        assert_eq!(parse(input, &stable).map_err(|error| error.kind()), Err(ErrorKind::Disabled));
        let features = parse(input, &ALL).unwrap().features().to_vec();
        assert_eq!(features.iter().map(|(feature, _)| feature.flag()).collect::<Vec<_>>(), [flag], "{input}");
        let position = expected.split(": ").next().unwrap();
        assert_eq!(Position::of(input, features[0].1.start).to_string(), position, "{input}");
    }
    assert_eq!(parse("rate(a[5m] offset -5m)", &ALL).unwrap().features(), []);
    assert!(parse("rate(a[5m] offset -5m) + anchored + step", &stable).is_ok());
}

#[test]
fn options_legacy_functions() {
    let current = Options { legacy_functions: false, ..ALL };
    let input = "holt_winters(a[5m], 0.5, 0.5)";
    assert_eq!(parse_error(input, current), r#"1:1: parse error: unknown function with name "holt_winters""#);
    assert!(parse(input, &ALL).is_ok());
}

#[test]
fn options_utf8_names() {
    let plain = Options { utf8_names: false, ..ALL };
    for (input, expected) in [
        (
            r#"{"a"}"#,
            r#"1:2: parse error: unexpected string "\"a\"" in label matching, expected identifier or "}""#,
        ),
        (
            r#"sum by ("a") (b)"#,
            r#"1:9: parse error: unexpected string "\"a\"" in grouping opts, expected label"#,
        ),
    ] {
        assert_eq!(parse_error(input, plain), expected);
        assert!(parse(input, &ALL).is_ok(), "{input}");
    }
}

#[test]
fn error_kinds() {
    for (input, kind) in [
        ("sum(", ErrorKind::Syntax),
        ("rate(a)", ErrorKind::Type),
        ("sum()", ErrorKind::Type),
        ("histogram_share(0.2, a)", ErrorKind::UnknownFunction),
    ] {
        assert_eq!(parse(input, &ALL).map_err(|error| error.kind()), Err(kind), "{input}");
    }
}

#[test]
fn error_span_and_position() {
    let input = "é +\n  foo(a)";
    let input = input.replace('é', "\"é\"");
    let error = parse(&input, &ALL).unwrap_err();
    assert_eq!(error.span().text(&input), "foo");
    let position = error.position();
    assert_eq!((position.offset, position.line, position.column), (9, 2, 3));
    assert_eq!(error.message(), r#"unknown function with name "foo""#);
}
