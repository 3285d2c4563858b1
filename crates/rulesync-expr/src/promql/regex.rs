//! Whether a regular expression matches the empty text: all that is needed to tell a selector that selects
//! everything. Not a check of the syntax; what is no regular expression gets some answer.

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
pub(super) fn matches_empty(pattern: &str) -> bool {
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

fn skip_class(rest: &mut Peekable<Chars<'_>>) {
    rest.next_if_eq(&'^');
    rest.next_if_eq(&']');
    while let Some(c) = rest.next() {
        match c {
            ']' => return,
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
    use super::matches_empty;

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
        }
    }
}
