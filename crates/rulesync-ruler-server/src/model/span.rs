//! Durations in Prometheus' format.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// A duration in whole milliseconds, formatted as by Prometheus: `1h30m`, `0s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

/// The units, largest first, with their milliseconds and whether only exact multiples are printed in them.
const UNITS: [(&str, u64, bool); 7] = [
    ("y", 365 * 24 * 3_600_000, true),
    ("w", 7 * 24 * 3_600_000, true),
    ("d", 24 * 3_600_000, false),
    ("h", 3_600_000, false),
    ("m", 60_000, false),
    ("s", 1_000, false),
    ("ms", 1, false),
];

/// The maximum: the servers calculate with nanoseconds in 64 bits, some 292 years.
const MAX: u64 = i64::MAX as u64 / 1_000_000;

impl Millis {
    /// The zero duration.
    pub const ZERO: Self = Self(0);

    /// Parses `1h30m`, `500ms` or a bare `0`. Returns `None` for everything else: spaces, fractions, units out of order
    /// or repeated, a number without a unit, more than the servers support.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == "0" {
            return Some(Self::ZERO);
        }
        let (mut rest, mut total, mut next_unit) = (text, 0u64, 0);
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at_checked(digits)?;
            let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, tail) = tail.split_at_checked(letters)?;
            let index = UNITS.iter().skip(next_unit).position(|(name, ..)| *name == unit)? + next_unit;
            let (_, millis, _) = UNITS.get(index)?;
            let more = number.parse::<u64>().ok()?.checked_mul(*millis)?;
            total = total.checked_add(more).filter(|total| *total <= MAX)?;
            (rest, next_unit) = (tail, index + 1);
        }
        Some(Self(total))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (name, millis, exact_only) in UNITS {
            if rest >= millis && (!exact_only || rest.is_multiple_of(millis)) {
                write!(f, "{}{name}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(MAX).min(MAX))
    }
}

impl From<Millis> for Duration {
    fn from(millis: Millis) -> Self {
        Duration::from_millis(millis.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_formatted_in_canonical_form() {
        for (given, printed) in [
            ("0", "0s"),
            ("0m", "0s"),
            ("300s", "5m"),
            ("90s", "1m30s"),
            ("1500ms", "1s500ms"),
            ("36h", "1d12h"),
            ("1h60m", "2h"),
            ("7d", "1w"),
            ("10d", "10d"),
            ("14d", "2w"),
            ("365d", "1y"),
            ("400d", "400d"),
            ("1w1d", "8d"),
        ] {
            let read = Millis::parse(given).map(|d| d.to_string());
            assert_eq!(read.as_deref(), Some(printed), "{given}");
        }
    }

    #[test]
    fn duration_parser_rejects_invalid_strings() {
        for text in [
            "",
            "60",
            "1.5m",
            "1h 30m",
            "1m ",
            "1m30",
            "5M",
            "-5m",
            "5m1h",
            "1s1s",
            "m",
            "1000y",
            "99999999999999999999s",
        ] {
            assert_eq!(Millis::parse(text), None, "{text}");
        }
    }
}
