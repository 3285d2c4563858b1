//! Durations, as Go writes them.

/// The units, in nanoseconds.
const UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)];

/// Milliseconds of a duration such as `1h30m`, `1.5s` or `90s`; none if it is none, or not longer than zero.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let (mut rest, mut total) = (text.strip_prefix('+').unwrap_or(text), 0.0);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..end])?;
        total += number * unit;
        rest = &rest[end..];
    }
    let milliseconds = (total / 1e6).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
    (1.0..1e15).contains(&milliseconds).then_some(milliseconds as u64)
}

/// A duration as rulesync's configuration has it.
pub(super) fn written(milliseconds: u64) -> String {
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let (mut rest, mut text) = (milliseconds, String::new());
    for (unit, length) in units {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("5m", Some("5m")),
            ("1h30m", Some("1h30m")),
            ("1.5h", Some("1h30m")),
            ("90s", Some("1m30s")),
            ("500us", Some("1ms")),
            ("1m0s", Some("1m")),
            (".5s", Some("500ms")),
            ("0s", None),
            ("-1s", None),
            ("5", None),
            ("m", None),
            ("", None),
            ("5 m", None),
            ("1d", None),
        ] {
            assert_eq!(milliseconds(text).map(written).as_deref(), expected, "{text}");
        }
    }
}
