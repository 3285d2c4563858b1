//! Decodes and validates literals as Go's `strconv` does. The lexer has already checked their quotes and rough shape.

use std::borrow::Cow;

use super::fault::Fault;
use crate::quote::{quoted, unescape};

/// Decodes a string literal.
pub(super) fn string(written: &str) -> Result<Cow<'_, str>, Fault> {
    let mut inside = written.chars();
    let quote = inside.next();
    inside.next_back();
    let inside = inside.as_str();
    if quote == Some('`') {
        // Go drops carriage returns from raw strings.
        let plain = || Cow::Borrowed(inside);
        return Ok(if inside.contains('\r') { Cow::Owned(inside.replace('\r', "")) } else { plain() });
    }
    if !inside.contains('\\') {
        return Ok(Cow::Borrowed(inside));
    }
    let mut rest = inside;
    while !rest.is_empty() {
        rest = after_character(rest, '"').ok_or(Fault::InvalidEscape)?;
    }
    Ok(Cow::Owned(unescape(inside)))
}

/// Checks that a literal in single quotes contains exactly one character.
pub(super) fn character(written: &str) -> Result<(), Fault> {
    let inside = written.get(1..).unwrap_or_default();
    match after_character(inside, '\'') {
        Some("'") => Ok(()),
        Some(_) => Err(Fault::MalformedCharacter(written.to_owned())),
        None => Err(Fault::InvalidEscape),
    }
}

/// Returns the rest after the first character of a literal, which may be an escape; `None` if it is invalid.
fn after_character(text: &str, quote: char) -> Option<&str> {
    let mut chars = text.chars();
    match chars.next()? {
        c if c == quote => return None,
        '\\' => {}
        _ => return Some(chars.as_str()),
    }
    let escaped = chars.next()?;
    let digits = match escaped {
        'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Some(chars.as_str()),
        '\'' | '"' => return (escaped == quote).then_some(chars.as_str()),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        '0'..='7' => {
            let rest = chars.as_str();
            let octal = |byte: &u8| matches!(byte, b'0'..=b'7');
            let valid = escaped <= '3' && rest.len() >= 2 && rest.as_bytes()[..2].iter().all(octal);
            return rest.get(2..).filter(|_| valid);
        }
        _ => return None,
    };
    let number = chars.as_str().get(..digits)?;
    if !number.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let code = u32::from_str_radix(number, 16).ok()?;
    if escaped != 'x' {
        char::from_u32(code)?;
    }
    chars.as_str().get(digits..)
}

/// Checks that Go can represent a number.
pub(super) fn number(written: &str) -> Result<(), Fault> {
    if written.strip_suffix('i').is_some_and(|real| float(real).is_ok()) || is_integer(written) {
        return Ok(());
    }
    match float(written) {
        Ok(()) if !written.contains(['.', 'e', 'E', 'p', 'P']) => {
            Err(Fault::IntegerOverflow(written.to_owned()))
        }
        Ok(()) => Ok(()),
        Err(_) => Err(Fault::IllegalNumber(written.to_owned())),
    }
}

/// Checks that Go can represent both parts of a complex number, the second of which is imaginary.
pub(super) fn complex(written: &str) -> Result<(), Fault> {
    let error = |reason: &str| Fault::BadComplex(reason.to_owned());
    let shape = || error("syntax error scanning complex number");
    // A character that Go does not accept in a float ends the real part.
    let real = float_length(written);
    let imaginary = written.get(real..).unwrap_or_default();
    if !imaginary.starts_with(['+', '-']) {
        return Err(shape());
    }
    let length = float_length(imaginary);
    if imaginary.get(length..) != Some("i") {
        return Err(shape());
    }
    for part in [&written[..real], &imaginary[..length]] {
        float(part).map_err(|why| error(&format!("strconv.ParseFloat: parsing {}: {why}", quoted(part))))?;
    }
    Ok(())
}

/// Returns the length of the prefix that Go scans as a float.
fn float_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is = |at: usize, set: &[u8]| bytes.get(at).is_some_and(|byte| set.contains(byte));
    let mut at = usize::from(is(0, b"+-"));
    let hex = is(at, b"0") && is(at + 1, b"xX");
    let (digits, exponent): (&[u8], &[u8]) =
        if hex { (b"0123456789abcdefABCDEF_", b"pP") } else { (b"0123456789_", b"eEpP") };
    at += if hex { 2 } else { 0 };
    let skip = |mut at: usize, set: &[u8]| {
        while is(at, set) {
            at += 1;
        }
        at
    };
    at = skip(at, digits);
    if is(at, b".") {
        at = skip(at + 1, digits);
    }
    if is(at, exponent) {
        at += 1;
        at += usize::from(is(at, b"+-"));
        at = skip(at, b"0123456789_");
    }
    at
}

