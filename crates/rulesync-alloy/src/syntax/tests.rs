//! The grammar as a whole: what is printed reads back, errors have places, nothing panics.

use proptest::prelude::*;

use super::tree::{Label, StringLiteral};
use super::*;

fn whole(text: &str) -> Parsed {
    parse(text, Placement::Whole(0))
}

/// Reads a text without errors and prints it.
fn printed(text: &str) -> String {
    let Parsed { body, errors } = whole(text);
    assert_eq!(errors, [], "{text}");
    body.to_string()
}

/// The errors of a text as `line:column: message`.
fn errors(text: &str) -> Vec<String> {
    let line = |error: SyntaxError| {
        let Position { line, column, .. } = error.position;
        format!("{line}:{column}: {}", error.message)
    };
    whole(text).errors.into_iter().map(line).collect()
}

/// The tree of an expression, with every operator's operands in parentheses.
fn grouped(text: &str) -> String {
    fn group(expression: &Expression) -> String {
        match &expression.kind {
            ExpressionKind::Binary { operator, left, right } => {
                format!("({} {} {})", group(left), operator.symbol(), group(right))
            }
            ExpressionKind::Unary { operator, operand } => {
                format!("({}{})", operator.symbol(), group(operand))
            }
            _ => expression.to_string(),
        }
    }
    let parsed = whole(&format!("x = {text}"));
    assert_eq!(parsed.errors, [], "{text}");
    group(&parsed.body.attributes().next().unwrap().value)
}

#[test]
fn syntax_reads_everything_that_the_language_has() {
    let text = "\u{feff}// A comment\nlogging { level = \"warn\" }\nmimir.rules.kubernetes \"a\" {\n\taddress = `http://m` /* b */\n\
                headers = {\n  \"X-A\" = [\"b\", 1.5e3,], c = null, // d\n }\n  empty {}\n\
                x = sys.env(\"A\")+f(1)[0].b[\"c\"](true, !false, -(1 + 2))\r\n}";
    assert_eq!(
        printed(text),
        "logging {\n  level = \"warn\"\n}\nmimir.rules.kubernetes \"a\" {\n  address = \"http://m\"\n  \
         headers = {\"X-A\" = [\"b\", 1.5e3], c = null}\n  empty {\n  }\n  \
         x = sys.env(\"A\") + f(1)[0].b[\"c\"](true, !false, -(1 + 2))\n}\n"
    );
}

#[test]
fn syntax_groups_operators_by_precedence() {
    for (text, expected) in [
        ("1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"),
        ("a || b && c == d + 1", "(a || (b && (c == (d + 1))))"),
        ("2 ^ 3 ^ 4 * 5", "((2 ^ (3 ^ 4)) * 5)"),
        ("-2 ^ 2", "((-2) ^ 2)"),
        ("!a == b", "((!a) == b)"),
        ("1 <= 2 != 3 >= 4", "(((1 <= 2) != 3) >= 4)"),
        ("10 % 4 / 2", "((10 % 4) / 2)"),
    ] {
        assert_eq!(grouped(text), expected);
    }
}

