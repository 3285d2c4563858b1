//! Robustness: no input panics, overflows the stack, takes quadratic time, or gets invalid spans.

use proptest::prelude::*;

use super::super::{Environment, Node, parse};

/// Runs a closure on a thread with a stack too small for recursion over the input.
fn on_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(run).unwrap();
    assert!(thread.join().is_ok());
}

#[test]
fn template_parse_handles_long_chains_and_deep_nesting() {
    const N: usize = 100_000;
    on_small_stack(|| {
        let accepted = [
            "{{ if . }}".repeat(N) + &"{{ end }}".repeat(N),
            "{{ range . }}".repeat(N) + &"{{ end }}".repeat(N),
            (0..N).map(|n| format!("{{{{ block `a{n}` . }}}}")).collect::<String>() + &"{{ end }}".repeat(N),
            "{{ if . }}".to_owned() + &"{{ else if . }}".repeat(N) + "{{ end }}",
            "{{ with . }}".to_owned() + &"{{ else with . }}".repeat(N) + "{{ end }}",
            format!("{{{{ . {} }}}}", "| print".repeat(N)),
            format!("{{{{ print {} }}}}", "1 ".repeat(N)),
            format!("{{{{ .{} }}}}", "a.".repeat(N) + "a"),
            format!("{{{{ $a := 1 }}}}{}", "{{ $b := $a }}".repeat(N)),
            (0..N).map(|n| format!("{{{{ $a{n} := 1 }}}}{{{{ $a{n} }}}}")).collect(),
            (0..N).map(|n| format!("{{{{ define `a{n}` }}}}x{{{{ end }}}}")).collect(),
            "{{/* x */ -}}  ".repeat(N),
            " {{- 1 -}} ".repeat(N),
            format!("{{{{ {} }}}}", "`x` ".repeat(N)),
            "{ } ".repeat(N),
            format!("{{{{ {} }}}}", format!("{}1{} ", "(".repeat(5_000), ")".repeat(5_000)).repeat(20)),
        ];
        for text in accepted {
            let template =
                parse("t", &text, &Environment::PROMETHEUS).unwrap_or_else(|error| panic!("{error}"));
            assert!(template.clone() == template);
            assert!(template.roots().count() <= template.nodes().len());
        }
        let rejected = [
            "{{ if . }}".repeat(N),
            format!("{{{{ {}", "(".repeat(N)),
            format!("{{{{ {}", "$a ".repeat(N)),
            "{{/* ".repeat(N),
            "{{- ".repeat(N),
            format!("{{{{ \"{}", "\\\"".repeat(N)),
            format!("{}{{{{", "\n".repeat(N)),
        ];
        for text in rejected {
            assert!(parse("t", &text, &Environment::PROMETHEUS).is_err());
        }
    });
}

/// Generates texts that resemble templates.
fn template_like() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "{{", "}}", "{{- ", " -}}", " ", "\n", "if", "else", "end", "range", "with", "define", "block",
        "template", "break", "continue", "$", "$x", "$labels", ":=", "=", ",", "|", "(", ")", ".", ".x",
        "query", "\"a\"", "`b`", "'c'", "\"", "`", "'", "\\", "/*", "*/", "1", "0x1", "1e5", "+", "-", "i",
        "_", "nil", "true", "é", "\u{e31}", "🙂", "text",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
}

/// Returns `true` if every node is within the text and within its ancestors.
fn has_nested_spans(text: &str, nodes: &[Node<'_>]) -> bool {
    nodes.iter().enumerate().all(|(index, node)| {
        let within = nodes.get(index + 1..=index + node.descendants);
        text.get(node.span.start..node.span.end).is_some()
            && within.is_some_and(|within| {
                within
                    .iter()
                    .all(|inner| node.span.start <= inner.span.start && inner.span.end <= node.span.end)
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn template_parse_returns_error_or_valid_spans(text in prop_oneof![template_like(), any::<String>()]) {
        for environment in [Environment::PROMETHEUS, Environment::LOGQL, Environment::ANY] {
            match parse("t", &text, &environment) {
                Ok(template) => {
                    prop_assert!(has_nested_spans(&text, template.nodes()), "{:?}", template);
                    for (name, span) in template.functions() {
                        prop_assert_eq!(span.text(&text), name);
                    }
                }
                Err(error) => {
                    prop_assert!(text.get(error.span().start..error.span().end).is_some());
                    prop_assert!(!error.message().is_empty() && !error.explanation().is_empty());
                    prop_assert!(error.line() >= 1 && error.line() <= text.matches('\n').count() + 1);
                }
            }
        }
    }

    #[test]
    fn template_valid_for_prometheus_is_valid_for_any_server(text in template_like()) {
        if let Ok(template) = parse("t", &text, &Environment::PROMETHEUS) {
            prop_assert_eq!(parse("t", &text, &Environment::ANY), Ok(template));
        }
    }

    /// A function cannot be called if its name does not occur.
    #[test]
    fn template_functions_occur_in_the_text(text in template_like()) {
        if let Ok(template) = parse("t", &text, &Environment::ANY) {
            let calls = template.functions().any(|(name, _)| name == "query");
            prop_assert!(!calls || text.contains("query"));
        }
    }
}
