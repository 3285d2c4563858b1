//! `\'` in double quotes, which YAML does not have and go-yaml takes for an apostrophe. The parser refuses it, so it is
//! read once more with another character in place of that backslash.

use std::ops::RangeInclusive;

/// A text with a character of no other use in place of each backslash that stands right before an apostrophe and is not
/// itself escaped. In characters it is as long as before, so that columns stay what they are. What was in double quotes
/// loses the character, everywhere else it is a backslash again.
pub(super) struct Marked {
    pub(super) text: String,
    pub(super) mark: char,
}

/// For private use: nobody's, but in the rare text that has it.
const MARKS: RangeInclusive<char> = '\u{e000}'..='\u{f8ff}';

/// Whether a character may stand for a backslash.
pub(super) fn is_mark(character: char) -> bool {
    MARKS.contains(&character)
}

/// Marks each `\'` of a text; none if there is none, or no character to do it with.
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

    use super::super::tests::shown;

    /// When this fails, the parser has learned it, and this module can go.
    #[test]
    fn escaped_apostrophe_is_still_refused_by_the_parser() {
        let refused = Parser::new_from_str(r#""\'""#).find_map(Result::err).unwrap();
        assert_eq!(refused.kind(), &ErrorKind::UnknownQuotedScalarEscape);
    }

    #[test]
    fn escaped_apostrophe_is_an_apostrophe_in_double_quotes_only() {
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
            shown(text),
            r#"1:1 {1:1 "a" = 1:4 "it's \\' \\'", 2:1 "b" = 2:4 "c:\\", 3:1 "c" = 3:4 "\\'x\\\\'", 4:1 "d" = 5:3 "it\\'s\n", 6:1 "e" = 6:4 [6:5 "'", 6:11 "x"]}"#
        );
    }
}
