//! Texts that rulers can store: what their own YAML readers and writers disagree about must not reach them.
//!
//! A ruler writes what it stores as YAML and reads it again before it evaluates anything. A text that does not survive
//! that freezes the tenant: nothing that is written later is loaded (docs/contracts/ruler-api.md 3.4). The table in the
//! tests comes from the readers and writers themselves.

/// A fault of a text, as the end of a sentence that begins with the text's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextFault {
    /// Its effect on rulers, such as `holds the character '\0', which freezes rulers`.
    pub(crate) problem: String,
    /// Advice on how to fix it.
    pub(crate) hint: &'static str,
}

/// Returns the fault of a name of a group, an alert or a metric: these are one line.
pub(crate) fn name_fault(name: &str) -> Option<TextFault> {
    if is_plain(name) {
        return None;
    }
    let odd = name.chars().find(|c| c.is_control() || is_unreadable(*c))?;
    Some(TextFault {
        problem: format!("holds the character {odd:?}, which freezes rulers"),
        hint: "remove it",
    })
}

/// Returns the fault of the name of a label or annotation.
pub(crate) fn label_name_fault(name: &str) -> Option<TextFault> {
    // Written without quotes, and read back as YAML's merge key.
    if name == "<<" {
        let problem = "is `<<`, which freezes rulers: they read it back as a YAML merge".to_owned();
        return Some(TextFault { problem, hint: "rename it" });
    }
    name_fault(name)
}

/// Returns the fault of any other text, of one line or several.
pub(crate) fn text_fault(text: &str) -> Option<TextFault> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')) {
        return None;
    }
    let odd = |c: &char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_unreadable(*c);
    let odd = text.chars().find(odd)?;
    let problem = format!("holds the character {odd:?}, which rulers change or break on");
    Some(TextFault { problem, hint: "remove it" })
}

/// Returns the fault of the value of a label or annotation.
pub(crate) fn value_fault(value: &str) -> Option<TextFault> {
    if is_plain(value) {
        return None;
    }
    // A block scalar whose first line begins with a tab has no indentation that could be read.
    let leading_tab = value.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
    if leading_tab && value.contains('\n') {
        let problem = "has several lines and begins with a tab, which freezes rulers".to_owned();
        return Some(TextFault { problem, hint: "remove the tab" });
    }
    text_fault(value)
}

/// Returns the fault of a value that a route takes from an object or its Kubernetes namespace: it is a name, so it is
/// one line of printable characters, and no template.
pub(crate) fn taken_fault(value: &str) -> Option<TextFault> {
    if value.contains("{{") {
        let problem = "holds `{{`, which rulers evaluate as a template".to_owned();
        return Some(TextFault { problem, hint: "write the value itself" });
    }
    if is_plain(value) {
        return None;
    }
    let odd = value.chars().find(|c| is_hidden(*c) || is_unreadable(*c)).or_else(|| idle_joiner(value))?;
    let problem = format!("holds the character {}, which does not show", odd.escape_unicode());
    Some(TextFault { problem, hint: "remove it" })
}

/// Returns whether a character is invisible: controls (those of terminals among them), ends of lines, marks that change
/// the direction of writing, and characters without width. Joiners and variation selectors are not: several languages
/// need them.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180E}'
                | '\u{200B}'
                | '\u{200E}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E00FF}'
                | '\u{E01F0}'..='\u{E0FFF}'
        )
}

/// Returns a joiner or a variation selector without effect, so that the text looks as if it were not there: both work
/// on letters of scripts other than Latin, and a joiner on two of them.
fn idle_joiner(text: &str) -> Option<char> {
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let joiner = matches!(character, '\u{200C}' | '\u{200D}');
        let selector = matches!(character, '\u{180B}'..='\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}');
        let works_on = |other: Option<char>| other.is_some_and(|other| !other.is_ascii());
        if (joiner || selector) && !works_on(before) || joiner && !works_on(characters.peek().copied()) {
            return Some(character);
        }
        before = Some(character);
    }
    None
}

