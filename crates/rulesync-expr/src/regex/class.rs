//! Parses escapes, named character classes and bracket expressions.

use super::error::RegexError;
use super::error::RegexErrorKind::{
    InvalidClassRange, InvalidEscape, MissingBracket, TrailingBackslash, UnknownClass,
};
use super::parse::{Parser, Result};
use super::unicode;

const LAST_CHARACTER: u32 = 0x0010_ffff;

/// The number of bounds of the smallest class that matches more than one character.
const FEW_RUNES: u64 = 2;

/// The properties of a character class.
pub(super) struct Class {
    /// A lower bound of the number of integers that Go needs for the ranges.
    pub(super) runes: u64,
    /// `true` if the class may contain only one character, or only one in both cases.
    pub(super) may_be_one: bool,
}

impl Class {
    /// A named class of many characters.
    const NAMED: Self = Self { runes: FEW_RUNES, may_be_one: false };
}

/// The contents of a bracket expression, as far as read.
#[derive(Default)]
struct Brackets {
    /// The first two distinct characters.
    characters: [Option<u32>; 2],
    /// `true` if there are further characters.
    more: bool,
    /// The highest character.
    last: u32,
    /// The number of nested classes, and the `runes` of the last one.
    classes: usize,
    runes: u64,
}

impl Brackets {
    fn add_class(&mut self, class: &Class) {
        self.more |= !class.may_be_one;
        self.classes += 1;
        self.runes = class.runes;
    }

    fn add_range(&mut self, low: u32, high: u32) {
        self.last = self.last.max(high);
        self.more |= high - low > 1;
        for code in [low, high] {
            match self.characters.iter_mut().find(|known| known.is_none_or(|known| known == code)) {
                Some(known) => *known = Some(code),
                None => self.more = true,
            }
        }
    }

    fn finish(&self, negated: bool) -> Class {
        let only_class = self.classes == 1 && self.characters[0].is_none();
        let runes = if only_class { self.runes } else { FEW_RUNES };
        if negated {
            // The complement may be small if several large classes or a range up to the last character are removed.
            let is_sure = self.classes == 0 || only_class && self.more;
            let may_be_one = !is_sure || self.last + 2 >= LAST_CHARACTER;
            return Class { runes: runes.saturating_sub(2), may_be_one };
        }
        let apart = match self.characters {
            [Some(a), Some(b)] => {
                // Comparing the case of characters beyond ASCII would require tables.
                let both = [a, b].map(|code| u8::try_from(code).ok().filter(u8::is_ascii));
                matches!(both, [Some(a), Some(b)] if !a.eq_ignore_ascii_case(&b))
            }
            _ => false,
        };
        Class { runes, may_be_one: !self.more && !apart }
    }
}