#[test]
fn syntax_errors_have_places_and_reading_goes_on() {
    let text = "a = \nb = [1\n2]\nc = {\n  d = 1\n}\nblock \"1x\" {\n  e = 'f'\n  g h\n  i = 1\n}\nj.k = 2\nl = m {\n}\n\
                n = \"\\q\"\no {\n p = (1\n}\nq \"r\" {\n  s = 1 2\n}\n";
    insta::assert_snapshot!(errors(text).join("\n"), @"
    2:3: expected the end of the line, found `=`
    5:8: a `,` is missing: each item whose line ends needs one, the last one too
    7:7: a label consists of letters, digits and `_`, and begins with no digit
    8:7: a string is in double quotes, not single ones
    9:5: expected `=` or `{`, found `h`
    12:1: the name of an attribute has no dots and no label
    13:7: a block is no expression: it stands on a line of its own, without `=`
    15:6: there is no such escape in a string
    17:8: expected `)`, found the end of the line
    20:9: expected the end of the line, found `2`
    ");
}

#[test]
fn syntax_of_a_block_that_is_not_closed_hides_no_later_errors() {
    let text = "a \"b\" {\n  c = [1,\n  d = 2\n\ne \"f\" {\n  g = \n}\n";
    assert_eq!(
        errors(text),
        ["3:5: expected `,` or `]`, found `=`", "7:1: expected an expression, found `}`"]
    );
}

#[test]
fn syntax_positions_are_those_of_the_file_around() {
    let first = Position { file: 3, line: 10, column: 5 };
    let parsed = parse("a = 1\nb \"c\" {\n  d = e\n}\n", Placement::Indented(first));
    let block = parsed.body.blocks().next().unwrap();
    assert_eq!(block.label.as_ref().unwrap().position, Position { file: 3, line: 11, column: 7 });
    let attribute = block.body.attributes().next().unwrap();
    assert_eq!(attribute.value.position, Position { file: 3, line: 12, column: 11 });
    let parsed = parse("a = 1\nb = \n", Placement::Somewhere(first));
    assert_eq!(parsed.errors[0].position, first);
}

#[test]
fn syntax_depth_is_limited() {
    for (open, close, message) in [
        ("(", ")", "expressions are nested too deeply"),
        ("[", "]", "expressions are nested too deeply"),
        ("{a=", "}", "expressions are nested too deeply"),
        ("-", "", "expressions are nested too deeply"),
        ("1^", "", "expressions are nested too deeply"),
        ("1+", "", "the expression is too long"),
        ("f(", ")", "expressions are nested too deeply"),
        ("a[", "]", "expressions are nested too deeply"),
    ] {
        let nested = |depth: usize| format!("x = {}1{}", open.repeat(depth), close.repeat(depth));
        assert_eq!(whole(&nested(50)).errors, []);
        let errors = errors(&nested(100_000));
        assert!(errors.len() == 1 && errors[0].ends_with(message), "{open} {errors:?}");
    }
    assert_eq!(errors(&format!("x = a{}", ".b".repeat(100_000))).len(), 1);
    let blocks = errors(&"a {\n".repeat(10_000));
    assert!(blocks.iter().any(|error| error.ends_with("blocks are nested too deeply")), "{}", blocks.len());
}

#[test]
fn syntax_debug_shows_no_text_of_strings() {
    let parsed = whole("password = \"hunter2\"\nother = [\"hunter2\"]");
    assert!(!format!("{parsed:?}").contains("hunter2"));
    assert!(!errors("password = \"hunter2\" \"hunter2\"\n\"hunter2\" = 1").join("").contains("hunter2"));
}

const NOWHERE: Position = Position { file: 0, line: 0, column: 0 };

fn of(kind: ExpressionKind) -> Expression {
    Expression { position: NOWHERE, kind }
}

fn name() -> impl Strategy<Value = String> {
    "[a-zé_][a-z0-9_]{0,4}".prop_filter("keyword", |name| !matches!(name.as_str(), "true" | "false" | "null"))
}

fn operand(inner: impl Strategy<Value = Expression>) -> impl Strategy<Value = Expression> {
    // Whatever binds less tightly is in parentheses.
    inner.prop_map(|expression| match expression.kind {
        ExpressionKind::Binary { .. } | ExpressionKind::Unary { .. } | ExpressionKind::Number(_) => {
            of(ExpressionKind::Parenthesis(Box::new(expression)))
        }
        _ => expression,
    })
}

fn any_expression() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        Just(of(ExpressionKind::Null)),
        any::<bool>().prop_map(|value| of(ExpressionKind::Bool(value))),
        "[0-9]{1,4}(\\.[0-9]{1,2})?(e[+-]?[0-9]{1,2})?".prop_map(|text| of(ExpressionKind::Number(text))),
        any::<String>().prop_map(|text| of(ExpressionKind::String(StringLiteral(text)))),
        name().prop_map(|name| of(ExpressionKind::Identifier(name))),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let boxed = |inner: BoxedStrategy<Expression>| operand(inner).prop_map(Box::new);
        let inner = inner.boxed();
        let operators = prop::sample::select(vec![
            BinaryOperator::Or,
            BinaryOperator::Equal,
            BinaryOperator::Less,
            BinaryOperator::Add,
            BinaryOperator::Divide,
            BinaryOperator::Power,
        ]);
        let items = prop::collection::vec(inner.clone(), 0..3);
        let fields = prop::collection::vec((any::<String>(), inner.clone()), 0..3);
        prop_oneof![
            items.clone().prop_map(|items| of(ExpressionKind::Array(items))),
            fields.prop_map(|fields| {
                let field = |(name, value)| Field { name, position: NOWHERE, value };
                of(ExpressionKind::Object(fields.into_iter().map(field).collect()))
            }),
            (boxed(inner.clone()), name())
                .prop_map(|(value, name)| of(ExpressionKind::Access { value, name })),
            (boxed(inner.clone()), inner.clone())
                .prop_map(|(value, index)| { of(ExpressionKind::Index { value, index: Box::new(index) }) }),
            (boxed(inner.clone()), items)
                .prop_map(|(function, arguments)| of(ExpressionKind::Call { function, arguments })),
            boxed(inner.clone())
                .prop_map(|operand| of(ExpressionKind::Unary { operator: UnaryOperator::Negate, operand })),
            (operators, boxed(inner.clone()), boxed(inner))
                .prop_map(|(operator, left, right)| of(ExpressionKind::Binary { operator, left, right })),
        ]
    })
}

