//! The clock of a server, which a test can set, and the formats of times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// A clock to the second. It runs until it is set, and then stands still. Clones are the same clock.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<AtomicU64>);

/// The value of a clock that runs.
const RUNNING: u64 = u64::MAX;

impl Default for Clock {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(RUNNING)))
    }
}

impl Clock {
    /// The current time in seconds since 1970.
    pub(crate) fn seconds(&self) -> u64 {
        match self.0.load(Ordering::Relaxed) {
            RUNNING => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            seconds => seconds,
        }
    }

    /// The current time in the format of `metadata.creationTimestamp`.
    pub(crate) fn now(&self) -> String {
        stamp(self.seconds())
    }

    /// Stops the clock at this number of seconds since 1970.
    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

/// Formats seconds since 1970 as RFC 3339 in UTC.
fn stamp(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut left) = (1970, days);
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", left + 1)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// The precision of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// Seconds, as in timestamps: `2006-01-02T15:04:05Z`. A fraction is accepted and dropped.
    Seconds,
    /// Microseconds, as in leases: always exactly six digits.
    Micros,
}

/// Converts a time to UTC and to the format that the server stores.
///
/// # Errors
/// The server's error message if the string is not such a time.
pub(crate) fn normalize(text: &str, precision: Precision) -> Result<String, String> {
    let (seconds, micros) = parse(text, precision)?;
    let whole = stamp(seconds);
    Ok(match precision {
        Precision::Seconds => whole,
        Precision::Micros => format!("{}.{micros:06}Z", whole.trim_end_matches('Z')),
    })
}

/// The seconds since 1970 of a time with any number of decimal places.
///
/// # Errors
/// If the string is not a time after 1969.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    parse(text, Precision::Seconds).map(|(seconds, _)| seconds)
}

/// Parses a time into seconds and microseconds since 1970.
fn parse(text: &str, precision: Precision) -> Result<(u64, u64), String> {
    const DAYS_BEFORE_1970: i64 = 719_468;
    let mut parser = Parser { text, rest: text, precision };
    let year = parser.number("2006", 4, 0..=9999)?;
    parser.literal("-")?;
    let month = parser.number("01", 2, 1..=12)?;
    parser.literal("-")?;
    let day = parser.number("02", 2, 1..=31)?;
    let long = [1, 3, 5, 7, 8, 10, 12].contains(&month);
    let leap = is_leap(year.unsigned_abs());
    if day > (if month == 2 { 28 + i64::from(leap) } else { 30 + i64::from(long) }) {
        return Err(parser.out_of_range("day"));
    }
    parser.literal("T")?;
    let hour = parser.number("15", 2, 0..=23)?;
    parser.literal(":")?;
    let minute = parser.number("04", 2, 0..=59)?;
    parser.literal(":")?;
    let second = parser.number("05", 2, 0..=59)?;
    let micros = parser.fraction()?;
    let offset = parser.zone()?;
    // In years that begin in March, the leap day is the last day and needs no special case.
    let (from_march, year) = ((month + 9) % 12, if month <= 2 { year - 1 } else { year });
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - DAYS_BEFORE_1970;
    let seconds = days * 86_400 + (hour * 60 + minute - offset) * 60 + second;
    // Times before 1970 are not supported; no test uses them.
    Ok((u64::try_from(seconds).map_err(|_| parser.out_of_range("year"))?, micros))
}

/// A parser that reads a time from left to right.
struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    precision: Precision,
}

impl<'a> Parser<'a> {
    fn parse_error(&self, part: &str) -> String {
        let layout = match self.precision {
            Precision::Seconds => "2006-01-02T15:04:05Z07:00",
            Precision::Micros => "2006-01-02T15:04:05.000000Z07:00",
        };
        format!("parsing time {:?} as {layout:?}: cannot parse {:?} as {part:?}", self.text, self.rest)
    }

    fn out_of_range(&self, part: &str) -> String {
        format!("parsing time {:?}: {part} out of range", self.text)
    }

