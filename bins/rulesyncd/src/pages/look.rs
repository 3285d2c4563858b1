//! How states and texts look: a state is a word with a class, whose icon and color the style sheet sets; a text that
//! somebody else wrote is isolated, and shows characters that hide or reorder others as escapes.

use std::fmt::Display;

use jiff::Timestamp;
use maud::{Markup, html};
use rulesync_core::finding::{Printable, Severity};
use rulesync_core::plan::HeldReason;
use rulesync_core::status::{DelayReason, DestinationState, EvaluationState, ObjectState, ObjectSummary};

/// How serious a state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// Nothing that concerns this process, or the object.
    Quiet,
    /// It will pass by itself.
    Busy,
    /// Worth attention.
    Warning,
    /// Somebody has to do something.
    Bad,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Quiet => "quiet",
            Self::Busy => "busy",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// A state: its word, and how serious it is.
pub(super) trait Look {
    /// Returns the word, and how serious it is.
    fn look(&self) -> (&'static str, Tone);

    /// Shows the state.
    fn badge(&self) -> Markup {
        let (word, tone) = self.look();
        badge(word, tone)
    }
}

/// Shows a state.
pub(super) fn badge(word: &str, tone: Tone) -> Markup {
    html! { span class={ "state " (tone.class()) } { (word) } }
}

impl Look for ObjectState {
    fn look(&self) -> (&'static str, Tone) {
        match self {
            Self::NotSelected => ("not selected", Tone::Quiet),
            Self::Synced => ("synced", Tone::Good),
            Self::Pending => ("pending", Tone::Busy),
            Self::Contested => ("contested", Tone::Warning),
            Self::Refused => ("refused", Tone::Bad),
            Self::Malformed => ("malformed", Tone::Bad),
            _ => ("unknown", Tone::Warning),
        }
    }
}

impl Look for DestinationState {
    fn look(&self) -> (&'static str, Tone) {
        match self {
            Self::Starting => ("starting", Tone::Busy),
            Self::InSync => ("in sync", Tone::Good),
            Self::Syncing => ("syncing", Tone::Busy),
            Self::Failing => ("failing", Tone::Bad),
            Self::Holding => ("holding deletes", Tone::Warning),
            Self::Contested => ("contested", Tone::Warning),
            Self::Conflict => ("conflict", Tone::Bad),
            Self::Standby => ("standby", Tone::Quiet),
            _ => ("unknown", Tone::Warning),
        }
    }
}

impl Look for EvaluationState {
    fn look(&self) -> (&'static str, Tone) {
        match self {
            Self::Healthy => ("healthy", Tone::Good),
            Self::Failing => ("evaluation failing", Tone::Bad),
            Self::NotLoaded => ("not loaded", Tone::Bad),
            _ => ("unknown", Tone::Warning),
        }
    }
}

impl Look for DelayReason {
    fn look(&self) -> (&'static str, Tone) {
        match self {
            Self::Standby => ("standby", Tone::Quiet),
            Self::RulerUnavailable => ("ruler unavailable", Tone::Warning),
            Self::Failing => ("write failing", Tone::Warning),
            Self::LimitExceeded => ("limit exceeded", Tone::Bad),
            Self::OwnerConflict => ("owner conflict", Tone::Bad),
            _ => ("delayed", Tone::Warning),
        }
    }
}

impl Look for Severity {
    fn look(&self) -> (&'static str, Tone) {
        match self {
            Self::Warning => ("warning", Tone::Warning),
            Self::Error => ("error", Tone::Bad),
        }
    }
}

/// Shows all that there is to say of the state of an object, the most important first.
pub(super) fn badges(summary: &ObjectSummary) -> Markup {
    html! {
        (summary.state.badge())
        @if let Some(evaluation) = summary.evaluation.filter(|evaluation| *evaluation != EvaluationState::Healthy) {
            " " (evaluation.badge())
        }
        @if let Some(delay) = summary.delay { " " (delay.badge()) }
        @if summary.held { " " (badge("deletes held", Tone::Warning)) }
    }
}

/// Shows a text that somebody else wrote.
pub(super) fn foreign(text: impl Display) -> Markup {
    html! { bdi { (Printable(text).to_string()) } }
}

/// Returns a text that somebody else wrote, for an attribute or a title.
pub(super) fn plain(text: impl Display) -> String {
    Printable(text).to_string()
}

/// Shows a number of things.
pub(super) fn number(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// Shows how many things are not shown, if there are any.
pub(super) fn more(count: usize, one: &str, several: &str) -> Markup {
    html! { @if count > 0 { p.dim { "and " (number(count, one, several)) } } }
}

/// Shows a time in seconds since 1970, and how long it is from `now`.
pub(super) fn time(at: u64, now: u64) -> Markup {
    let distance = match at.cmp(&now) {
        std::cmp::Ordering::Greater => format!("in {}", span(at - now)),
        std::cmp::Ordering::Equal => "now".to_owned(),
        std::cmp::Ordering::Less => format!("{} ago", span(now - at)),
    };
    stamped(at, &distance)
}

/// Shows how long something has been so at `now`; both are times in seconds since 1970.
pub(super) fn lasting(since: u64, now: u64) -> Markup {
    stamped(since, &format!("for {}", span(now.saturating_sub(since))))
}

/// Shows a text that stands for a time in seconds since 1970.
fn stamped(at: u64, text: &str) -> Markup {
    let stamp = i64::try_from(at).ok().and_then(|at| Timestamp::from_second(at).ok());
    let Some(stamp) = stamp else { return html! { "an unknown time" } };
    let stamp = stamp.to_string();
    html! { time datetime=(stamp) title=(stamp) { (text) } }
}

/// Returns a number of seconds in its largest unit.
fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Returns the reason of a held delete, without saying again whether it is held or protected.
pub(super) fn why(reason: HeldReason) -> String {
    let text = reason.to_string();
    text.split_once(": ").map_or(text.clone(), |(_, why)| why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_escaped_isolated_and_visible() {
        let shown = foreign("<script>\"a\"&\u{202e}b\u{200b}").into_string();
        assert_eq!(shown, r"<bdi>&lt;script&gt;&quot;a&quot;&amp;\u{202e}b\u{200b}</bdi>");
        assert_eq!(plain("a\u{2066}\n"), r"a\u{2066}\n");
    }

    #[test]
    fn time_is_shown_with_its_distance() {
        let shown = |at, now| time(at, now).into_string();
        assert_eq!(
            shown(0, 59),
            r#"<time datetime="1970-01-01T00:00:00Z" title="1970-01-01T00:00:00Z">59 s ago</time>"#
        );
        for (at, now, distance) in [
            (7, 7, "now"),
            (7, 0, "in 7 s"),
            (0, 150, "2 min ago"),
            (0, 7_200, "2 h ago"),
            (0, 172_800, "2 d ago"),
        ] {
            assert!(shown(at, now).contains(&format!(">{distance}<")), "{at} {now}");
        }
        assert_eq!(shown(u64::MAX, 0), "an unknown time");
        for (since, now, text) in [(0, 150, "for 2 min"), (7, 7, "for 0 s"), (8, 7, "for 0 s")] {
            assert!(lasting(since, now).into_string().contains(&format!(">{text}<")), "{since} {now}");
        }
    }

    #[test]
    fn why_leaves_out_what_the_heading_says() {
        assert_eq!(why(HeldReason::SourceEmpty), "the source is empty");
    }
}
