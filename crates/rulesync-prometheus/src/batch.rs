//! One batch of writes: changes the files, reloads once, verifies the loaded groups, and answers each write separately.

use std::collections::HashMap;
use std::sync::Arc;

use rulesync_core::{Group, RulerError};
use tokio::sync::oneshot;

use crate::directory::Directory;
use crate::features::{MissingFeature, Version};
use crate::names;
use crate::rule_file::Change;
use crate::rules::{Culprit, RuleSearch, quote};
use crate::search::Search;
use crate::server::{ReloadError, Server};
use crate::staging::{Contents, Staged, Wanted, end, not_loaded, stage};
use crate::verdicts::{self, Verdicts};

/// A queued write.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) namespace: String,
    pub(crate) change: Change,
    /// Set if local checks have findings for the group.
    pub(crate) has_finding: bool,
    /// Closed if the caller is cancelled: then the write is not started.
    pub(crate) reply: oneshot::Sender<Result<(), RulerError>>,
}

/// A running batch.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    directory: &'a Directory,
    server: &'a Server,
    verdicts: &'a mut Verdicts,
    version: Option<Version>,
    writes: Vec<Pending>,
    /// Set if the server is known to have loaded the current files.
    settled: bool,
    /// Set if no incomplete changes are left in the directory.
    tidy: bool,
    /// Writes that failed alone, with the server's message. They are answered once the files are restored.
    faults: Vec<(usize, String)>,
    /// The server's message of the last rejection.
    message: String,
}

/// A write of a batch.
#[derive(Debug)]
struct Pending {
    wanted: Wanted,
    reply: Option<oneshot::Sender<Result<(), RulerError>>>,
    has_finding: bool,
    /// A feature that the group uses and the server lacks.
    missing_feature: Option<MissingFeature>,
}

