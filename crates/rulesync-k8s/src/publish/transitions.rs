//! The times at which conditions have last changed.
//!
//! They are part of what is written, and must not move without a change. Nobody keeps whole objects, and reading each
//! before it is written would double the requests. So they are written once more, in an annotation: the list of metadata
//! with which publishing begins has them, and a restart neither loses them nor reads anything else.

use std::fmt;
use std::str::FromStr;

use k8s_openapi::jiff::Timestamp;

use super::conditions::{ConditionStatus, ConditionType, Conditions};
use crate::crd::Condition;

/// The status of each condition and the time of its last change, in seconds since 1970: 28 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transitions {
    statuses: [Option<ConditionStatus>; TYPES],
    times: [u32; TYPES],
}

const TYPES: usize = ConditionType::ALL.len();

impl Transitions {
    /// Returns the times for present conditions: those of before where the status is the same, and `now`, in seconds since
    /// 1970, where it is another.
    #[must_use]
    pub fn follow(&self, conditions: &Conditions, now: u64) -> Self {
        let mut present = Self::default();
        let now = u32::try_from(now).unwrap_or(u32::MAX);
        for (type_, verdict) in conditions.iter() {
            let before = self.get(type_).filter(|(status, _)| *status == verdict.status);
            present.set(type_, before.unwrap_or((verdict.status, now)));
        }
        present
    }

    /// Returns the times of the conditions of an object that was read. What cannot be read has none.
    pub fn of(conditions: &[Condition]) -> Self {
        let mut read = Self::default();
        for condition in conditions {
            read.read(&condition.type_, &condition.status, &condition.last_transition_time);
        }
        read
    }

    /// Sets the times of conditions that these are the times of.
    pub(super) fn date(&self, conditions: &mut [Condition]) {
        for condition in conditions {
            let type_ = ConditionType::ALL.into_iter().find(|type_| type_.name() == condition.type_);
            if let Some((_, at)) = type_.and_then(|type_| self.get(type_)) {
                condition.last_transition_time = time(at);
            }
        }
    }

    fn get(&self, type_: ConditionType) -> Option<(ConditionStatus, u32)> {
        let (status, at) = self.statuses.iter().zip(&self.times).nth(type_ as usize)?;
        Some(((*status)?, *at))
    }

    fn set(&mut self, type_: ConditionType, (status, at): (ConditionStatus, u32)) {
        let places = self.statuses.iter_mut().zip(&mut self.times).nth(type_ as usize);
        if let Some(place) = places {
            (*place.0, *place.1) = (Some(status), at);
        }
    }

    fn read(&mut self, type_: &str, status: &str, at: &str) {
        let type_ = ConditionType::ALL.into_iter().find(|known| known.name() == type_);
        let status = ConditionStatus::ALL.into_iter().find(|known| known.name() == status);
        let at = at.parse().ok().and_then(|at: Timestamp| u32::try_from(at.as_second()).ok());
        if let (Some(type_), Some(status), Some(at)) = (type_, status, at) {
            self.set(type_, (status, at));
        }
    }
}

/// Returns a time in RFC 3339.
fn time(at: u32) -> String {
    Timestamp::from_second(at.into()).unwrap_or_default().to_string()
}

impl fmt::Display for Transitions {
    /// Writes them as in the annotation, such as `Accepted=True@2026-11-27T22:32:02Z,Ready=False@2026-11-27T22:40:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = ConditionType::ALL.into_iter().filter_map(|type_| Some((type_, self.get(type_)?)));
        let parts: Vec<String> = known
            .map(|(type_, (status, at))| format!("{}={}@{}", type_.name(), status.name(), time(at)))
            .collect();
        f.write_str(&parts.join(","))
    }
}

impl FromStr for Transitions {
    type Err = std::convert::Infallible;

    /// Reads what [`Display`](fmt::Display) has written, without what somebody may have changed beyond recognition.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut read = Self::default();
        for part in text.split(',') {
            if let Some((type_, (status, at))) =
                part.split_once('=').and_then(|(type_, rest)| Some((type_, rest.split_once('@')?)))
            {
                read.read(type_, status, at);
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::publish::samples::{refused, status};

    /// 22:32:02 on 27 November 2026.
    const NOW: u64 = 1_795_818_722;

    #[test]
    fn transitions_move_with_the_status_of_a_condition_alone() {
        let synced = Conditions::of(&status(json!({})));
        let first = Transitions::default().follow(&synced, NOW);
        let at = "2026-11-27T22:32:02Z";
        assert_eq!(
            first.to_string(),
            format!("Accepted=True@{at},Synced=True@{at},Evaluating=True@{at},Ready=True@{at}")
        );
        assert_eq!(first.follow(&synced, NOW + 60), first);
        let later = "2026-11-27T22:33:02Z";
        let second = first.follow(&Conditions::of(&refused()), NOW + 60);
        assert_eq!(
            second.to_string(),
            format!(
                "Accepted=False@{later},Synced=True@{at},Evaluating=True@{at},Ready=False@{later},Stalled=True@{later}"
            )
        );
        // Another reason is no transition.
        let malformed = Conditions::of(&status(json!({"state": "malformed"})));
        assert_eq!(second.follow(&malformed, NOW + 120), second);
        let recovered = second.follow(&synced, NOW + 120);
        assert!(!recovered.to_string().contains("Stalled"), "{recovered}");
    }

    #[test]
    fn transitions_are_read_as_they_were_written() {
        let written = Transitions::default().follow(&Conditions::of(&refused()), NOW);
        assert_eq!(written.to_string().parse(), Ok(written));
        let Ok(odd) = "Ready=Maybe@x,,Odd=True@2026-11-27T22:32:02Z,=@,Synced=True@2026-11-27T22:32:02Z"
            .parse::<Transitions>();
        assert_eq!(odd.to_string(), "Synced=True@2026-11-27T22:32:02Z");
        assert_eq!("".parse(), Ok(Transitions::default()));
    }
}
