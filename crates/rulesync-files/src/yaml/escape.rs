//! The escape `\'` in double quotes, which is not part of YAML and which go-yaml reads as an apostrophe. The parser
//! rejects it, so the document is parsed again with another character instead of that backslash.

use std::ops::RangeInclusive;

/// A text in which every unescaped backslash before an apostrophe is replaced with a character that is otherwise
/// unused. The number of characters is unchanged, and so are the columns. After parsing, the character is removed from
/// double-quoted scalars and replaced with a backslash everywhere else.
pub(super) struct Marked {
    pub(super) text: String,
    pub(super) mark: char,
}

/// The private use area of Unicode, whose characters few texts contain.
const MARKS: RangeInclusive<char> = '\u{e000}'..='\u{f8ff}';

/// Returns `true` if a character may represent a backslash.
pub(super) fn is_mark(character: char) -> bool {
    MARKS.contains(&character)
}

/// Marks each `\'` of a text; `None` if there is none, or every mark is used in the text.
pub(super) fn mark_apostrophes(text: &str) -> Option<Marked> {
    if !text.contains("\\'") {
        return None;
    }
    let mark = MARKS.into_iter().find(|mark| !text.contains(*mark))?;
    let mut marked = String::with_capacity(text.len() + 64);
    let mut escaped = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escapes = character == '\\' && !escaped;
        marked.push(if escapes && characters.peek() == Some(&'\'') { mark } else { character });
        escaped = escapes;
    }
    Some(Marked { text: marked, mark })
}

#[cfg(test)]
mod tests {
    use serde_saphyr::granit_parser::{ErrorKind, Parser};

    use super::super::tests::render;

    /// If this fails, the parser supports the escape, and this module can be removed.
    #[test]
    fn parser_still_rejects_escaped_apostrophe() {
        let error = Parser::new_from_str(r#""\'""#).find_map(Result::err).unwrap();
        assert_eq!(error.kind(), &ErrorKind::UnknownQuotedScalarEscape);
    }

    #[test]
    fn escaped_apostrophe_is_unescaped_in_double_quotes_only() {
        let text = concat!(
            r#"a: "it\'s \\' \\\'""#,
            "\n",
            r"b: 'c:\'",
            "\n",
            r"c: \'x\\'",
            "\n",
            "d: |\n  it\\'s\n",
            r#"e: ["\'", x]"#,
            "\n",
        );
        assert_eq!(
            render(text),
            r#"1:1 {1:1 "a" = 1:4 "it's \\' \\'", 2:1 "b" = 2:4 "c:\\", 3:1 "c" = 3:4 "\\'x\\\\'", 4:1 "d" = 5:3 "it\\'s\n", 6:1 "e" = 6:4 [6:5 "'", 6:11 "x"]}"#
        );
    }
}
