//! The rejections of the server, saved in the directory of the rule files, so that a restart does not repeat the tries.
//!
//! A verdict applies to a group as written and to one version of the server, for at most a day. It answers one write in
//! the life of a process: a caller that repeats the write wants the group to be tried.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rulesync_core::model::Fingerprint;
use rulesync_core::{Group, RulerError};
use rulesync_fs::{Durability, FileError};
use serde::{Deserialize, Serialize};

use crate::features::Version;
use crate::names::VERDICTS;

/// The validity of a verdict: the server's flags may have changed.
const VALIDITY: Duration = Duration::from_secs(24 * 60 * 60);

/// The maximum number of saved verdicts; others are determined again.
const MAX_VERDICTS: usize = 10_000;

/// The maximum size of the file; a larger one was not written by rulesync.
const MAX_BYTES: u64 = 64 << 20;

/// The rejections of the server.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    known: BTreeMap<String, Verdict>,
    /// The keys of verdicts of an earlier process that have not answered a write yet.
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
    /// The time of the rejection, in seconds since 1970.
    at: u64,
}

/// The contents of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct SavedVerdicts {
    verdicts: BTreeMap<String, Verdict>,
}

/// The key of a verdict: a fingerprint of a group and its namespace.
pub(crate) fn key(namespace: &str, group: &Group) -> String {
    let group = serde_json::to_string(group).unwrap_or_default();
    Fingerprint::of_bytes(format!("{namespace}\n{group}").as_bytes()).to_string()
}

impl Verdicts {
    /// Reads the verdicts of an earlier process. Starts empty if the file cannot be read.
    pub(crate) fn load(directory: &Path) -> Self {
        let path = directory.join(VERDICTS);
        let read = || -> Result<SavedVerdicts, FileError> {
            let text = rulesync_fs::read_to_limit(&mut rulesync_fs::open_own(&path)?, MAX_BYTES)?;
            Ok(serde_json::from_slice(&text).map_err(std::io::Error::from)?)
        };
        let saved = read().unwrap_or_else(|error| {
            if !error.is_not_found() {
                tracing::warn!(file = %path.display(), %error, "Saved rejections cannot be read");
            }
            SavedVerdicts::default()
        });
        Self::from_saved(saved, now())
    }

    fn from_saved(SavedVerdicts { mut verdicts }: SavedVerdicts, now: u64) -> Self {
        verdicts.retain(|_, verdict| now.saturating_sub(verdict.at) < VALIDITY.as_secs());
        Self { recallable: verdicts.keys().cloned().collect(), known: verdicts, changed: false }
    }

    /// Saves changed verdicts. A failure only costs further tries after a restart.
    pub(crate) fn save(&mut self, directory: &Path) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        while self.known.len() > MAX_VERDICTS {
            let oldest = self.known.iter().min_by_key(|(_, verdict)| verdict.at).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.known.remove(&key));
        }
        let path = directory.join(VERDICTS);
        let saved = serde_json::to_vec(&SavedVerdicts { verdicts: self.known.clone() })
            .map_err(std::io::Error::from)
            .and_then(|text| rulesync_fs::replace(&path, &text, Durability::Process));
        if let Err(error) = saved {
            tracing::warn!(file = %path.display(), %error, "Rejections cannot be saved");
        }
    }

    /// Returns `true` if there are verdicts; otherwise callers need not compute keys.
    pub(crate) fn knows_any(&self) -> bool {
        !self.known.is_empty()
    }

    /// Returns the verdict of an earlier process on a group, once.
    pub(crate) fn recall(&mut self, key: &str, version: Option<Version>) -> Option<RulerError> {
        let Verdict { message, rule, .. } =
            self.known.get(key).filter(|verdict| verdict.version == version)?;
        if !self.recallable.remove(key) {
            return None;
        }
        Some(RulerError::rejected(message.clone()).with_rule(*rule))
    }

    /// Records that the server has rejected a group.
    pub(crate) fn rejected(
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

    /// Records that the server has accepted a group.
    pub(crate) fn accepted(&mut self, key: &str) {
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
    fn verdict_is_recalled_once_by_next_process() {
        let directory = tempfile::tempdir().unwrap();
        let version = Version::parse("2.42.0");
        let mut first = Verdicts::load(directory.path());
        first.rejected("a".to_owned(), version, "no", Some(3));
        first.rejected("b".to_owned(), version, "no", None);
        assert_eq!(first.recall("a", version), None, "not recalled by the same process");
        first.accepted("b");
        first.save(directory.path());
        let mut next = Verdicts::load(directory.path());
        let verdict = RulerError::rejected("no".to_owned()).with_rule(Some(3));
        assert_eq!(next.recall("a", None), None, "the version is unknown while the server is down");
        assert_eq!((next.recall("b", version), next.recall("a", version)), (None, Some(verdict)));
        assert_eq!(next.recall("a", version), None, "the second write is tried");
        assert_eq!(Verdicts::load(directory.path()).recall("a", Version::parse("3.0.0")), None);
        std::fs::write(directory.path().join(VERDICTS), "{").unwrap();
        assert!(Verdicts::load(directory.path()).known.is_empty());
    }

    #[test]
    fn verdicts_expire_after_a_day() {
        let verdict = |at| Verdict { message: "no".to_owned(), rule: None, version: None, at };
        let verdicts = BTreeMap::from([("old".to_owned(), verdict(0)), ("new".to_owned(), verdict(90_000))]);
        let read = Verdicts::from_saved(SavedVerdicts { verdicts }, 100_000);
        assert_eq!(read.known.into_keys().collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn key_differs_by_group_and_namespace() {
        let group = |name: &str| Group { name: name.to_owned(), ..Group::default() };
        let keys: BTreeSet<String> =
            [key("a", &group("g")), key("a", &group("h")), key("b", &group("g"))].into();
        assert_eq!(keys.len(), 3);
    }
}
