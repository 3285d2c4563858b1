//! Robustness tests: no input causes a panic, a stack overflow or spans outside of the input.

use proptest::prelude::*;

use super::{parse_error, parsed};
use crate::logql::lex::Lexer;
use crate::logql::token::TokenKind;
use crate::logql::{looks_like_promql, parse, ruler_check};
use crate::span::Span;

/// Runs on a thread with a small stack, so that recursion over the input would overflow it.
fn on_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(run).unwrap();
    assert!(thread.join().is_ok());
}

/// Repeats `piece` between `before` and `after` up to the input size limit.
fn filled(before: &str, piece: &str, after: &str) -> String {
    let room = 131_000 - before.len() - after.len();
    format!("{before}{}{after}", piece.repeat(room / piece.len()))
}

/// Nests `inside` in `open` and `close` up to the input size limit.
fn nested(open: &str, inside: &str, close: &str) -> String {
    let count = (130_000 - inside.len()) / (open.len() + close.len());
    format!("{}{inside}{}", open.repeat(count), close.repeat(count))
}

#[test]
fn parser_uses_constant_stack_for_long_and_nested_input() {
    on_small_stack(|| {
        let rate = r#"rate({a="b"}[5m])"#;
        let accepted = [
            nested("(", rate, ")"),
            nested("sum(", rate, ")"),
            nested("topk by (x) (5, ", rate, ")"),
            nested("label_replace(", rate, r#","x","y","z","")"#),
            nested("(1+", "1", ")"),
            nested("(", r#"{a="b"}"#, ")"),
            format!("rate({})", nested("(", r#"{a="b"}[5m]"#, ")")),
            format!(r#"rate({{a="b"}} | {} [5m])"#, nested("(", r#"c="d""#, ")")),
            filled("1", "+1", ""),
            filled("1", "^1", ""),
            filled(rate, " or vector(1)", ""),
            filled(r#"rate({a="b""#, r#",c!="d""#, "}[5m])"),
            filled(r#"rate({a="b"}"#, r#"|="x""#, "[5m])"),
            filled(r#"rate({a="b"}|="x""#, r#" or "x""#, "[5m])"),
            filled(r#"rate({a="b"}|c="d""#, r#" and e>5"#, "[5m])"),
            filled("sum by (a", ",b", ") (1)"),
            filled("", "# comment\n", "1"),
        ];
        for input in accepted {
            let expr = parsed(&input);
            assert!(expr.clone() == expr);
            assert_eq!(expr.span().end, input.len());
        }
        let rejected = [
            "(".repeat(100_000),
            filled("", "sum(", ""),
            filled("rate(", "(", ""),
            filled(r#"{a="b"} | "#, "(", ""),
            filled("1", "+1", " x"),
            filled("", ")", ""),
            filled("{", "{", ""),
            filled("", "1.1", ""),
            filled("", "-1", "s"),
        ];
        for input in rejected {
            assert!(!parse_error(&input).is_empty());
            let _ = looks_like_promql(&input);
        }
    });
}

fn check_spans(input: &str) {
    let inside = |span: Span| {
        assert!(input.get(span.start..span.end).is_some(), "{span:?} of {input:?}");
    };
    let _ = ruler_check(input);
    match parse(input) {
        Ok(expr) => {
            expr.nodes().for_each(|node| inside(node.span));
            for query in expr.queries() {
                query.stages.iter().for_each(|stage| inside(stage.span));
            }
            assert_eq!(expr.selectors().count(), open_braces(input), "{input:?}");
            let mut end = 0;
            for selector in expr.selectors() {
                inside(selector.span);
                assert!(selector.span.start >= end, "out of order in {input:?}");
                end = selector.span.end;
                let text = selector.span.text(input);
                assert!(text.starts_with('{') && text.ends_with('}'), "{text:?} of {input:?}");
                for matcher in &selector.matchers {
                    let alone = format!("{{{}, x=\"y\"}}", matcher.span.text(input));
                    let again = parsed(&alone);
                    let again = &again.selectors().next().unwrap().matchers[0];
                    assert_eq!(
                        (&again.label, again.op, &again.value),
                        (&matcher.label, matcher.op, &matcher.value)
                    );
                }
            }
        }
        Err(error) => {
            inside(error.span());
            let position = error.position();
            assert!(position.line >= 1 && position.column >= 1 && position.offset <= input.len());
        }
    }
}

/// The number of opening braces outside of strings, comments and ranges: each starts a selector.
fn open_braces(input: &str) -> usize {
    let mut lexer = Lexer::new(input);
    let mut count = 0;
    loop {
        match lexer.next_token().kind {
            TokenKind::Eof | TokenKind::Error => return count,
            TokenKind::LeftBrace => count += 1,
            _ => {}
        }
    }
}

/// Fragments that are likely to reach many parser states when concatenated.
const FRAGMENTS: &[&str] = &[
    "{a=\"b\"}",
    "{",
    "}",
    "a",
    "=",
    "!=",
    "=~",
    "!~",
    "\"x\"",
    "`y`",
    "'z'",
    ",",
    "|=",
    "|~",
    "|>",
    "!>",
    "|",
    "json",
    "logfmt",
    "--strict",
    "regexp",
    "pattern",
    "unpack",
    "line_format",
    "label_format",
    "decolorize",
    "drop",
    "keep",
    "unwrap",
    "duration",
    "bytes",
    "(",
    ")",
    "[5m]",
    "[",
    "]",
    "offset",
    "5m",
    "-5m",
    "20KB",
    "5",
    "1e3",
    "1.5",
    "-",
    "+",
    "*",
    "/",
    "%",
    "^",
    "==",
    ">",
    ">=",
    "<",
    "<=",
    "and",
    "or",
    "unless",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "bool",
    "sum",
    "topk",
    "rate",
    "quantile_over_time",
    "sum_over_time",
    "label_replace",
    "vector",
    "variants",
    "of",
    "ip",
    "#c\n",
    "//c\n",
    "/*c*/",
    " ",
    "\n",
    ".",
    "@",
    "é",
    "\u{feff}",
    "\\",
    "\"",
    "`",
    "\0",
];

fn pipeline() -> impl Strategy<Value = String> {
    let stage = prop_oneof![
        "[|!]= \"[a-z{}#]{0,4}\"( or `[a-z(|]{0,3}`){0,2}",
        "\\|~ `[a-z.]{0,4}`",
        "!> \"[a-z]<_>\"",
        "\\|= ip\\(\"::1\"\\)",
        "\\| json( [a-c]{1,2}m=\"[a-z.]{1,3}\")?",
        "\\| logfmt( --strict)?( --keep-empty)?",
        "\\| [a-c]{1,2}m(=|!=|=~|!~)\"[a-z]{1,3}\"( (and|or) [a-c]{1,2}m ?(>|<=|==|!=) ?[1-9](s|KB|h30m|\\.5|))?",
        "\\| \\([a-c]{1,2}m=\"x\", \\([a-c]{1,2}m>5\\)\\)",
        "\\| line_format `\\{\\{\\.[a-z]{1,3}\\}\\}`",
        "\\| label_format [a-c]{1,2}m=[a-c]{1,2}m",
        "\\| (drop|keep) [a-c]{1,2}m, [a-c]{1,2}m=\"x\"",
        "\\| (unpack|decolorize)",
    ];
    prop::collection::vec(stage, 0..4).prop_map(|stages| stages.join(" "))
}

/// Generates valid metric expressions.
pub(crate) fn metrics() -> impl Strategy<Value = String> {
    let selector = "\\{ ?[a-c]{1,2}m ?= ?\"[a-z\\}é]{1,4}\"(, [a-c]{1,2}m(!=|=~|!~)`[a-z.]{0,3}`){0,2}\\}";
    let leaf = prop_oneof![
        (selector, pipeline(), "[1-9](s|m|h|d)").prop_map(|(selector, pipeline, range)| format!(
            "count_over_time({selector} {pipeline} [{range}])"
        )),
        (selector, pipeline(), "[1-9](s|m|h|d)").prop_map(|(selector, pipeline, range)| format!(
            "bytes_rate({selector}[{range}] offset 5m {pipeline})"
        )),
        (selector, pipeline()).prop_map(|(selector, pipeline)| format!(
            "quantile_over_time(0.9, (({selector} {pipeline} | unwrap duration(xm) | ym=\"\")[5m])) by (x)"
        )),
        "vector\\([1-9]\\)",
    ];
    leaf.prop_recursive(5, 32, 2, |inner| {
        let operator = prop::sample::select(vec![
            "+",
            "-",
            "*",
            "/",
            "%",
            "^",
            "==",
            "!=",
            "<",
            "> bool",
            "and",
            "or",
            "unless",
            "+ on(x)",
            "* ignoring(y) group_left(z)",
            "/ on() group_right()",
        ]);
        let wrapper = prop::sample::select(vec![
            ("(", ")"),
            ("sum by (x, y) (", ")"),
            ("topk(3, ", ") without (z)"),
            ("label_replace(", r#", "a", "{b=\"c\"}", "d", "(.*)")"#),
            ("\n # a {comment=\"x\"}\n ", "\t"),
            ("1 + ", " > 0"),
        ]);
        prop_oneof![
            (inner.clone(), operator, inner.clone())
                .prop_map(|(left, op, right)| format!("{left} {op} {right}")),
            (inner, wrapper).prop_map(|(inside, (before, after))| format!("{before}{inside}{after}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spans_of_arbitrary_strings(input in any::<String>()) {
        check_spans(&input);
    }

    #[test]
    fn spans_of_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        check_spans(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn spans_of_ascii_strings(input in "[ -~\n\t]{0,40}") {
        check_spans(&input);
    }

    #[test]
    fn spans_of_concatenated_fragments(
        parts in prop::collection::vec(prop::sample::select(FRAGMENTS), 0..24),
        gap in prop::sample::select(vec!["", " "]),
    ) {
        check_spans(&parts.join(gap));
    }

    #[test]
    fn spans_of_fragments_after_selector(parts in prop::collection::vec(prop::sample::select(FRAGMENTS), 0..6)) {
        check_spans(&format!("rate({{a=\"b\"}} {}[5m])", parts.join(" ")));
    }

    #[test]
    fn spans_of_truncated_expressions(input in metrics(), cut in any::<prop::sample::Index>()) {
        let mut end = cut.index(input.len() + 1);
        while !input.is_char_boundary(end) {
            end -= 1;
        }
        check_spans(&input[..end]);
    }

    #[test]
    fn parser_accepts_generated_expressions(input in metrics()) {
        let parsed = ruler_check(&input);
        prop_assert!(parsed.is_ok(), "{}: {}", input, parsed.unwrap_err());
        check_spans(&input);
    }
}