impl Parser<'_> {
    /// Reads a bracket expression; the position is at the opening bracket.
    pub(super) fn brackets(&mut self) -> Result<Class> {
        let start = self.at;
        self.at += 1;
        let negated = self.skip(b"^");
        let mut content = Brackets::default();
        let mut is_first = true;
        while is_first || self.peek() != Some(b']') {
            is_first = false;
            let item = self.at;
            if let Some(class) = self.named_class()? {
                content.add_class(&class);
                continue;
            }
            let low = self.class_character(start)?;
            let mut high = low;
            if self.peek() == Some(b'-') && !matches!(self.peek_at(1), None | Some(b']')) {
                self.at += 1;
                high = self.class_character(start)?;
                if high < low {
                    return Err(self.error(InvalidClassRange, item..self.at));
                }
            }
            content.add_range(low, high);
        }
        self.at += 1;
        Ok(content.finish(negated))
    }

    fn class_character(&mut self, start: usize) -> Result<u32> {
        match self.peek() {
            None => Err(self.error(MissingBracket, start..self.pattern.len())),
            Some(b'\\') => self.escaped_character(),
            Some(_) => Ok(self.character()?.map_or(0, u32::from)),
        }
    }

    /// Reads `[:alpha:]`, `\p{Greek}` or `\d` if one begins here; otherwise reads nothing.
    fn named_class(&mut self) -> Result<Option<Class>> {
        if self.posix_may_come && self.peek() == Some(b'[') && self.peek_at(1) == Some(b':') {
            let name = self.at + 2;
            let Some(length) = self.pattern[name..].windows(2).position(|pair| pair == b":]") else {
                // No later bracket can find one either, so later searches are skipped.
                self.posix_may_come = false;
                return self.class_escape();
            };
            let (start, end) = (self.at, name + length + 2);
            if !is_posix_class(&self.pattern[name..name + length]) {
                return Err(self.error(InvalidClassRange, start..end));
            }
            self.at = end;
            return Ok(Some(Class::NAMED));
        }
        self.class_escape()
    }

    /// Reads `\p{Greek}` or `\d` if one begins here; otherwise reads nothing.
    pub(super) fn class_escape(&mut self) -> Result<Option<Class>> {
        if self.peek() != Some(b'\\') {
            return Ok(None);
        }
        match self.peek_at(1) {
            Some(b'p' | b'P') => self.unicode_class().map(Some),
            Some(b'd' | b'D' | b's' | b'S' | b'w' | b'W') => {
                self.at += 2;
                Ok(Some(Class::NAMED))
            }
            _ => Ok(None),
        }
    }

    fn unicode_class(&mut self) -> Result<Class> {
        let start = self.at;
        let mut negated = self.peek_at(1) == Some(b'P');
        self.at += 2;
        let name_start = self.at;
        let first = self.character()?;
        let name = if first == Some('{') {
            let Some(name) = self.until(b'}')? else {
                return Err(self.error(InvalidClassRange, start..self.pattern.len()));
            };
            name
        } else {
            &self.text[name_start..self.at]
        };
        let name = match name.strip_prefix('^') {
            Some(name) => {
                negated = !negated;
                name
            }
            None => name,
        };
        let Some(runes) = unicode::runes(name) else {
            // An empty name cannot be known to a newer Go either.
            let kind = if name.is_empty() { InvalidClassRange } else { UnknownClass };
            return Err(self.error(kind, start..self.at));
        };
        let may_be_one = runes == 1;
        // A negation may lack either end; ranges may merge if case is ignored.
        let runes = if self.fold { FEW_RUNES } else { runes - if negated { runes.min(2) } else { 0 } };
        Ok(Class { runes, may_be_one })
    }

    /// Reads an escape of a single character; the position is at the backslash.
    pub(super) fn escaped_character(&mut self) -> Result<u32> {
        let start = self.at;
        self.at += 1;
        let invalid = |parser: &Self| Err(parser.error(InvalidEscape, start..parser.at));
        let Some(c) = self.character()? else {
            // Go shows an empty part.
            return Err(RegexError { part: String::new(), ..self.error(TrailingBackslash, start..self.at) });
        };
        match c {
            'a' => Ok(0x07),
            'f' => Ok(0x0c),
            'n' => Ok(0x0a),
            'r' => Ok(0x0d),
            't' => Ok(0x09),
            'v' => Ok(0x0b),
            'x' if self.skip(b"{") => match self.braced_code()? {
                Some(code) => Ok(code),
                None => invalid(self),
            },
            'x' => {
                let mut code = Some(0);
                for _ in 0..2 {
                    let digit = self.character()?.and_then(|c| c.to_digit(16));
                    code = code.zip(digit).map(|(code, digit)| code * 16 + digit);
                }
                code.map_or_else(|| invalid(self), Ok)
            }
            // A single digit other than 0 would be a backreference.
            '0' | '1'..='7' if c == '0' || self.octal_digit().is_some() => {
                let mut code = u32::from(c) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit) = self.octal_digit() else { break };
                    code = code * 8 + digit;
                    self.at += 1;
                }
                Ok(code)
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c.into()),
            _ => invalid(self),
        }
    }

    fn octal_digit(&self) -> Option<u32> {
        self.peek().filter(|byte| (b'0'..=b'7').contains(byte)).map(|byte| u32::from(byte - b'0'))
    }

    /// Reads the rest of `\x{41}`; reads up to the first error and returns `None` if it is not a character.
    fn braced_code(&mut self) -> Result<Option<u32>> {
        let (mut code, mut digits) = (0, 0);
        loop {
            match self.character()? {
                Some('}') => return Ok((digits > 0).then_some(code)),
                Some(c) => {
                    let Some(digit) = c.to_digit(16) else { return Ok(None) };
                    code = code * 16 + digit;
                    digits += 1;
                    if code > LAST_CHARACTER {
                        return Ok(None);
                    }
                }
                None => return Ok(None),
            }
        }
    }
}

/// Returns `true` if Go knows the name, which is the text between `[:` and `:]`.
fn is_posix_class(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"^").unwrap_or(name);
    matches!(
        name,
        b"alnum"
            | b"alpha"
            | b"ascii"
            | b"blank"
            | b"cntrl"
            | b"digit"
            | b"graph"
            | b"lower"
            | b"print"
            | b"punct"
            | b"space"
            | b"upper"
            | b"word"
            | b"xdigit"
    )
}
