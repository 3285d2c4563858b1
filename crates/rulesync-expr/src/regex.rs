//! The little that is to be known of regular expressions: whether one matches the empty text, to tell a
//! selector that selects everything, and whether one is plainly broken. Not a parser of them.

use std::iter::Peekable;
use std::str::Chars;

/// One level of parentheses.
#[derive(Clone, Copy)]
struct Level {
    /// Whether an alternative before the current one can be empty.
    alternative: bool,
    /// Whether the current alternative, up to the last atom, can be empty.
    sequence: bool,
    /// Whether the last atom can be empty; a repetition may still follow it.
    atom: bool,
}

impl Level {
    const START: Self = Self { alternative: false, sequence: true, atom: true };

    fn push(&mut self, atom: bool) {
        self.sequence &= self.atom;
        self.atom = atom;
    }

    fn next_alternative(&mut self) {
        *self = Self { alternative: self.can_be_empty(), ..Self::START };
    }

    fn can_be_empty(self) -> bool {
        self.alternative || (self.sequence && self.atom)
    }
}

/// Whether `pattern`, anchored at both ends as matchers are, matches the empty text.
pub(crate) fn matches_empty(pattern: &str) -> bool {
    let mut outer = Vec::new();
    let mut level = Level::START;
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '(' => {
                if opens_group(&mut rest) {
                    outer.push(std::mem::replace(&mut level, Level::START));
                }
            }
            ')' => {
                let inner = level.can_be_empty();
                level = outer.pop().unwrap_or(Level::START);
                level.push(inner);
            }
            '|' => level.next_alternative(),
            '*' | '?' => {
                level.atom = true;
                rest.next_if_eq(&'?');
            }
            '+' => {
                rest.next_if_eq(&'?');
            }
            '{' => match least_repetitions(&mut rest) {
                Some(least) => {
                    level.atom |= least == 0;
                    rest.next_if_eq(&'?');
                }
                None => level.push(false),
            },
            '^' | '$' => level.push(true),
            '[' => {
                skip_class(&mut rest);
                level.push(false);
            }
            '\\' => level.push(escape_can_be_empty(&mut rest)),
            _ => level.push(false),
        }
    }
    level.can_be_empty()
}

/// What Go says of a pattern that is plainly none: parentheses or brackets that do not match, a repetition of
/// nothing, a lone backslash, and what Perl has and Go has not. What gets past here Go may still refuse.
pub(crate) fn syntax_error(pattern: &str) -> Option<String> {
    let error = |reason: &str, part: &str| Some(format!("error parsing regexp: {reason}: `{part}`"));
    // The pattern from the last character read on; worked out only to be told.
    let from = |c: char, rest: &Peekable<Chars<'_>>| {
        let length = c.len_utf8() + rest.clone().map(char::len_utf8).sum::<usize>();
        pattern.get(pattern.len().saturating_sub(length)..).unwrap_or_default()
    };
    let mut open = 0_usize;
    // Whether there is something a repetition could repeat.
    let mut atom = false;
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '(' => {
                let mut ahead = rest.clone();
                match (ahead.next(), ahead.next(), ahead.next()) {
                    (Some('?'), Some('=' | '!'), _) => {
                        return error("invalid or unsupported Perl syntax", &from(c, &rest)[..3]);
                    }
                    (Some('?'), Some('<'), Some('=' | '!')) => {
                        let group = from(c, &rest);
                        let end = group.find('>').map_or(group.len(), |end| end + 1);
                        return error("invalid named capture", &group[..end]);
                    }
                    _ => {}
                }
                let is_group = opens_group(&mut rest);
                open += usize::from(is_group);
                // What flags alone do to a repetition is not for here.
                atom = !is_group;
            }
            ')' if open == 0 => return error("unexpected )", pattern),
            ')' => {
                open -= 1;
                atom = true;
            }
            '|' => atom = false,
            '*' | '+' | '?' if !atom => {
                return error("missing argument to repetition operator", &c.to_string());
            }
            '[' => {
                let body = rest.clone();
                if !skip_class(&mut rest) {
                    return error("missing closing ]", from(c, &body));
                }
                atom = true;
            }
            '\\' if rest.peek().is_none() => return error("trailing backslash at end of expression", ""),
            '\\' => {
                escape_can_be_empty(&mut rest);
                atom = true;
            }
            _ => atom = true,
        }
    }
    if open > 0 { error("missing closing )", pattern) } else { None }
}

/// The names a pattern gives to its groups, in order.
pub(crate) fn capture_names(pattern: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '(' if rest.next_if_eq(&'?').is_some() => {
                rest.next_if_eq(&'P');
                if rest.next_if_eq(&'<').is_some() {
                    let mut name = String::new();
                    while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                        name.push(c);
                    }
                    names.push(name);
                }
            }
            '[' => {
                skip_class(&mut rest);
            }
            '\\' => {
                escape_can_be_empty(&mut rest);
            }
            _ => {}
        }
    }
    names
}

