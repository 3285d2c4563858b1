//! Durations: for any text the result is that of Prometheus, which is implemented here a second time in another way.

use proptest::prelude::*;
use rulesync_core::model::{DurationError, PromDuration};

/// The longest duration that a ruler can hold, in milliseconds.
const LONGEST: u128 = i64::MAX as u128 / 1_000_000;

const UNITS: [(&str, u128); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Parses by the grammar, one term after the other; in numbers that do not overflow where the text is short.
fn expected(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut sum) = (text, 0_u128);
    for (unit, millis) in UNITS {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = &rest[..rest.len() - number.len()];
        let Some(after) = number.strip_prefix(unit) else { continue };
        // `m` is not the beginning of `ms`.
        if digits.is_empty() || unit == "m" && after.starts_with('s') {
            continue;
        }
        let digits = digits.trim_start_matches('0');
        let number = if digits.len() > 20 { u128::MAX >> 32 } else { format!("0{digits}").parse().unwrap() };
        sum += number * millis / if digits.len() > 20 { millis } else { 1 };
        rest = after;
    }
    (rest.is_empty() && !text.is_empty() && sum <= LONGEST).then(|| u64::try_from(sum).unwrap())
}

/// Prints as servers print: years and weeks only without a remainder.
fn printed(millis: u64) -> String {
    let mut left = u128::from(millis);
    let mut text = String::new();
    for (unit, length) in UNITS {
        if matches!(unit, "y" | "w") && left % length != 0 {
            continue;
        }
        if left / length > 0 {
            text += &format!("{}{unit}", left / length);
        }
        left %= length;
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Texts that are durations, nearly so, or nothing of the kind.
fn text() -> impl Strategy<Value = String> {
    let term = "[0-9]{1,3}(y|w|d|h|m|s|ms)";
    let ordered = ["y", "w", "d", "h", "m", "s", "ms"].map(|unit| {
        prop::option::weighted(0.4, 0_u32..20_000)
            .prop_map(move |number| number.map(|number| format!("{number}{unit}")))
    });
    prop_oneof![
        any::<String>(),
        "[0-9ywdhms. +-]{0,24}",
        "(y|w|d|h|m|s|ms|0|00|0*1s|99999999999999999999(s|ms)|18446744073709551616ms|9223372036854(775)?(806|807|808)?m?s)",
        prop::collection::vec(term, 0..6).prop_map(|terms| terms.concat()),
        ordered.prop_map(|terms| terms.into_iter().flatten().collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn duration_text_means_what_prometheus_reads(text in text()) {
        let parsed = text.parse::<PromDuration>();
        prop_assert_eq!(parsed.as_ref().ok().map(|duration| duration.as_millis()), expected(&text), "{:?}", parsed);
        match parsed {
            Ok(duration) => {
                prop_assert_eq!(duration.to_string(), printed(duration.as_millis()));
                prop_assert_eq!(duration.to_string().parse(), Ok(duration));
            }
            Err(error) => prop_assert_eq!(error == DurationError::Empty, text.is_empty()),
        }
    }

    #[test]
    fn duration_survives_printing_and_json(millis in prop_oneof![0..100_000_u64, 0..=u64::try_from(LONGEST).unwrap()]) {
        let duration = PromDuration::from_millis(millis);
        prop_assert_eq!(duration.to_string(), printed(millis));
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        let json = serde_json::to_string(&duration).unwrap();
        prop_assert_eq!(serde_json::from_str::<PromDuration>(&json).unwrap(), duration);
    }

    #[test]
    fn duration_of_any_length_never_panics(millis: u64) {
        prop_assert_eq!(PromDuration::from_millis(millis).to_string(), printed(millis));
    }
}

/// The number of cases: these are cheap, so there are more of them; `PROPTEST_CASES` may raise it further.
fn cases() -> u32 {
    ProptestConfig::default().cases.max(1_000)
}
