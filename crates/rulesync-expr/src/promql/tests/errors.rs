//! Tests of expressions that Prometheus rejects, with its message and position.

use super::parse_error;
use crate::promql::{Options, parse};

fn check(table: &[(&str, &str)]) {
    for (input, expected) in table {
        let got = parse_error(input, Options::default());
        assert_eq!(got.replacen(": parse error:", "", 1), *expected, "{input}");
    }
}

#[test]
fn error_display_matches_prometheus() {
    assert_eq!(parse_error("sum by (", Options::default()), "1:9: parse error: unclosed left parenthesis");
    assert_eq!(
        parse_error(r#"rate({job="a"} |= "x" [5m])"#, Options::default()),
        "1:16: parse error: unexpected character: '|'"
    );
}

#[test]
fn errors_in_characters_and_literals() {
    check(&[
        ("", "1:1 no expression found in input"),
        ("# only a comment\n", "1:1 no expression found in input"),
        (".", "1:1 unexpected character: '.'"),
        ("x § y", "1:3 unexpected character: '§'"),
        ("x }", "1:3 unexpected character: '}'"),
        ("3.1.", r#"1:1 bad number or duration syntax: "3.1.""#),
        ("7..2", r#"1:1 bad number or duration syntax: "7..""#),
        ("7dogs", r#"1:1 bad number or duration syntax: "7do""#),
        ("1__0", r#"1:1 bad number or duration syntax: "1__""#),
        ("5mm", r#"1:1 bad number or duration syntax: "5mm""#),
        ("1e", r#"1:1 bad number or duration syntax: "1e""#),
        ("a[5x]", r#"1:3 bad number or duration syntax: "5""#),
        ("a[1m1h]", r#"1:3 not a valid duration string: "1m1h""#),
        ("a[1.5h]", r#"1:3 not a valid duration string: "1.5h""#),
        ("a[999y]", "1:3 duration out of range"),
        ("a[1e10]", "1:3 duration out of range"),
        ("1e999", r#"1:1 error parsing number: strconv.ParseFloat: parsing "1e999": value out of range"#),
        (r#"x{a="b"#, "1:5 unterminated quoted string"),
        ("x{a='b\n'}", "1:5 unterminated quoted string"),
        ("`a", "1:1 unterminated raw string"),
        (r#""\c""#, "1:1 unknown escape sequence U+0063 'c'"),
        (r#""\'""#, "1:1 unknown escape sequence U+0027 '''"),
        (r#""\"#, "1:1 escape sequence not terminated"),
        (r#""\x4"#, "1:1 escape sequence not terminated"),
        (r#""\x.""#, "1:1 illegal character U+002E '.' in escape sequence"),
        (r#""\400""#, "1:1 escape sequence is an invalid Unicode code point"),
        (r#""\ud800""#, "1:1 escape sequence is an invalid Unicode code point"),
        (r#"a =~ "b""#, "1:3 unexpected character after '=': '~'"),
        (r#"a !~ "b""#, "1:3 unexpected character after '!': '~'"),
        ("a !", "1:3 unexpected character after '!': '\u{fffd}'"),
    ]);
}

#[test]
fn errors_in_brackets() {
    check(&[
        ("(", "1:2 unclosed left parenthesis"),
        ("((1)", "1:5 unclosed left parenthesis"),
        ("(1))", "1:5 unexpected right parenthesis ')'"),
        ("sum(\n  rate(up[5m])\n", "3:1 unclosed left parenthesis"),
        ("a[", "1:3 unexpected end of input in duration expression"),
        ("a[5m", "1:5 unclosed left bracket"),
        ("a]", "1:2 unexpected right bracket ']'"),
        ("a[5m[", "1:5 unexpected left bracket '['"),
        ("a[5m:1m:1m]", "1:8 unexpected colon ':'"),
        ("a[b]", "1:3 unexpected character in duration expression: 'b'"),
        ("a[\"5m\"]", "1:3 unexpected character in duration expression: '\"'"),
        ("a[:5m]", "1:4 unexpected colon before duration in duration expression"),
        ("a[5m b]", "1:6 unexpected character: 'b', expected ':'"),
        (
            "a[]",
            r#"1:3 unexpected "]" in subquery or range selector, expected number, duration, step(), or range()"#,
        ),
        (r#"a[5m "x"]"#, r#"1:6 unexpected string "\"x\"" in subquery or range, expected ":" or "]""#),
        ("a[5m 5m]", r#"1:6 unexpected duration "5m" in subquery or range, expected ":" or "]""#),
        ("a[5m:5m 5m]", r#"1:9 unexpected duration "5m" in subquery selector, expected "]""#),
        (
            "a[5m:*]",
            r#"1:6 unexpected <op:*> in subquery selector, expected number, duration, step(), range(), or "]""#,
        ),
        ("a{", "1:3 unexpected end of input inside braces"),
        ("a{{", "1:3 unexpected left brace '{'"),
        ("a{5}", "1:3 unexpected character inside braces: '5'"),
        ("a{b!c}", "1:4 unexpected character after '!' inside braces: 'c'"),
        ("()", r#"1:2 unexpected ")""#),
        ("(a, b)", r#"1:3 unexpected ",""#),
    ]);
}

#[test]
fn errors_for_unexpected_tokens() {
    check(&[
        ("1+", "1:3 unexpected end of input"),
        ("a ==", "1:5 unexpected end of input"),
        ("*1", "1:1 unexpected <op:*>"),
        ("@@", "1:1 unexpected <op:@>"),
        ("-=", r#"1:2 unexpected "=""#),
        ("a b", r#"1:3 unexpected identifier "b""#),
        ("a\n\n  b", r#"3:3 unexpected identifier "b""#),
        ("é", "1:1 unexpected character: 'é'"),
        (r#"{"é"} b"#, r#"1:8 unexpected identifier "b""#),
        ("a b:c", r#"1:3 unexpected metric identifier "b:c""#),
        (r#"a "a long string""#, r#"1:3 unexpected string "\"a long st"..."#),
        ("a 12", r#"1:3 unexpected number "12""#),
        ("a 5m", r#"1:3 unexpected duration "5m""#),
        ("a = 1", r#"1:3 unexpected "=""#),
        ("bool", "1:1 unexpected <bool>"),
        ("a by (b)", "1:3 unexpected <by>"),
        ("a:b(c)", r#"1:4 unexpected "(""#),
        ("a group_left b", "1:3 unexpected <group_left>"),
        ("a + group_left b", "1:5 unexpected <group_left>"),
        ("a * on(x) ignoring(y) z", "1:11 unexpected <ignoring>"),
        ("a + fill(b) c", r#"1:10 unexpected identifier "b""#),
        ("a + fill_left(1) fill_left(2) c", "1:18 unexpected <fill_left>"),
        ("a offset", "1:9 unexpected end of input in offset, expected number, duration, step(), or range()"),
        (
            "a offset b",
            r#"1:10 unexpected identifier "b" in offset, expected number, duration, step(), or range()"#,
        ),
        ("a @", "1:4 unexpected end of input in @, expected timestamp"),
        ("a @ b", r#"1:5 unexpected identifier "b" in @, expected timestamp"#),
        ("a @ start", "1:10 unexpected end of input in @, expected timestamp"),
        ("a{b}", r#"1:4 unexpected "}" in label matching, expected label matching operator"#),
        ("a{b=c}", r#"1:5 unexpected identifier "c" in label matching, expected string"#),
        (r#"a{b="c" d="e"}"#, r#"1:9 unexpected identifier "d" in label matching, expected "," or "}""#),
        (r#"a{b="c",,}"#, r#"1:9 unexpected "," in label matching, expected identifier or "}""#),
        ("a{,}", r#"1:3 unexpected "," in label matching, expected identifier or "}""#),
        (r#"a{"b" "c"}"#, r#"1:7 unexpected string "\"c\"" in label matching, expected "," or "}""#),
    ]);
}

#[test]
fn errors_in_aggregations_and_calls() {
    check(&[
        ("sum up by (job)", r#"1:5 unexpected identifier "up""#),
        ("sum (a) by job", r#"1:12 unexpected identifier "job" in grouping opts, expected "(""#),
        ("sum by (a) b", r#"1:12 unexpected identifier "b" in aggregation"#),
        ("sum(a b)", r#"1:7 unexpected identifier "b" in aggregation"#),
        ("sum(rate(a b))", r#"1:12 unexpected identifier "b" in aggregation"#),
        ("sum by (!=)(a)", "1:9 unexpected <op:!=> in grouping opts, expected label"),
        ("avg by (,)(a)", r#"1:9 unexpected "," in grouping opts, expected label"#),
        ("max by (b,,)(a)", r#"1:11 unexpected "," in grouping opts, expected label"#),
        ("sum by (b c)(a)", r#"1:11 unexpected identifier "c" in grouping opts, expected "," or ")""#),
        ("sum by (without)(a)", "1:9 unexpected <without> in grouping opts, expected label"),
        ("sum by (b:c)(a)", r#"1:9 invalid label name for grouping: "b:c""#),
        (r#"sum by ("")(a)"#, r#"1:9 invalid label name for grouping: """#),
        ("sum(a) without (b) by (b)", "1:20 unexpected <by>"),
        ("MAX loudly (a)", r#"1:5 unexpected identifier "loudly""#),
        ("1 + sum() by (a)", "1:5 no arguments for aggregate expression provided"),
        ("topk(a)", "1:1 wrong number of arguments for aggregate expression provided, expected 2, got 1"),
        ("sum(a, b)", "1:1 wrong number of arguments for aggregate expression provided, expected 1, got 2"),
        ("topk(a,)", "1:7 trailing commas not allowed in function call args"),
        ("rate(a[5m],)", "1:11 trailing commas not allowed in function call args"),
        ("rate(,)", r#"1:6 unexpected ",""#),
        ("topk(a, b)", "1:6 expected type scalar in aggregation parameter, got instant vector"),
        ("count_values(5, b)", "1:14 expected type string in aggregation parameter, got scalar"),
        ("sum(1)", "1:5 expected type instant vector in aggregation expression, got scalar"),
        ("topk(b, 1)", "1:9 expected type instant vector in aggregation expression, got scalar"),
        ("foo(a, b)", r#"1:1 unknown function with name "foo""#),
        ("up < bool nope()", r#"1:11 unknown function with name "nope""#),
        ("Rate(a[5m])", r#"1:1 unknown function with name "Rate""#),
        ("floor()", r#"1:1 expected 1 argument(s) in call to "floor", got 0"#),
        ("hour(a, b, c)", r#"1:1 expected at most 1 argument(s) in call to "hour", got 3"#),
        (r#"label_join(a, "b")"#, r#"1:1 expected at least 3 argument(s) in call to "label_join", got 2"#),
        ("time(a)", r#"1:1 expected 0 argument(s) in call to "time", got 1"#),
        ("rate(a)", r#"1:6 expected type range vector in call to function "rate", got instant vector"#),
        ("abs(a[5m])", r#"1:5 expected type instant vector in call to function "abs", got range vector"#),
        ("vector(a)", r#"1:8 expected type scalar in call to function "vector", got instant vector"#),
        (
            r#"label_join(a, "b", "c", d)"#,
            r#"1:25 expected type string in call to function "label_join", got instant vector"#,
        ),
        ("info(a, b)", "1:9 expected label selectors only, got vector selector instead"),
        ("info(a, 1)", r#"1:1 expected type instant vector in call to function "info", got scalar"#),
        ("info(a, (b))", "1:9 expected label selectors only"),
        ("info({}, {})", "1:6 vector selector must contain at least one non-empty matcher"),
    ]);
}

#[test]
fn errors_in_selectors_and_modifiers() {
    check(&[
        ("{}", "1:1 vector selector must contain at least one non-empty matcher"),
        (r#"1 + {a=""}"#, "1:5 vector selector must contain at least one non-empty matcher"),
        (r#"{a=~".*", b!~".+", c!="x"}"#, "1:1 vector selector must contain at least one non-empty matcher"),
        (r#"{""}"#, "1:1 vector selector must contain at least one non-empty matcher"),
        (r#"a{__name__="b"}"#, r#"1:1 metric name must not be set twice: "a" or "b""#),
        (r#"a{"b"}"#, r#"1:1 metric name must not be set twice: "a" or "b""#),
        ("(a)[5m]", "1:4 ranges only allowed for vector selectors"),
        ("a[5m][5m]", "1:6 ranges only allowed for vector selectors"),
        (r#""a"[5m]"#, "1:4 ranges only allowed for vector selectors"),
        ("a offset 1m [5m]", "1:13 no offset modifiers allowed before range"),
        ("a @ 1 [5m]", "1:7 no @ modifiers allowed before range"),
        ("a[0]", "1:3 duration must be greater than 0"),
        ("a[-5m]", "1:3 duration must be greater than 0"),
        ("a[5m:0s]", "1:6 duration must be greater than 0"),
        ("a[5m / 0]", "1:6 division by zero"),
        ("a[5m % (0)]", "1:6 modulo by zero"),
        ("a[5m][5m:]", "1:1 subquery is only allowed on instant vector, got matrix instead"),
        ("1[5m:]", "1:1 subquery is only allowed on instant vector, got scalar instead"),
        (
            "2 offset 3h",
            "1:1 offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        (
            "rate(a[5m]) @ 1",
            "1:1 @ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        ("up offset 3m offset 4m", "1:1 offset may not be set multiple times"),
        ("a @ 1 @ start()", "1:1 @ <timestamp> may not be set multiple times"),
        ("a @ NaN", "1:1 timestamp out of bounds for @ modifier: NaN"),
        ("a @ -Inf", "1:1 timestamp out of bounds for @ modifier: -Inf"),
        ("a @ 1e19", "1:1 timestamp out of bounds for @ modifier: 10000000000000000000.000000"),
        ("a anchored smoothed", "1:1 anchored and smoothed modifiers cannot be used together"),
        ("a[5m:] anchored", "1:1 anchored modifier is not supported for subqueries"),
        ("(a) smoothed", "1:1 smoothed modifier not implemented"),
    ]);
}

#[test]
fn errors_in_operations() {
    check(&[
        ("1 == 1", "1:3 comparisons between scalars must use BOOL modifier"),
        ("a + bool b", "1:3 bool modifier can only be used on comparison operators"),
        ("1 and 1", r#"1:1 set operator "and" not allowed in binary scalar expression"#),
        ("a UNLESS 1", r#"1:1 set operator "unless" not allowed in binary scalar expression"#),
        ("a + on(b) 1", "1:1 vector matching only allowed between instant vectors"),
        ("a + fill(0) 1", "1:1 filling in missing series only allowed between instant vectors"),
        ("a or fill(0) b", "1:1 filling in missing series not allowed for set operators"),
        ("a and on(b) group_left c", r#"1:1 no grouping allowed for "and" operation"#),
        ("a * on(b, c) group_left(c) d", r#"1:3 label "c" must not occur in ON and GROUP clause at once"#),
        ("a[5m] + b", "1:1 binary expression must contain only scalar and instant vector types"),
        (r#"a + "b""#, "1:5 binary expression must contain only scalar and instant vector types"),
        (
            r#"-"a""#,
            r#"1:1 unary expression only allowed on expressions of type scalar or instant vector, got "string""#,
        ),
        (
            "1 - -a[5m]",
            r#"1:5 unary expression only allowed on expressions of type scalar or instant vector, got "range vector""#,
        ),
    ]);
}

#[test]
fn first_error_in_source_order_is_reported() {
    check(&[
        ("foo(a) |", r#"1:1 unknown function with name "foo""#),
        ("a | foo()", "1:3 unexpected character: '|'"),
        ("rate(a) + b c", r#"1:13 unexpected identifier "c""#),
        (
            "rate(a) + sum(1)",
            r#"1:6 expected type range vector in call to function "rate", got instant vector"#,
        ),
    ]);
}

/// Prometheus 3 reports the position of the matcher; the span covers the invalid part.
#[test]
fn errors_in_regular_expressions() {
    for (input, message, marked) in [
        (
            r#"up{a=~"[b-a]"}"#,
            "1:4: parse error: error parsing regexp: invalid character class range: `b-a`",
            "b-a",
        ),
        (
            r#"sum(up{b="c", a=~"[b-a]"}) )"#,
            "1:15: parse error: error parsing regexp: invalid character class range: `b-a`",
            "b-a",
        ),
        (r#"up{a=~"("} $"#, "1:4: parse error: error parsing regexp: missing closing ): `(`", "("),
        (r#"up{a=~"(""#, "1:4: parse error: error parsing regexp: missing closing ): `(`", "("),
        (
            r#"up{a!~"x\\k",}"#,
            r"1:4: parse error: error parsing regexp: invalid escape sequence: `\k`",
            r#""x\\k""#,
        ),
        (
            r#"up{a=~"a.\xff"}"#,
            "1:4: parse error: error parsing regexp: invalid UTF-8: `\u{fffd}`",
            r#""a.\xff""#,
        ),
        (r#"foo(a) + up{a=~"("}"#, r#"1:1: parse error: unknown function with name "foo""#, "foo"),
        (r#"sum(1) + up{a=~"("}"#, "1:13: parse error: error parsing regexp: missing closing ): `(`", "("),
        (
            r#"{a=~"\\B"}"#,
            "1:1: parse error: vector selector must contain at least one non-empty matcher",
            r#"{a=~"\\B"}"#,
        ),
    ] {
        let error = parse(input, &Options::default()).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.span().text(input)), (message, marked));
    }
    for valid in [r#"up{a=~"\xff"}"#, r#"{a=~"\\b"}"#, r#"label_replace(up,"a","$1","b","(c")"#] {
        assert!(parse(valid, &Options::default()).is_ok(), "{valid}");
    }
}
