//! The values of number, duration and size literals, and Go's errors for invalid ones. `lex` finds their extent.

use crate::quote::{quoted, unescape};

/// Prometheus' units in the only valid order, in seconds.
const ORDERED: [(&str, f64); 7] = [
    ("y", 365.0 * 86400.0),
    ("w", 7.0 * 86400.0),
    ("d", 86400.0),
    ("h", 3600.0),
    ("m", 60.0),
    ("s", 1.0),
    ("ms", 1e-3),
];

/// Go's units, in seconds.
const GO: [(&str, f64); 8] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("μs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// Size units in lower case; they are case-insensitive. A single `e` would start an exponent.
const SIZES: [&str; 24] = [
    "b", "k", "kb", "ki", "kib", "m", "mb", "mi", "mib", "g", "gb", "gi", "gib", "t", "tb", "ti", "tib", "p",
    "pb", "pi", "pib", "eb", "ei", "eib",
];

/// The maximum of Go's `time.Duration`, 2^63 nanoseconds, in seconds.
const LONGEST: f64 = 9_223_372_036.854_776;

/// Parses a duration in Prometheus' notation (`1d12h`) or in Go's (`1.5h`); returns seconds.
/// Errors use Go's words.
pub(super) fn duration(text: &str) -> Result<f64, String> {
    ordered_duration(text).map_or_else(|| go_duration(text), Ok)
}

/// Parses integers with units from the longest to the shortest.
fn ordered_duration(text: &str) -> Option<f64> {
    if text == "0" {
        return Some(0.0);
    }
    let mut units = ORDERED.iter();
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
        let (unit, tail) = tail.split_at(tail.bytes().take_while(|byte| !byte.is_ascii_digit()).count());
        // Advancing the iterator ensures that units are in order and each occurs at most once.
        let (_, seconds) = units.find(|(name, _)| *name == unit)?;
        total += number.parse::<f64>().ok()? * seconds;
        rest = tail;
    }
    (!text.is_empty() && total <= LONGEST).then_some(total)
}

/// Parses numbers with units in any order, with fractions and a sign.
fn go_duration(text: &str) -> Result<f64, String> {
    let invalid = || format!("invalid duration {}", quoted(text));
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Ok(0.0);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    let is_numeric = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let (mut total, mut rest) = (0.0, unsigned);
    while !rest.is_empty() {
        let whole = rest.bytes().take_while(u8::is_ascii_digit).count();
        let fraction = match rest.get(whole..).and_then(|tail| tail.strip_prefix('.')) {
            Some(tail) => 1 + tail.bytes().take_while(u8::is_ascii_digit).count(),
            None => 0,
        };
        let (number, tail) = rest.split_at(whole + fraction);
        let number = number.parse::<f64>().map_err(|_| invalid())?;
        let (unit, tail) = tail.split_at(tail.bytes().take_while(|byte| !is_numeric(byte)).count());
        if unit.is_empty() {
            return Err(format!("missing unit in duration {}", quoted(text)));
        }
        let (_, seconds) = GO
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| format!("unknown unit {} in duration {}", quoted(unit), quoted(text)))?;
        total += number * seconds;
        rest = tail;
    }
    if total > LONGEST {
        return Err(invalid());
    }
    Ok(if text.starts_with('-') { -total } else { total })
}

/// Returns `true` if the letters after a number are a size unit.
pub(super) fn is_size_unit(unit: &str) -> bool {
    !unit.is_empty() && SIZES.contains(&unit.to_ascii_lowercase().as_str())
}

/// Parses a number. Errors use Go's words.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let error = |reason| format!("strconv.ParseFloat: parsing {}: {reason}", quoted(text));
    match text.parse::<f64>() {
        Ok(value) if value.is_infinite() => Err(error("value out of range")),
        Ok(value) => Ok(value),
        Err(_) => Err(error("invalid syntax")),
    }
}

/// The value of a string literal, given with its quotes. Backquoted strings have no escapes, but Go drops `\r`.
pub(super) fn string(text: &str) -> String {
    let body = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    if text.starts_with('`') { body.replace('\r', "") } else { unescape(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_accepts_both_notations() {
        for (text, seconds) in [
            ("5m", 300.0),
            ("1d12h", 129_600.0),
            ("1y", 31_536_000.0),
            ("1.5h", 5400.0),
            ("30s1m", 90.0),
            ("-5m", -300.0),
            ("0", 0.0),
            ("500us", 0.0005),
            (".5s", 0.5),
        ] {
            assert_eq!(duration(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn duration_reports_go_errors() {
        for (text, message) in [
            ("", "invalid duration \"\""),
            ("5x", "unknown unit \"x\" in duration \"5x\""),
            ("5", "missing unit in duration \"5\""),
            ("5m ", "unknown unit \"m \" in duration \"5m \""),
            (" 5m", "invalid duration \" 5m\""),
            ("m", "invalid duration \"m\""),
            (".", "invalid duration \".\""),
            ("999999y", "unknown unit \"y\" in duration \"999999y\""),
            ("9999999999s", "invalid duration \"9999999999s\""),
        ] {
            assert_eq!(duration(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn number_and_string_literals() {
        assert_eq!(number("1e3"), Ok(1000.0));
        assert_eq!(number("5."), Ok(5.0));
        assert_eq!(number("0x10"), Err(r#"strconv.ParseFloat: parsing "0x10": invalid syntax"#.to_owned()));
        assert_eq!(
            number("1e999"),
            Err(r#"strconv.ParseFloat: parsing "1e999": value out of range"#.to_owned())
        );
        assert_eq!(string("`\\d\r\n`"), "\\d\n");
        assert_eq!(string(r#""a\"b""#), "a\"b");
        assert!(is_size_unit("KiB") && is_size_unit("kB") && !is_size_unit("") && !is_size_unit("xB"));
    }
}
