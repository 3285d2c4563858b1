//! What the server has refused, remembered beside the rule files, so that a restart does not ask it all over again.
//!
//! A verdict is about a group as it was written to one version of the server, for a day at most. It answers one offer
//! in the life of a process: who offers a group once more wants it tried.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rulesync_core::{Fingerprint, Group, RulerError};
use rulesync_fs::{Durability, FileError};
use serde::{Deserialize, Serialize};

use crate::features::Version;
use crate::names::VERDICTS;

/// How long a verdict is believed: the server may have been given other flags.
const BELIEVED: Duration = Duration::from_secs(24 * 60 * 60);

/// So many are kept; more are found out again.
const MOST: usize = 10_000;

/// A larger file was not written by this.
const MAX_BYTES: u64 = 64 << 20;

/// What the server has refused.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    known: BTreeMap<String, Verdict>,
    /// Those that an earlier process left and that have answered nothing yet.
    recallable: BTreeSet<String>,
    changed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Verdict {
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Version>,
    /// In seconds since 1970.
    at: u64,
}

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Remembered {
    verdicts: BTreeMap<String, Verdict>,
}

/// What a verdict is about: a group as it would be written to a namespace.
pub(crate) fn key(namespace: &str, group: &Group) -> String {
    let group = serde_json::to_string(group).unwrap_or_default();
    Fingerprint::of_bytes(format!("{namespace}\n{group}").as_bytes()).to_string()
}

impl Verdicts {
    /// Reads what an earlier process has left. What cannot be read is found out again.
    pub(crate) fn load(directory: &Path) -> Self {
        let path = directory.join(VERDICTS);
        let read = || -> Result<Remembered, FileError> {
            let text = rulesync_fs::read_to_limit(&mut rulesync_fs::open_own(&path)?, MAX_BYTES)?;
            Ok(serde_json::from_slice(&text).map_err(std::io::Error::from)?)
        };
        let remembered = read().unwrap_or_else(|error| {
            if !error.is_not_found() {
                tracing::warn!(file = %path.display(), %error, "Remembered refusals cannot be read");
            }
            Remembered::default()
        });
        Self::from_remembered(remembered, now())
    }

    fn from_remembered(Remembered { mut verdicts }: Remembered, now: u64) -> Self {
        verdicts.retain(|_, verdict| now.saturating_sub(verdict.at) < BELIEVED.as_secs());
        Self { recallable: verdicts.keys().cloned().collect(), known: verdicts, changed: false }
    }

    /// Writes what has changed. It is a loss of time only if that fails.
    pub(crate) fn save(&mut self, directory: &Path) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        while self.known.len() > MOST {
            let oldest = self.known.iter().min_by_key(|(_, verdict)| verdict.at).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.known.remove(&key));
        }
        let path = directory.join(VERDICTS);
        let saved = serde_json::to_vec(&Remembered { verdicts: self.known.clone() })
            .map_err(std::io::Error::from)
            .and_then(|text| rulesync_fs::replace(&path, &text, Durability::Process));
        if let Err(error) = saved {
            tracing::warn!(file = %path.display(), %error, "Refusals cannot be remembered over a restart");
        }
    }

    /// Whether anything was refused; otherwise nobody need make a key.
    pub(crate) fn knows_any(&self) -> bool {
        !self.known.is_empty()
    }

    /// The verdict of an earlier process on a group, once.
    pub(crate) fn recall(&mut self, key: &str, version: Option<Version>) -> Option<RulerError> {
        let Verdict { message, rule, .. } =
            self.known.get(key).filter(|verdict| verdict.version == version)?;
        if !self.recallable.remove(key) {
            return None;
        }
        Some(RulerError::Rejected { message: message.clone(), rule: *rule })
    }

    /// The server has refused a group.
    pub(crate) fn refused(
        &mut self,
        key: String,
        version: Option<Version>,
        message: &str,
        rule: Option<usize>,
    ) {
        let verdict = Verdict { message: message.to_owned(), rule, version, at: now() };
        self.recallable.remove(&key);
        self.known.insert(key, verdict);
        self.changed = true;
    }

    /// The server has taken a group.
    pub(crate) fn taken(&mut self, key: &str) {
        self.changed |= self.known.remove(key).is_some();
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_answers_one_offer_of_the_next_process() {
        let directory = tempfile::tempdir().unwrap();
        let version = Version::parse("2.42.0");
        let mut first = Verdicts::load(directory.path());
        first.refused("a".to_owned(), version, "no", Some(3));
        first.refused("b".to_owned(), version, "no", None);
        assert_eq!(first.recall("a", version), None, "who made it knows it");
        first.taken("b");
        first.save(directory.path());
        let mut next = Verdicts::load(directory.path());
        let verdict = RulerError::Rejected { message: "no".to_owned(), rule: Some(3) };
        assert_eq!(next.recall("a", None), None, "who it is does not show while it is away");
        assert_eq!((next.recall("b", version), next.recall("a", version)), (None, Some(verdict)));
        assert_eq!(next.recall("a", version), None, "the second offer is meant to be tried");
        assert_eq!(Verdicts::load(directory.path()).recall("a", Version::parse("3.0.0")), None);
        std::fs::write(directory.path().join(VERDICTS), "{").unwrap();
        assert!(Verdicts::load(directory.path()).known.is_empty());
    }

    #[test]
    fn verdicts_are_believed_for_a_day() {
        let verdict = |at| Verdict { message: "no".to_owned(), rule: None, version: None, at };
        let verdicts = BTreeMap::from([("old".to_owned(), verdict(0)), ("new".to_owned(), verdict(90_000))]);
        let read = Verdicts::from_remembered(Remembered { verdicts }, 100_000);
        assert_eq!(read.known.into_keys().collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn a_key_tells_groups_and_namespaces_apart() {
        let group = |name: &str| Group { name: name.to_owned(), ..Group::default() };
        let keys: BTreeSet<String> =
            [key("a", &group("g")), key("a", &group("h")), key("b", &group("g"))].into();
        assert_eq!(keys.len(), 3);
    }
}