/// Reads what follows an opening parenthesis; false if it was only flags, as in `(?i)`.
fn opens_group(rest: &mut Peekable<Chars<'_>>) -> bool {
    if rest.next_if_eq(&'?').is_none() {
        return true;
    }
    for c in rest {
        match c {
            ':' | '>' => return true,
            ')' => return false,
            _ => {}
        }
    }
    false
}

/// The `2` of `{2,5}`, read to the closing brace; none, and nothing read, if it is no repetition.
fn least_repetitions(rest: &mut Peekable<Chars<'_>>) -> Option<u32> {
    let mut ahead = rest.clone();
    let (mut least, mut digits, mut comma) = (0_u32, 0, false);
    loop {
        match ahead.next()? {
            '}' if digits > 0 => break,
            ',' if digits > 0 && !comma => comma = true,
            c => {
                let digit = c.to_digit(10)?;
                if !comma {
                    least = least.saturating_mul(10).saturating_add(digit);
                    digits += 1;
                }
            }
        }
    }
    *rest = ahead;
    Some(least)
}

/// Reads a class whose bracket has been read; false if it has no end.
fn skip_class(rest: &mut Peekable<Chars<'_>>) -> bool {
    rest.next_if_eq(&'^');
    rest.next_if_eq(&']');
    while let Some(c) = rest.next() {
        match c {
            ']' => return true,
            '\\' => {
                rest.next();
            }
            '[' if rest.next_if_eq(&':').is_some() => {
                // [:alpha:] has a bracket of its own.
                for inner in rest.by_ref() {
                    if inner == ']' {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    false
}

fn escape_can_be_empty(rest: &mut Peekable<Chars<'_>>) -> bool {
    match rest.next() {
        Some('A' | 'z' | 'B') => true,
        Some('Q') => {
            let mut literal = String::new();
            while !literal.ends_with("\\E") {
                match rest.next() {
                    Some(c) => literal.push(c),
                    None => return literal.is_empty(),
                }
            }
            literal == "\\E"
        }
        Some('p' | 'P' | 'x') => {
            if rest.next_if_eq(&'{').is_some() {
                for c in rest {
                    if c == '}' {
                        break;
                    }
                }
            }
            false
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{matches_empty, syntax_error};

    #[test]
    fn patterns_that_match_nothing_at_all() {
        for pattern in [
            "",
            ".*",
            ".*?",
            "a?",
            "a|",
            "|a",
            "(a|b)*",
            "(?:)",
            "(a?)(b*)",
            "^$",
            "a{0,3}",
            "a{0}",
            "(?i)",
            r"\A\z",
            "(?P<name>x*)",
            "[a-z]*",
            r"\Q\E",
            "(x|(y|z*))",
            "a{0,}?",
            r"\p{Greek}*",
        ] {
            assert!(matches_empty(pattern), "{pattern}");
        }
    }

    #[test]
    fn patterns_that_need_something() {
        for pattern in [
            ".+",
            ".+?",
            "a",
            "a|b",
            "(a|b)+",
            "a?b",
            "a{1,3}",
            "[]]",
            "[^]]",
            r"[\]]",
            "[[:alpha:]]",
            r"\d",
            r"\.",
            "(?i)x",
            "(?:a|b)",
            r"\Qa*\E",
            "a{,3}",
            "{",
            r"\b",
            r"\x{41}",
            "5..",
            "(a*)b",
            "(?P<n>x)|y",
        ] {
            assert!(!matches_empty(pattern), "{pattern}");
        }
    }

    #[test]
    fn nonsense_gets_an_answer_too() {
        for pattern in ["(", ")", "[", "\\", "(?", "(?P<", "a{1", "[[:", "\\Q", "\\p{", "**", ")))("] {
            let _ = matches_empty(pattern);
            let _ = syntax_error(pattern);
        }
    }

    #[test]
    fn sound_patterns_pass() {
        for pattern in [
            "",
            "a(b|c)*d",
            r"\(\)\[",
            "[]()*+]",
            "[^]]+",
            "[[:alpha:]_]*?",
            "(?i)x",
            "(?P<name>x)|(?:y)",
            "(?<name>x)",
            r"\Q((\E",
            "a{2,}",
            "^*",
            "é+",
        ] {
            assert_eq!(syntax_error(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn broken_patterns_are_told_as_go_tells_them() {
        for (pattern, reason) in [
            ("(", "missing closing ): `(`"),
            ("é(a|(b)", "missing closing ): `é(a|(b)`"),
            ("a)", "unexpected ): `a)`"),
            ("é[a-", "missing closing ]: `[a-`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("a|+", "missing argument to repetition operator: `+`"),
            ("a\\", "trailing backslash at end of expression: ``"),
            ("a(?!b)", "invalid or unsupported Perl syntax: `(?!`"),
            ("(?<=b>)c", "invalid named capture: `(?<=b>`"),
        ] {
            assert_eq!(syntax_error(pattern), Some(format!("error parsing regexp: {reason}")), "{pattern}");
        }
    }
}