fn any_body() -> impl Strategy<Value = Body> {
    let attribute = (name(), any_expression())
        .prop_map(|(name, value)| Statement::Attribute(Attribute { name, position: NOWHERE, value }));
    let statement = attribute.prop_recursive(3, 12, 3, |inner| {
        let label = prop::option::of(prop_oneof![Just(String::new()), name()]);
        (prop::collection::vec(name(), 1..4), label, prop::collection::vec(inner, 0..3)).prop_map(
            |(name, label, statements)| {
                Statement::Block(Block {
                    name: name.join("."),
                    position: NOWHERE,
                    label: label.map(|text| Label { text, position: NOWHERE }),
                    body: Body { statements },
                    end: NOWHERE,
                })
            },
        )
    });
    prop::collection::vec(statement, 0..4).prop_map(|statements| Body { statements })
}

/// Forgets all positions.
fn nowhere(body: &mut Body) {
    fn expression(at: &mut Expression) {
        at.position = NOWHERE;
        match &mut at.kind {
            ExpressionKind::Array(items) => items.iter_mut().for_each(expression),
            ExpressionKind::Object(fields) => fields.iter_mut().for_each(|field| {
                field.position = NOWHERE;
                expression(&mut field.value);
            }),
            ExpressionKind::Access { value, .. } => expression(value),
            ExpressionKind::Index { value, index } => {
                expression(value);
                expression(index);
            }
            ExpressionKind::Call { function, arguments } => {
                expression(function);
                arguments.iter_mut().for_each(expression);
            }
            ExpressionKind::Unary { operand, .. } | ExpressionKind::Parenthesis(operand) => {
                expression(operand)
            }
            ExpressionKind::Binary { left, right, .. } => {
                expression(left);
                expression(right);
            }
            _ => {}
        }
    }
    for statement in &mut body.statements {
        match statement {
            Statement::Attribute(attribute) => {
                attribute.position = NOWHERE;
                expression(&mut attribute.value);
            }
            Statement::Block(block) => {
                (block.position, block.end) = (NOWHERE, NOWHERE);
                block.label.iter_mut().for_each(|label| label.position = NOWHERE);
                nowhere(&mut block.body);
            }
        }
    }
}

/// The pieces of which broken texts are made.
const PIECES: [&str; 28] = [
    "a",
    "mimir.rules.kubernetes",
    " \"b\" ",
    " {",
    "}",
    "\n",
    "\n",
    "=",
    " = ",
    "[",
    "]",
    "(",
    ")",
    ",",
    ".",
    "\"",
    "`",
    "'",
    "/*",
    "*/",
    "//",
    "\\",
    "1",
    "1e",
    "-",
    "||",
    "é",
    "\u{feff}",
];

proptest! {
    #[test]
    fn syntax_that_is_printed_reads_back(body in any_body()) {
        let mut parsed = whole(&body.to_string());
        prop_assert_eq!(&parsed.errors, &[]);
        nowhere(&mut parsed.body);
        prop_assert!(parsed.body == body, "{}", body);
    }

    #[test]
    fn syntax_of_any_text_is_read_without_panic(text in any::<String>()) {
        whole(&text);
    }

    #[test]
    fn syntax_of_any_broken_text_is_read_and_what_was_read_prints(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60)
    ) {
        let text = pieces.concat();
        let parsed = whole(&text);
        prop_assert_eq!(whole(&parsed.body.to_string()).errors, []);
        let lines = text.lines().count() + 1;
        prop_assert!(parsed.errors.iter().all(|error| error.position.line <= lines));
    }
}