/// Returns `true` if a number is a 64-bit integer: signed, or unsigned if it has no sign.
fn is_integer(written: &str) -> bool {
    let (sign, digits) = match written.as_bytes().first() {
        Some(sign @ (b'+' | b'-')) => (Some(*sign), &written[1..]),
        _ => (None, written),
    };
    if digits.contains('_') && !underscores_separate_digits(digits) {
        return false;
    }
    let prefix = |length: usize, radix| (radix, digits.get(length..).unwrap_or_default());
    let (radix, body) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => prefix(2, 16),
        [b'0', b'o' | b'O', ..] => prefix(2, 8),
        [b'0', b'b' | b'B', ..] => prefix(2, 2),
        [b'0', _, ..] => prefix(1, 8),
        _ => prefix(0, 10),
    };
    let body: String = body.chars().filter(|c| *c != '_').collect();
    // Rust accepts a sign here, Go does not.
    if body.starts_with(['+', '-']) {
        return false;
    }
    match (u64::from_str_radix(&body, radix), sign) {
        (Ok(_), None) => true,
        (Ok(value), Some(b'-')) => value <= 1 << 63,
        (Ok(value), Some(_)) => value < 1 << 63,
        (Err(_), _) => false,
    }
}

/// Returns `true` if every underscore is between digits, or between a base prefix and a digit.
fn underscores_separate_digits(unsigned: &str) -> bool {
    let bytes = unsigned.as_bytes();
    let (start, hex) = match bytes {
        [b'0', b'x' | b'X', ..] => (2, true),
        [b'0', b'o' | b'O' | b'b' | b'B', ..] => (2, false),
        _ => (0, false),
    };
    let mut before_is_digit = start > 0;
    let mut before_is_underscore = false;
    for byte in &bytes[start..] {
        let is_digit = byte.is_ascii_digit() || hex && byte.is_ascii_hexdigit();
        let is_underscore = *byte == b'_';
        if is_underscore && !before_is_digit || before_is_underscore && !is_digit {
            return false;
        }
        (before_is_digit, before_is_underscore) = (is_digit, is_underscore);
    }
    !before_is_underscore
}

/// Checks that a 64-bit float can represent a number; the error is in Go's words.
fn float(written: &str) -> Result<(), &'static str> {
    const SYNTAX: &str = "invalid syntax";
    const RANGE: &str = "value out of range";
    let unsigned = written.strip_prefix(['+', '-']).unwrap_or(written);
    if unsigned.contains('_') && !underscores_separate_digits(unsigned) {
        return Err(SYNTAX);
    }
    let digits: String = unsigned.chars().filter(|c| *c != '_').collect();
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return match hex_exponent(hex).ok_or(SYNTAX)? {
            Some(exponent) if exponent > 1023 => Err(RANGE),
            _ => Ok(()),
        };
    }
    // Rust also accepts `inf` and `nan`. Both Go and Rust require a digit in an exponent.
    let plain = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    match digits.parse::<f64>() {
        Ok(value) if plain && !digits.starts_with(['+', '-']) => {
            if value.is_finite() {
                Ok(())
            } else {
                Err(RANGE)
            }
        }
        _ => Err(SYNTAX),
    }
}

/// Returns the binary exponent of a hexadecimal float after rounding to 53 bits: `Some(None)` for zero, `None` if the
/// text is not a hexadecimal float.
fn hex_exponent(text: &str) -> Option<Option<i64>> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let all = |text: &str, is: fn(&u8) -> bool| text.as_bytes().iter().all(is);
    if whole.len() + fraction.len() == 0
        || unsigned.is_empty()
        || !all(whole, u8::is_ascii_hexdigit)
        || !all(fraction, u8::is_ascii_hexdigit)
        || !all(unsigned, u8::is_ascii_digit)
    {
        return None;
    }
    let digits: Vec<u32> = whole.chars().chain(fraction.chars()).filter_map(|c| c.to_digit(16)).collect();
    let Some(first) = digits.iter().position(|digit| *digit != 0) else { return Some(None) };
    // 15 digits have at least 57 significant bits; `sticky` is set if a nonzero digit follows.
    let kept = digits.iter().skip(first).chain(std::iter::repeat(&0)).take(15);
    let top = kept.fold(0_u64, |sum, digit| sum << 4 | u64::from(*digit));
    let sticky = digits.iter().skip(first + 15).any(|digit| *digit != 0);
    let width = i64::from(64 - top.leading_zeros());
    let spare = width - 53;
    let (rounded, half) = (top >> spare, 1_u64 << (spare - 1));
    let remainder = top & ((1 << spare) - 1);
    let up = remainder > half || remainder == half && (sticky || rounded & 1 == 1);
    let carries = up && rounded + 1 == 1 << 53;
    let limit = if exponent.starts_with('-') { -1 << 40 } else { 1 << 40 };
    let exponent = exponent.parse::<i64>().map_or(limit, |exponent| exponent.clamp(-1 << 40, 1 << 40));
    let first = i64::try_from(first).unwrap_or(i64::MAX / 8);
    let whole = i64::try_from(whole.len()).unwrap_or(i64::MAX / 8);
    Some(Some(exponent + 4 * (whole - first - 15) + width - 1 + i64::from(carries)))
}