/// The state after a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// Set if the server is known to have loaded the current files.
    pub(crate) settled: bool,
    /// Set if no incomplete changes are left in the directory.
    pub(crate) tidy: bool,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(
        directory: &'a Directory,
        server: &'a Server,
        verdicts: &'a mut Verdicts,
        version: Option<Version>,
        writes: Vec<Write>,
        settled: bool,
    ) -> Self {
        let pending = |Write { namespace, change, has_finding, reply }| {
            let missing_feature = match (&change, version) {
                (Change::Put(group), Some(version)) => version.missing_feature(group),
                _ => None,
            };
            Pending {
                wanted: Arc::new((namespace, change)),
                reply: Some(reply),
                has_finding,
                missing_feature,
            }
        };
        let writes = writes.into_iter().map(pending).collect();
        let (faults, message) = (Vec::new(), String::new());
        Self { directory, server, verdicts, version, writes, settled, tidy: true, faults, message }
    }

    /// Runs the batch. Every write is answered.
    pub(crate) async fn run(mut self) -> Ended {
        let suspects: Vec<bool> =
            self.writes.iter().map(|write| write.has_finding || write.missing_feature.is_some()).collect();
        let mut search = Search::new(&suspects);
        let mut failure = None;
        while failure.is_none()
            && let Some(part) = search.next()
        {
            failure = self.attempt(part, &mut search).await.err();
        }
        let rejected = self.explain().await;
        if !self.settled && failure.is_none() {
            // The last tried files are not the current ones: the server should load those, and not report a failure.
            self.settled = self.server.reload().await.is_ok();
        }
        let bad_base = || {
            RulerError::misconfigured(format!(
                "it cannot reload, with or without rulesync's changes: {}",
                search.bad_base().unwrap_or_default()
            ))
        };
        self.remember().await;
        let error = failure.unwrap_or_else(bad_base);
        let rest = search.rest().into_iter().map(|write| (write, error.clone()));
        for (write, error) in rejected.into_iter().chain(rest) {
            self.answer(write, Err(error));
        }
        Ended { settled: self.settled, tidy: self.tidy }
    }

    /// Tries some writes together. Returns an error only if every other attempt would fail with it too.
    async fn attempt(&mut self, mut part: Vec<usize>, search: &mut Search) -> Result<(), RulerError> {
        let requested = part.len();
        part.retain(|write| self.is_wanted(*write));
        let staged = match self.stage(&part).await {
            Ok(staged) => staged,
            Err(error) => return Err(self.give_up(part, error)),
        };
        for (write, error) in &staged.failed {
            part.retain(|other| other != write);
            self.answer(*write, Err(error.clone()));
        }
        if part.len() < requested {
            search.changed();
        }
        if staged.namespaces.is_empty() && (self.settled || part.is_empty()) {
            self.answer_all(part, &Ok(()));
            self.add_fault(search.accepted());
            return Ok(());
        }
        self.settled = false;
        match self.load(&staged).await {
            Ok(missing) => {
                let ended = self.end(staged, move |namespace| missing.contains(namespace)).await;
                match ended {
                    Ok(missing) => {
                        if !missing.is_empty() {
                            search.changed();
                        }
                        self.answer_loaded(part, &missing);
                    }
                    Err(error) => return Err(self.give_up(part, error)),
                }
                search.is_good();
                self.add_fault(search.accepted());
                Ok(())
            }
            Err(error) => {
                let restored = self.end(staged, |_| true).await.map(drop);
                match (error, restored) {
                    (ReloadError::Rejected(message), Ok(())) => self.divide(part, message, search).await,
                    (ReloadError::Failed(error), _) | (_, Err(error)) => Err(self.give_up(part, error)),
                }
            }
        }
    }

    /// Continues the search after the staged writes were rejected and reverted.
    async fn divide(
        &mut self,
        part: Vec<usize>,
        message: String,
        search: &mut Search,
    ) -> Result<(), RulerError> {
        if search.wants_base(&part) {
            match self.server.reload().await {
                Ok(()) => {
                    self.settled = true;
                    search.is_good();
                }
                Err(ReloadError::Rejected(message)) => search.base_rejected(message),
                Err(ReloadError::Failed(error)) => return Err(self.give_up(part, error)),
            }
        }
        let named = |write: usize| {
            let Some((namespace, change)) = self.writes.get(write).map(|write| write.wanted.as_ref()) else {
                return false;
            };
            message.contains(&names::file_name(namespace))
                && (!message.contains("group \"")
                    || change.group().is_none_or(|group| message.contains(&format!("group {group:?}"))))
        };
        let fault = search.rejected(part, named);
        self.message = message;
        self.add_fault(fault);
        Ok(())
    }

    fn add_fault(&mut self, fault: Option<usize>) {
        self.faults.extend(fault.map(|fault| (fault, self.message.clone())));
    }

    fn is_wanted(&self, write: usize) -> bool {
        let reply = self.writes.get(write).and_then(|write| write.reply.as_ref());
        reply.is_some_and(|reply| !reply.is_closed())
    }

    /// Returns the rejected writes with their errors, and records the rejections.
    async fn explain(&mut self) -> Vec<(usize, RulerError)> {
        let mut rejected = Vec::new();
        // If the server becomes unavailable, no further search is started.
        let mut available = true;
        for (write, reported) in std::mem::take(&mut self.faults) {
            let Some(pending) = self.writes.get(write) else { continue };
            let wanted = Arc::clone(&pending.wanted);
            let (message, rule) = match (&pending.missing_feature, rule_index(&reported), &wanted.1) {
                (Some(missing), _, _) => (missing.message.clone(), missing.rule),
                // The server named the rule, or local checks did.
                (None, rule @ Some(_), _) => (reported, rule),
                (None, None, Change::Put(group)) if !pending.has_finding => {
                    let culprit = match available && self.is_wanted(write) {
                        true => self.find_rule(&wanted.0, group).await,
                        false => None,
                    };
                    available &= culprit.is_some();
                    self.unexplained(group, culprit)
                }
                (None, None, _) => (reported, None),
            };
            if let Change::Put(group) = &wanted.1 {
                self.verdicts.rejected(verdicts::key(&wanted.0, group), self.version, &message, rule);
            }
            rejected.push((write, RulerError::rejected(message).with_rule(rule)));
        }
        rejected
    }

    /// Saves the rejections, before the writes are answered.
    async fn remember(&mut self) {
        let (path, mut verdicts) = (self.directory.path().to_owned(), std::mem::take(self.verdicts));
        let saved = blocking(move || {
            verdicts.save(&path);
            Ok(verdicts)
        });
        *self.verdicts = saved.await.unwrap_or_default();
    }

    /// The message for a group that was rejected without a known reason, and the index of the invalid rule.
    fn unexplained(&self, group: &Group, culprit: Option<Culprit>) -> (String, Option<usize>) {
        let server = self.server.product();
        let message = |what: &str| format!("{server} rejects {what} without a reason, see its log");
        match culprit {
            Some(Culprit::Rule(rule)) => {
                let quoted = quote(group, rule).unwrap_or_default();
                (format!("{}; the rule: {quoted}", message("this rule")), Some(rule))
            }
            Some(Culprit::Group) => {
                (message("the fields of the group itself, with or without its rules,"), None)
            }
            None => (message("the group"), None),
        }
    }

    /// Searches for the rule of a group that the server rejects; `None` if the server becomes unavailable.
    async fn find_rule(&mut self, namespace: &str, group: &Group) -> Option<Culprit> {
        let mut search = RuleSearch::new(group);
        loop {
            let trial = match search.next() {
                Ok(trial) => trial,
                Err(culprit) => return Some(culprit),
            };
            let first = trial.rules.len();
            let is_accepted = self.is_accepted(namespace, trial).await?;
            search.tried(first, is_accepted);
        }
    }

    /// Returns `true` if the server accepts a group in addition to the current files, which are restored afterwards.
    async fn is_accepted(&mut self, namespace: &str, trial: Group) -> Option<bool> {
        let (directory, wanted) =
            (self.directory.clone(), Arc::new((namespace.to_owned(), Change::Put(Box::new(trial)))));
        let staged = blocking(move || Ok(stage(&directory, &[(0, wanted)]))).await.ok()?;
        if staged.namespaces.is_empty() {
            return None;
        }
        self.settled = false;
        let reloaded = self.server.reload().await;
        self.end(staged, |_| true).await.ok()?;
        match reloaded {
            Ok(()) => Some(true),
            Err(ReloadError::Rejected(_)) => Some(false),
            Err(ReloadError::Failed(_)) => None,
        }
    }

    /// Reloads the server. Returns the namespaces whose loaded groups differ from the staged ones.
    async fn load(&self, staged: &Staged) -> Result<Vec<String>, ReloadError> {
        self.server.reload().await?;
        let mut loaded: HashMap<String, Contents> = HashMap::new();
        let namespaces: Vec<&str> = staged.namespaces.keys().map(String::as_str).collect();
        let expected = staged.namespaces.values().any(|contents| !contents.is_empty());
        let mut found = |namespace: String, group: rulesync_http::LoadedGroup| {
            let rules: Vec<String> = group.rules.into_iter().map(|rule| rule.name).collect();
            if !rules.is_empty() {
                loaded.entry(namespace).or_default().insert(group.name, rules);
            }
        };
        if !namespaces.is_empty() {
            self.server.loaded(&namespaces, expected, &mut found).await?;
        }
        Ok(not_loaded(staged, &loaded))
    }

    fn answer_loaded(&mut self, part: Vec<usize>, missing: &[String]) {
        let path = self.directory.path().display().to_string();
        self.settled = missing.is_empty();
        for write in part {
            let Some(pending) = self.writes.get(write) else { continue };
            let (namespace, change) = pending.wanted.as_ref();
            if let Change::Put(group) = change
                && self.verdicts.knows_any()
            {
                self.verdicts.accepted(&verdicts::key(namespace, group));
            }
            let result = if missing.contains(namespace) {
                let file = names::file_name(namespace);
                Err(RulerError::misconfigured(format!(
                    "it reloaded, but its groups of {file} differ from those written: does it read {path}/*.yaml?"
                )))
            } else {
                Ok(())
            };
            self.answer(write, result);
        }
    }

    async fn stage(&self, part: &[usize]) -> Result<Staged, RulerError> {
        let directory = self.directory.clone();
        let wanted = |write: &usize| Some((*write, Arc::clone(&self.writes.get(*write)?.wanted)));
        let writes: Vec<(usize, Wanted)> = part.iter().filter_map(wanted).collect();
        blocking(move || Ok(stage(&directory, &writes))).await
    }

    /// Ends the staged changes. Returns the namespaces that were reverted.
    async fn end(
        &mut self,
        staged: Staged,
        revert: impl Fn(&String) -> bool + Send + 'static,
    ) -> Result<Vec<String>, RulerError> {
        let directory = self.directory.clone();
        let ending = blocking(move || {
            end(&directory, staged.namespaces.keys(), |namespace| !revert(&namespace.to_owned()))?;
            Ok(staged.namespaces.into_keys().filter(revert).collect())
        });
        let ended = ending.await;
        self.tidy &= ended.is_ok();
        ended
    }

    fn give_up(&mut self, part: Vec<usize>, error: RulerError) -> RulerError {
        self.answer_all(part, &Err(error.clone()));
        error
    }

    fn answer_all(&mut self, part: Vec<usize>, result: &Result<(), RulerError>) {
        part.into_iter().for_each(|write| self.answer(write, result.clone()));
    }

    fn answer(&mut self, write: usize, result: Result<(), RulerError>) {
        if let Some(reply) = self.writes.get_mut(write).and_then(|write| write.reply.take()) {
            // The caller may have been cancelled.
            let _ = reply.send(result);
        }
    }
}

/// Runs blocking work on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RulerError> + Send + 'static,
) -> Result<T, RulerError> {
    let ended = |error: tokio::task::JoinError| {
        RulerError::unavailable(format!("the work on the directory was interrupted: {error}"))
    };
    tokio::task::spawn_blocking(work).await.map_err(ended)?
}

/// The rule that a message names, counted from 0: Prometheus writes `group "g", rule 1, "A": …` for the first.
fn rule_index(message: &str) -> Option<usize> {
    let after = message.split("\", rule ").nth(1)?;
    let digits = after.find(|c: char| !c.is_ascii_digit())?;
    after.get(..digits)?.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_index_is_counted_from_zero() {
        let message = "/r/b.yaml: 5:11: group \"b\", rule 3, \"r\": could not parse expression";
        assert_eq!(rule_index(message), Some(2));
        assert_eq!(rule_index("one or more errors occurred"), None);
        assert_eq!(rule_index("group \"b\", rule 0, x"), None);
    }
}
