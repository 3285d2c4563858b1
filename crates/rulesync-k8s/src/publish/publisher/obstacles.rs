//! What cannot be written at the moment because a kind or a permission is missing: reported once, and tried again seldom.
//! Pure: the clock is passed in.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::write::Output;

/// The time after which it is tried again.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_secs(600);

/// Where something cannot be written: in a Kubernetes namespace, or anywhere.
type Place = (Output, Option<Box<str>>);

/// The obstacles that were met, each with the time until which it stands.
#[derive(Debug, Default)]
pub(super) struct Obstacles {
    until: HashMap<Place, Instant>,
    reported: HashSet<Output>,
}

impl Obstacles {
    /// Notes an obstacle, and returns whether it is to be reported: the first one of an output, until something was written
    /// there.
    pub(super) fn meet(&mut self, output: Output, namespace: Option<&str>, now: Instant) -> bool {
        self.until.insert((output, namespace.map(Into::into)), now + LOOK_INTERVAL);
        self.reported.insert(output)
    }

    /// Returns until when an obstacle stands in the way.
    pub(super) fn until(&self, output: Output, namespace: Option<&str>, now: Instant) -> Option<Instant> {
        if self.until.is_empty() {
            return None;
        }
        let here = namespace.and_then(|namespace| self.until.get(&(output, Some(namespace.into()))));
        let everywhere = self.until.get(&(output, None));
        here.into_iter().chain(everywhere).max().copied().filter(|until| *until > now)
    }

    /// Notes that there is no obstacle, and returns whether that is to be reported: none is left where one was.
    pub(super) fn pass(&mut self, output: Output, namespace: Option<&str>) -> bool {
        if self.reported.is_empty() {
            return false;
        }
        self.until.remove(&(output, namespace.map(Into::into)));
        // One whose time is over, and that nobody has tried to pass since, still counts.
        let is_left = self.until.keys().any(|(other, _)| *other == output);
        !is_left && self.reported.remove(&output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn obstacles_are_reported_once_and_stand_for_ten_minutes() {
        let (mut obstacles, now) = (Obstacles::default(), Instant::now());
        assert!(!obstacles.pass(Output::RuleStatus, None));
        assert!(obstacles.meet(Output::RuleStatus, Some("a"), now));
        assert!(!obstacles.meet(Output::RuleStatus, Some("b"), now), "the reason is the same");
        assert!(obstacles.meet(Output::Report, None, now));
        let until = Some(now + LOOK_INTERVAL);
        assert_eq!(obstacles.until(Output::RuleStatus, Some("a"), now), until);
        assert_eq!(obstacles.until(Output::RuleStatus, Some("c"), now), None);
        assert_eq!(obstacles.until(Output::Report, Some("c"), now), until, "in every namespace");
        let later = now + LOOK_INTERVAL;
        assert_eq!(obstacles.until(Output::Report, Some("c"), later), None);
        assert!(!obstacles.meet(Output::Report, None, later), "it was reported");
        assert!(!obstacles.pass(Output::RuleStatus, Some("a")), "the one in b stands");
        assert!(obstacles.pass(Output::RuleStatus, Some("b")));
        assert!(!obstacles.pass(Output::RuleStatus, Some("b")));
        // Permissions are those of a kind.
        assert!(obstacles.meet(Output::Annotation("LoggingRule"), Some("a"), now));
        assert_eq!(obstacles.until(Output::Annotation("PrometheusRule"), Some("a"), now), None);
    }
}
