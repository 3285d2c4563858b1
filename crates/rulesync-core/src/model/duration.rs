//! Prometheus durations: parsed, compared by value, printed canonically. Not a general duration type.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time as rule files write it: `1h30m`, `90s`, `1y`, with a resolution of a millisecond.
///
/// The grammar is Prometheus' own (`prometheus/common`, `model/time.go`): the units `y` (365 days), `w`, `d`,
/// `h`, `m`, `s`, `ms`, each at most once and in this order, or a bare `0`. Two durations are equal when they
/// last equally long; printing gives the form every ruler answers with.
///
/// ```
/// use rulesync_core::model::PromDuration;
/// let duration: PromDuration = "90s".parse()?;
/// assert_eq!(duration.to_string(), "1m30s");
/// assert_eq!(duration, "1m30s".parse()?);
/// assert!("1.5h".parse::<PromDuration>().is_err());
/// # Ok::<(), rulesync_core::model::DurationError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PromDuration {
    millis: u64,
}

/// The reason why a text is not a Prometheus duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// The text is empty.
    #[error("the duration is empty")]
    Empty,
    /// The text does not follow the grammar.
    #[error(
        "`{0}` is not a Prometheus duration: write whole numbers with units in the order y, w, d, h, m, s, ms, such as `1h30m`"
    )]
    Syntax(String),
    /// The duration is longer than a ruler can hold (about 292 years).
    #[error("`{0}` is longer than a ruler can hold (about 292 years)")]
    TooLong(String),
    /// The duration is zero, where that has no meaning.
    #[error("must be longer than zero")]
    Zero,
}

/// The units from longest to shortest, with their length in milliseconds; years and weeks are printed only when
/// nothing is left over (`model/time.go`, `Duration.String`).
const UNITS: [(&str, u64, bool); 7] = [
    ("y", 365 * 24 * 3_600_000, true),
    ("w", 7 * 24 * 3_600_000, true),
    ("d", 24 * 3_600_000, false),
    ("h", 3_600_000, false),
    ("m", 60_000, false),
    ("s", 1_000, false),
    ("ms", 1, false),
];

/// The servers count nanoseconds in a signed 64-bit number.
const MAX_MILLIS: u64 = i64::MAX as u64 / 1_000_000;

impl PromDuration {
    /// A duration of zero: the meaning of a missing field.
    pub const ZERO: Self = Self { millis: 0 };

    /// Creates a duration from milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// The length in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.millis
    }

    /// Returns whether the duration is zero.
    pub const fn is_zero(&self) -> bool {
        self.millis == 0
    }
}

impl PromDuration {
    /// Parses a duration that must be longer than zero.
    ///
    /// # Errors
    ///
    /// [`DurationError`] if it is zero, or no duration.
    pub fn parse_positive(text: &str) -> Result<Self, DurationError> {
        let duration: Self = text.parse()?;
        if duration.is_zero() { Err(DurationError::Zero) } else { Ok(duration) }
    }
}

impl FromStr for PromDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        match text {
            "" => return Err(DurationError::Empty),
            "0" => return Ok(Self::ZERO),
            _ => {}
        }
        let syntax = || DurationError::Syntax(text.to_owned());
        let too_long = || DurationError::TooLong(text.to_owned());
        let mut rest = text;
        let mut units = UNITS.iter();
        let mut millis: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return Err(syntax());
            }
            let (number, after) = rest.split_at(digits);
            let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, after) = after.split_at(letters);
            // A single pass over the units makes a repeated unit or a wrong order a syntax error.
            let (_, length, _) = units.find(|(name, ..)| *name == unit).ok_or_else(syntax)?;
            let number: u64 = number.parse().map_err(|_| too_long())?;
            millis = number.checked_mul(*length).and_then(|n| millis.checked_add(n)).ok_or_else(too_long)?;
            rest = after;
        }
        if millis > MAX_MILLIS { Err(too_long()) } else { Ok(Self { millis }) }
    }
}

impl fmt::Display for PromDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.millis;
        for (unit, length, only_exact) in UNITS {
            if only_exact && !rest.is_multiple_of(length) {
                continue;
            }
            let count = rest / length;
            if count > 0 {
                write!(f, "{count}{unit}")?;
                rest -= count * length;
            }
        }
        Ok(())
    }
}

impl Serialize for PromDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PromDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn positive_duration_is_longer_than_zero() {
        assert_eq!(PromDuration::parse_positive("1h30m").unwrap().as_millis(), 5_400_000);
        assert_eq!(PromDuration::parse_positive("0s"), Err(DurationError::Zero));
        assert_eq!(PromDuration::parse_positive(""), Err(DurationError::Empty));
    }

    #[test]
    fn duration_is_printed_as_servers_print_it() {
        // The pairs are those of docs/contracts/ruler-api.md 3.2.
        for (sent, answered) in [
            ("300s", "5m"),
            ("1m0s", "1m"),
            ("90s", "1m30s"),
            ("1500ms", "1s500ms"),
            ("36h", "1d12h"),
            ("24h", "1d"),
            ("7d", "1w"),
            ("14d", "2w"),
            ("10d", "10d"),
            ("30d", "30d"),
            ("365d", "1y"),
            ("400d", "400d"),
            ("1h60m", "2h"),
            ("0", "0s"),
            ("0m", "0s"),
        ] {
            let parsed: PromDuration = sent.parse().unwrap();
            assert_eq!(parsed.to_string(), answered, "{sent}");
        }
    }

    #[test]
    fn duration_refuses_what_servers_refuse() {
        for text in [
            "",
            "60",
            "1.5m",
            "1h 30m",
            "1m ",
            "1m30",
            "5M",
            "-5m",
            "1m1h",
            "1s1s",
            "ms",
            "1000y",
            "99999999999999999999s",
        ] {
            assert!(text.parse::<PromDuration>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn duration_is_read_back_as_printed(millis in 0..=MAX_MILLIS) {
            let duration = PromDuration::from_millis(millis);
            prop_assert_eq!(duration.to_string().parse::<PromDuration>().unwrap(), duration);
        }

        #[test]
        fn duration_parser_never_panics(text in "[0-9ywdhms. -]{0,24}") {
            let _ = text.parse::<PromDuration>();
        }
    }
}
