//! Robustness tests: no input causes a panic, a stack overflow or spans outside of the input.

use proptest::prelude::*;

use super::parsed;
use crate::promql::{Options, parse};
use crate::span::Span;

/// Runs on a thread with a small stack, so that recursion over the input would overflow it.
fn on_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(run).unwrap();
    assert!(thread.join().is_ok());
}

#[test]
fn parser_uses_constant_stack_for_long_and_nested_input() {
    const N: usize = 100_000;
    on_small_stack(|| {
        let accepted = [
            format!("a{}", "+a".repeat(N)),
            format!("a{}", " or a".repeat(N)),
            format!("1{}", "^1".repeat(N)),
            format!("{}a", "-".repeat(N)),
            format!("{}a{}", "(".repeat(N), ")".repeat(N)),
            format!("{}a{}", "abs(".repeat(N), ")".repeat(N)),
            format!("{}a{}", "sum by (x) (".repeat(N), ")".repeat(N)),
            format!("{}a{}", "topk(scalar(".repeat(N), "), a)".repeat(N)),
            format!("a[{}5m{}]", "(".repeat(N), ")".repeat(N)),
            format!("a[{}5m]", "- ".repeat(2 * N)),
            format!("a[5m{}]", "+5m".repeat(N)),
            format!("a offset {}1{}", "min_of(1, ".repeat(N), ")".repeat(N)),
            format!("a{{{}}}", r#"b="c","#.repeat(N)),
            format!("{}a", "# comment\n".repeat(N)),
            format!("sum by ({}) (a)", "b,".repeat(N)),
        ];
        for input in accepted {
            let expr = parsed(&input);
            assert!(expr.clone() == expr);
            assert_eq!(expr.span().end, input.len());
        }
        let rejected = [
            format!("a{}", "[1m:]".repeat(N)),
            "(".repeat(N),
            "sum(".repeat(N),
            format!("a[{}", "(".repeat(N)),
            format!("a{}", "+a".repeat(N)) + " b",
            format!("a * on({0}) group_left({0}) b", "x,".repeat(N)),
        ];
        for input in rejected {
            assert!(parse(&input, &Options::default()).is_err());
        }
    });
}

#[test]
fn node_count_of_long_and_nested_input() {
    let expr = parsed(&format!("a{}", "+a".repeat(10_000)));
    assert_eq!(expr.nodes().len(), 20_001);
    assert_eq!(parsed(&format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000))).nodes().len(), 10_001);
}

fn check_spans(input: &str) {
    let inside = |span: Span| {
        assert!(input.get(span.start..span.end).is_some(), "{span:?} of {input:?}");
    };
    match parse(input, &Options::default()) {
        Ok(expr) => {
            for node in expr.nodes() {
                inside(node.span);
            }
            for selector in expr.selectors() {
                selector.braces.into_iter().for_each(inside);
                selector.metric.iter().for_each(|name| inside(name.span));
                selector.matchers.iter().for_each(|matcher| inside(matcher.value_span));
            }
        }
        Err(error) => {
            inside(error.span());
            let position = error.position();
            assert!(position.line >= 1 && position.column >= 1 && position.offset <= input.len());
        }
    }
}

/// Fragments that are likely to reach many parser states when concatenated.
const FRAGMENTS: &[&str] = &[
    "a",
    "b:c",
    "sum",
    "topk",
    "count_values",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "bool",
    "offset",
    "@",
    "start",
    "end",
    "step",
    "range",
    "min_of",
    "anchored",
    "smoothed",
    "fill",
    "fill_left",
    "and",
    "or",
    "unless",
    "atan2",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "::",
    "=",
    "!=",
    "=~",
    "!~",
    "==",
    "<",
    ">=",
    "</",
    ">/",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "1",
    "0",
    "5m",
    "1h30m",
    "0x1f",
    "1e3",
    "Inf",
    "NaN",
    "1_0",
    "rate",
    "info",
    "label_join",
    "time",
    "\"x\"",
    "'y'",
    "`z`",
    "\"\\x41\"",
    "\"\\q\"",
    "#c\n",
    " ",
    "\n",
    "é",
    "\u{fffd}",
    "\"",
    "`",
];

/// Generates valid expressions.
fn vectors() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z_]{1,4}m",
        "[a-z_]{1,4}m\\{[a-z]{1,3}=\"[a-z.*]{0,5}\"\\}",
        "\\{\"[a-zé. ]{1,5}\", \"[a-z.]{1,3}\"!='[a-z]{0,2}'\\}",
        "[a-z]{1,3}m offset -?[1-9]{1,3}(|m|h|d)",
        "[a-z]{1,3}m @ (start\\(\\)|end\\(\\)|[0-9]{1,9})",
        "rate\\([a-z]{1,3}m\\[[1-9](m|h|d| \\* 2|)\\]( offset 5m)?\\)",
        "vector\\((-?[0-9]{1,3}|time\\(\\)|1h|0x1f)\\)",
    ];
    leaf.prop_recursive(6, 64, 3, |inner| {
        let operator = prop::sample::select(vec![
            "+",
            "-",
            "*",
            "/",
            "%",
            "^",
            "atan2",
            "==",
            "!=",
            "<",
            "> bool",
            "and",
            "or",
            "unless",
            "</",
            "+ on(x)",
            "* ignoring(y,) group_left(z)",
            "/ on() group_right()",
            "+ fill(0)",
            "and on(x)",
        ]);
        let wrapper = prop::sample::select(vec![
            ("(", ")"),
            ("-", ""),
            ("sum by (x, y) (", ")"),
            ("topk(3, ", ") without (z)"),
            ("count_values('v', ", ")"),
            ("histogram_quantile(0.9, ", ")"),
            ("avg_over_time((", ")[1h:5m])"),
            ("clamp(", ", 1, scalar(up))"),
            ("\n # a comment\n ", "\t"),
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
    fn spans_of_truncated_expressions(input in vectors(), cut in any::<prop::sample::Index>()) {
        let mut end = cut.index(input.len() + 1);
        while !input.is_char_boundary(end) {
            end -= 1;
        }
        check_spans(&input[..end]);
    }

    #[test]
    fn parser_accepts_generated_expressions(input in vectors()) {
        let parsed = parse(&input, &Options::default());
        prop_assert!(parsed.is_ok(), "{}: {}", input, parsed.unwrap_err());
        check_spans(&input);
    }
}
