//! Ages as the API server and kubectl print them: `45s`, `3m10s`, `5d21h`.

use super::clock;

/// The age at `now`, in seconds since 1970, of what happened at this time.
pub(crate) fn age(time: &str, now: u64) -> String {
    match time {
        "" => "<unknown>".to_owned(),
        time => clock::seconds(time).map_or_else(|_| "<invalid>".to_owned(), |then| between(then, now)),
    }
}

/// The time from `then` to `now`, both in seconds, as a rough duration: the longer it is, the less exact.
fn between(then: u64, now: u64) -> String {
    let Some(seconds) = now.checked_sub(then) else {
        // A clock that is one second ahead is forgiven.
        return if then - now > 1 { "<invalid>".to_owned() } else { "0s".to_owned() };
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    // The second unit is left out if there is none of it.
    let two = |first: u64, unit: char, second: u64, smaller: char| match second {
        0 => format!("{first}{unit}"),
        second => format!("{first}{unit}{second}{smaller}"),
    };
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        two(minutes, 'm', seconds % 60, 's')
    } else if hours < 3 {
        format!("{minutes}m")
    } else if hours < 8 {
        two(hours, 'h', minutes % 60, 'm')
    } else if hours < 48 {
        format!("{hours}h")
    } else if days < 8 {
        two(days, 'd', hours % 24, 'h')
    } else if days < 2 * 365 {
        format!("{days}d")
    } else if days < 8 * 365 {
        two(days / 365, 'y', days % 365, 'd')
    } else {
        format!("{}y", days / 365)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_becomes_less_exact_as_it_grows() {
        const DAY: u64 = 86_400;
        for (seconds, expected) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (190, "3m10s"),
            (599, "9m59s"),
            (600, "10m"),
            (3 * 3600 - 1, "179m"),
            (3 * 3600, "3h"),
            (7 * 3600 + 300, "7h5m"),
            (8 * 3600 + 300, "8h"),
            (2 * DAY - 1, "47h"),
            (2 * DAY, "2d"),
            (5 * DAY + 21 * 3600, "5d21h"),
            (8 * DAY + 3600, "8d"),
            (2 * 365 * DAY - 1, "729d"),
            (2 * 365 * DAY, "2y"),
            (3 * 365 * DAY + 5 * DAY, "3y5d"),
            (8 * 365 * DAY + 5 * DAY, "8y"),
        ] {
            assert_eq!(between(1000, 1000 + seconds), expected, "{seconds}");
        }
        assert_eq!(between(1001, 1000), "0s");
        assert_eq!(between(1002, 1000), "<invalid>");
        assert_eq!(age("1970-01-01T00:00:10.123456Z", 15), "5s");
        assert_eq!((age("", 15), age("soon", 15)), ("<unknown>".to_owned(), "<invalid>".to_owned()));
    }
}