    fn digits(&self, count: usize) -> Option<(&'a str, &'a str)> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then_some((digits, rest))
    }

    fn number(
        &mut self,
        part: &str,
        count: usize,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<i64, String> {
        let (digits, rest) = self.digits(count).ok_or_else(|| self.parse_error(part))?;
        let number = digits.parse().map_err(|_| self.parse_error(part))?;
        if !range.contains(&number) {
            let names = [("01", "month"), ("02", "day"), ("15", "hour"), ("04", "minute"), ("05", "second")];
            let name = names.iter().find(|(layout, _)| *layout == part).map_or("year", |(_, name)| name);
            return Err(self.out_of_range(name));
        }
        self.rest = rest;
        Ok(number)
    }

    fn literal(&mut self, expected: &str) -> Result<(), String> {
        self.rest = self.rest.strip_prefix(expected).ok_or_else(|| self.parse_error(expected))?;
        Ok(())
    }

    /// Parses the fraction; returns microseconds, or 0 with [`Precision::Seconds`].
    fn fraction(&mut self) -> Result<u64, String> {
        match self.precision {
            Precision::Seconds => {
                if let Some(after) = self.rest.strip_prefix('.') {
                    self.rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
                }
                Ok(0)
            }
            Precision::Micros => {
                let whole = self.parse_error(".000000");
                let after = self.rest.strip_prefix('.').ok_or(&whole)?;
                let (digits, rest) = Self { rest: after, ..*self }.digits(6).ok_or(&whole)?;
                self.rest = rest;
                digits.parse().map_err(|_| whole)
            }
        }
    }

    /// Parses the offset, in minutes east of Greenwich, up to the end of the string.
    fn zone(&mut self) -> Result<i64, String> {
        let error = self.parse_error("Z07:00");
        let (offset, rest) = if let Some(rest) = self.rest.strip_prefix('Z') {
            (0, rest)
        } else {
            let sign = if self.rest.starts_with('+') { 1 } else { -1 };
            let unsigned = self.rest.strip_prefix(['+', '-']).ok_or(&error)?;
            let (hours, rest) = Self { rest: unsigned, ..*self }.digits(2).ok_or(&error)?;
            let (minutes, rest) =
                Self { rest: rest.strip_prefix(':').ok_or(&error)?, ..*self }.digits(2).ok_or(&error)?;
            let number = |digits: &str| digits.parse::<i64>().map_err(|_| error.clone());
            (sign * (number(hours)? * 60 + number(minutes)?), rest)
        };
        if rest.is_empty() {
            return Ok(offset);
        }
        Err(format!("parsing time {:?}: extra text: {rest:?}", self.text))
    }
}

/// Converts a time to its stored format.
pub(crate) fn read_time(parent: &mut Value, key: &str, precision: Precision) -> Result<(), String> {
    if let Some(text) = parent.get(key).and_then(Value::as_str) {
        let normalized = normalize(text, precision)?;
        parent[key] = Value::String(normalized);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamp_handles_leap_days_and_year_ends() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(stamp(seconds), expected);
        }
    }

    #[test]
    fn time_is_normalized_to_utc() {
        let micros = |text: &str| normalize(text, Precision::Micros);
        for (text, kept) in [
            ("2026-01-01T00:00:05.123456Z", "2026-01-01T00:00:05.123456Z"),
            ("2024-02-29T23:59:59.999999Z", "2024-02-29T23:59:59.999999Z"),
            ("2024-03-01T00:30:00.000000+01:00", "2024-02-29T23:30:00.000000Z"),
            ("1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00.000001Z"),
            ("2025-12-31T22:00:00.000000-02:30", "2026-01-01T00:30:00.000000Z"),
        ] {
            assert_eq!(micros(text).unwrap(), kept);
        }
        assert_eq!(normalize("2026-01-01T00:00:05.9Z", Precision::Seconds).unwrap(), "2026-01-01T00:00:05Z");
        for (text, error) in [
            ("2026-01-01T00:00:05Z", "cannot parse \"Z\" as \".000000\""),
            ("2026-01-01T00:00:05.123Z", "cannot parse \".123Z\" as \".000000\""),
            ("2026-01-01T00:00:05.1234567Z", "cannot parse \"7Z\" as \"Z07:00\""),
            ("2026-01-01 00:00:05.123456Z", "cannot parse \" 00:00:05.123456Z\" as \"T\""),
            ("notatime", "cannot parse \"notatime\" as \"2006\""),
            ("2026-13-01T00:00:05.123456Z", "month out of range"),
            ("2025-02-29T00:00:05.123456Z", "day out of range"),
            ("2025-02-28T00:00:05.123456Z ", "extra text: \" \""),
            ("", "cannot parse \"\" as \"2006\""),
        ] {
            let why = micros(text).unwrap_err();
            assert!(why.starts_with("parsing time ") && why.ends_with(error), "{why}");
        }
    }

    #[test]
    fn clock_runs_until_it_is_set() {
        let clock = Clock::default();
        assert!(clock.now().as_str() > "2025-01-01T00:00:00Z");
        clock.clone().set(seconds("2026-11-27T10:00:00.5Z").unwrap());
        assert_eq!(clock.now(), "2026-11-27T10:00:00Z");
    }
}
