//! The values of number, duration and string literals. `lex` finds their extent.

use crate::quote::{quoted, unescape};

/// The maximum of Go's `time.Duration`, 2^63 nanoseconds, in seconds.
pub(super) const LONGEST_DURATION: f64 = 9_223_372_036.854_776;

const MS: u64 = 1;
const SECOND: u64 = 1000 * MS;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Units in the only valid order, with their length in milliseconds.
const UNITS: [(&str, u64); 7] =
    [("y", 365 * DAY), ("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MS)];

/// Parses a number literal: an integer in Go's notations (`010` is eight), otherwise a float.
/// Errors use Prometheus' words.
pub(super) fn number(text: &str) -> Result<f64, String> {
    parse_number(text).map_err(|reason| {
        format!("error parsing number: strconv.ParseFloat: parsing {}: {reason}", quoted(text))
    })
}

fn parse_number(text: &str) -> Result<f64, &'static str> {
    const INVALID: &str = "invalid syntax";
    if text.eq_ignore_ascii_case("inf") {
        return Ok(f64::INFINITY);
    }
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    if !underscores_separate_digits(text) {
        return Err(INVALID);
    }
    let plain = if text.contains('_') { &text.replace('_', "") } else { text };
    if let Some(digits) = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).map(|value| value as f64).map_err(|_| INVALID);
    }
    if plain.len() > 1
        && plain.starts_with('0')
        && let Ok(octal) = i64::from_str_radix(plain, 8)
    {
        return Ok(octal as f64);
    }
    match plain.parse::<f64>() {
        Ok(value) if value.is_infinite() => Err("value out of range"),
        Ok(value) => Ok(value),
        Err(_) => Err(INVALID),
    }
}

/// Go allows an underscore between digits, and between a base prefix and a digit.
fn underscores_separate_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().filter(|&(_, &byte)| byte == b'_').all(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        before.is_some_and(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'x' | b'X'))
            && bytes.get(at + 1).is_some_and(u8::is_ascii_hexdigit)
    })
}

/// Parses a duration literal such as `1h30m`; returns seconds. Errors use Prometheus' words.
pub(super) fn duration(text: &str) -> Result<f64, String> {
    let invalid = || format!("not a valid duration string: {}", quoted(text));
    let out_of_range = || "duration out of range".to_owned();
    let mut total = 0_u64;
    let mut units = UNITS.iter();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(|byte| !byte.is_ascii_digit()).count();
        let (unit, tail) = tail.split_at(letters);
        if number.is_empty() {
            return Err(invalid());
        }
        // Advancing the iterator ensures that units are in order and each occurs at most once.
        let (_, milliseconds) = units.find(|(name, _)| *name == unit).ok_or_else(invalid)?;
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*milliseconds))
            .and_then(|part| total.checked_add(part))
            .ok_or_else(out_of_range)?;
        rest = tail;
    }
    let seconds = total as f64 / SECOND as f64;
    if seconds > LONGEST_DURATION { Err(out_of_range()) } else { Ok(seconds) }
}

/// The value of a string literal, given with its quotes. Backquoted strings have no escapes.
pub(super) fn string(text: &str) -> String {
    let body = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    if text.starts_with('`') { body.to_owned() } else { unescape(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_accepts_every_notation() {
        for (text, value) in [
            ("0", 0.0),
            ("1_000", 1000.0),
            ("010", 8.0),
            ("08", 8.0),
            ("0x1F", 31.0),
            ("0x_1F", 31.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1.e3", 1000.0),
            ("4.1_2", 4.12),
            ("1e-3", 0.001),
            ("Inf", f64::INFINITY),
        ] {
            assert_eq!(number(text), Ok(value), "{text}");
        }
        assert!(number("NaN").is_ok_and(f64::is_nan));
    }

    #[test]
    fn number_reports_reason_of_invalid_literal() {
        for (text, reason) in [
            ("1e999", "value out of range"),
            ("0xFFFFFFFFFFFFFFFFF", "invalid syntax"),
            ("1_", "invalid syntax"),
        ] {
            let message = format!("error parsing number: strconv.ParseFloat: parsing \"{text}\": {reason}");
            assert_eq!(number(text), Err(message));
        }
    }

    #[test]
    fn duration_literals() {
        assert_eq!(duration("1h30m"), Ok(5400.0));
        assert_eq!(duration("1y1w1d1h1m1s1ms"), Ok(32_230_861.001));
        assert_eq!(duration("0s"), Ok(0.0));
        for text in ["1m1h", "1m1m", "5hs", "1.5h", "m"] {
            assert_eq!(duration(text), Err(format!("not a valid duration string: \"{text}\"")));
        }
        assert_eq!(duration("300y"), Err("duration out of range".to_owned()));
        assert_eq!(duration("99999999999999999999s"), Err("duration out of range".to_owned()));
    }

    #[test]
    fn string_literals() {
        assert_eq!(string(r#""a\tb""#), "a\tb");
        assert_eq!(string(r"'\''"), "'");
        assert_eq!(string(r"`\d+`"), r"\d+");
    }
}