/// Returns whether a text is one line that every reader reads alike, as nearly all are.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Returns whether a character is a line break to some YAML readers and not to others, or one that no YAML reader
/// accepts.
fn is_unreadable(character: char) -> bool {
    matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{FFFE}' | '\u{FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and one-line values that gopkg.in/yaml.v3 3.0.1, go.yaml.in/yaml/v3 3.0.3 to 3.0.6 and v4 read back as
    /// they wrote them, in every place of a rule file; found by a program that tried 120,000 strings.
    const SURVIVE: [&str; 72] = [
        "=",
        "~",
        "null",
        "Null",
        "NULL",
        "true",
        "y",
        "Y",
        "n",
        "N",
        "yes",
        "no",
        "on",
        "off",
        "0b1",
        "0o7",
        "0x1",
        "08",
        "1_000",
        ".inf",
        "-.inf",
        ".nan",
        "1:20",
        "1:20:30",
        "2024-01-01",
        "2024-01-01T10:00:00Z",
        "1e3",
        "1.",
        "+1",
        "-",
        "--",
        "---",
        "...",
        "?",
        ":",
        "a:",
        "a: b",
        "a #b",
        "#",
        "# a",
        "- a",
        "? a",
        ": a",
        "%",
        "%YAML 1.2",
        "@a",
        "`a",
        "!a",
        "!!str",
        "&a",
        "*a",
        "|",
        ">",
        "|-",
        "'a",
        "\"a",
        "{",
        "}",
        "[",
        "]",
        ",",
        "<<:",
        "<<<",
        "<< ",
        " <<",
        " a",
        "a ",
        "\u{feff}",
        "\u{a0}",
        "\u{fffd}",
        "\u{e000}",
        "\u{1f600}",
    ];

    #[test]
    fn one_line_text_that_survives_a_ruler_is_taken_and_no_other() {
        for text in SURVIVE {
            assert_eq!((label_name_fault(text), value_fault(text)), (None, None), "{text:?}");
        }
        assert_eq!(value_fault("<<"), None, "only a name is merged");
        assert_eq!(name_fault("<<"), None, "names of groups and alerts are values");
        assert!(label_name_fault("<<").unwrap().problem.contains("YAML merge"));
        // Not even posted: the readers report "control characters are not allowed".
        for odd in ["\u{fffe}", "a\u{ffff}b", "\u{7f}", "\0", "\u{1b}", "\u{80}", "\u{9f}", "\u{85}"] {
            assert!(label_name_fault(odd).is_some() && value_fault(odd).is_some(), "{odd:?}");
        }
    }

    #[test]
    fn text_of_several_lines_that_survives_a_ruler_is_taken() {
        for value in [
            "a\n", "a\n\n", " a\nb", "a\n b", "a \n", "# \n", "- \n- ", "a:\n b", " # a\nb", "a\r\nb",
            "a\n\tb",
        ] {
            assert_eq!(value_fault(value), None, "{value:?}");
        }
        for value in ["\ta\nb", "\t\n", " \ta\n", "\n\ta", "a\u{2028}\n"] {
            assert!(value_fault(value).is_some(), "{value:?}");
        }
    }

    #[test]
    fn taken_value_is_one_line_without_a_template() {
        for value in ["payments", "Team Ä", "a}}b", "{a}", "$labels", ""] {
            assert_eq!(taken_fault(value), None, "{value:?}");
        }
        for value in
            ["{{", "x{{ $labels.y }}", "a\nb", "a\tb", "a\r", "\u{feff}a", "a\u{2029}", "\u{7f}", "a\0"]
        {
            assert!(taken_fault(value).is_some(), "{value:?}");
        }
    }

    #[test]
    fn taken_value_has_no_invisible_characters() {
        for odd in [
            '\u{200b}',
            '\u{202e}',
            '\u{2066}',
            '\u{ad}',
            '\u{61c}',
            '\u{2060}',
            '\u{3164}',
            '\u{e0041}',
            '\u{200c}',
            '\u{200d}',
            '\u{fe0f}',
            '\u{e0100}',
            '\u{34f}',
        ] {
            for value in [format!("payments{odd}"), format!("{odd}payments"), format!("pay{odd}ments")] {
                let problem = taken_fault(&value).unwrap().problem;
                assert_eq!(
                    problem,
                    format!("holds the character {}, which does not show", odd.escape_unicode())
                );
            }
        }
        // A Persian word needs its joiner, and an emoji its variation.
        for value in ["\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}", "\u{2764}\u{fe0f} team"] {
            assert_eq!(taken_fault(value), None, "{value:?}");
        }
        assert!(taken_fault("\u{645}\u{200c}").is_some(), "it joins nothing");
    }
}
