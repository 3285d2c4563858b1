//! One batch of writes: files changed, one reload, what is loaded read back, and each write answered on its own.

use std::collections::HashMap;
use std::sync::Arc;

use rulesync_core::{Group, RulerError};
use tokio::sync::oneshot;

use crate::directory::Directory;
use crate::features::{Lack, Version};
use crate::names;
use crate::rule_file::Change;
use crate::rules::{Culprit, RuleSearch, quote};
use crate::search::Search;
use crate::server::{ReloadError, Server};
use crate::staging::{Contents, Staged, Wanted, end, not_loaded, stage};
use crate::verdicts::{self, Verdicts};

/// One write that somebody waits for.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) namespace: String,
    pub(crate) change: Change,
    /// Whether local checks have found something wrong with the group.
    pub(crate) has_finding: bool,
    /// Closed by who no longer wants it: then it is not begun.
    pub(crate) reply: oneshot::Sender<Result<(), RulerError>>,
}

/// A batch under way.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    directory: &'a Directory,
    server: &'a Server,
    verdicts: &'a mut Verdicts,
    version: Option<Version>,
    writes: Vec<Pending>,
    /// Whether the server is known to have read the files since they were last changed.
    settled: bool,
    /// Whether the directory is in order.
    tidy: bool,
    /// Writes that failed alone, with what the server said. They are answered when everything has been put right again.
    faults: Vec<(usize, String)>,
    /// What the server said when it last refused something.
    words: String,
}

/// A write of a batch.
#[derive(Debug)]
struct Pending {
    wanted: Wanted,
    reply: Option<oneshot::Sender<Result<(), RulerError>>>,
    has_finding: bool,
    /// What it asks for and the server lacks.
    lack: Option<Lack>,
}

/// How a batch left things.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// Whether the server is known to have read the files as they are.
    pub(crate) settled: bool,
    /// Whether nothing half done is left in the directory.
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
        let asked = |Write { namespace, change, has_finding, reply }| {
            let lack = match (&change, version) {
                (Change::Put(group), Some(version)) => version.lacks(group),
                _ => None,
            };
            Pending { wanted: Arc::new((namespace, change)), reply: Some(reply), has_finding, lack }
        };
        let writes = writes.into_iter().map(asked).collect();
        let (faults, words) = (Vec::new(), String::new());
        Self { directory, server, verdicts, version, writes, settled, tidy: true, faults, words }
    }

    /// Carries it out. Every write is answered.
    pub(crate) async fn run(mut self) -> Ended {
        let suspects: Vec<bool> =
            self.writes.iter().map(|write| write.has_finding || write.lack.is_some()).collect();
        let mut search = Search::new(&suspects);
        let mut failure = None;
        while failure.is_none()
            && let Some(part) = search.next()
        {
            failure = self.attempt(part, &mut search).await.err();
        }
        let refused = self.explain().await;
        if !self.settled && failure.is_none() {
            // What was tried last is not what is there: the server should have that, and not report a failure.
            self.settled = self.server.reload().await.is_ok();
        }
        let bad_base = || RulerError::Misconfigured {
            message: format!(
                "it cannot reload, with or without our changes: {}",
                search.bad_base().unwrap_or_default()
            ),
        };
        self.remember().await;
        let error = failure.unwrap_or_else(bad_base);
        let rest = search.rest().into_iter().map(|write| (write, error.clone()));
        for (write, error) in refused.into_iter().chain(rest) {
            self.answer(write, Err(error));
        }
        Ended { settled: self.settled, tidy: self.tidy }
    }

    /// Tries some writes together. An error is one that every other attempt would meet too.
    async fn attempt(&mut self, mut part: Vec<usize>, search: &mut Search) -> Result<(), RulerError> {
        let asked = part.len();
        part.retain(|write| self.is_wanted(*write));
        let staged = match self.stage(&part).await {
            Ok(staged) => staged,
            Err(error) => return Err(self.give_up(part, error)),
        };
        for (write, error) in &staged.failed {
            part.retain(|other| other != write);
            self.answer(*write, Err(error.clone()));
        }
        if part.len() < asked {
            search.changed();
        }
        if staged.namespaces.is_empty() && (self.settled || part.is_empty()) {
            self.answer_all(part, &Ok(()));
            self.accuse(search.accepted());
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
                self.accuse(search.accepted());
                Ok(())
            }
            Err(error) => {
                let restored = self.end(staged, |_| true).await.map(drop);
                match (error, restored) {
                    (ReloadError::Refused(words), Ok(())) => self.divide(part, words, search).await,
                    (ReloadError::Failed(error), _) | (_, Err(error)) => Err(self.give_up(part, error)),
                }
            }
        }
    }

    /// What was staged was refused, and is taken back: was it to blame, and what of it?
    async fn divide(
        &mut self,
        part: Vec<usize>,
        words: String,
        search: &mut Search,
    ) -> Result<(), RulerError> {
        if search.wants_base(&part) {
            match self.server.reload().await {
                Ok(()) => {
                    self.settled = true;
                    search.is_good();
                }
                Err(ReloadError::Refused(words)) => search.base_refused(words),
                Err(ReloadError::Failed(error)) => return Err(self.give_up(part, error)),
            }
        }
        let named = |write: usize| {
            let Some((namespace, change)) = self.writes.get(write).map(|write| write.wanted.as_ref()) else {
                return false;
            };
            words.contains(&names::file_name(namespace))
                && (!words.contains("group \"")
                    || change.group().is_none_or(|group| words.contains(&format!("group {group:?}"))))
        };
        let fault = search.refused(part, named);
        self.words = words;
        self.accuse(fault);
        Ok(())
    }

    fn accuse(&mut self, fault: Option<usize>) {
        self.faults.extend(fault.map(|fault| (fault, self.words.clone())));
    }

    fn is_wanted(&self, write: usize) -> bool {
        let reply = self.writes.get(write).and_then(|write| write.reply.as_ref());
        reply.is_some_and(|reply| !reply.is_closed())
    }

    /// Says of each write that is at fault why, and remembers it.
    async fn explain(&mut self) -> Vec<(usize, RulerError)> {
        let mut refused = Vec::new();
        // A server that went away is not asked for the reason of anything else.
        let mut answers = true;
        for (write, words) in std::mem::take(&mut self.faults) {
            let Some(asked) = self.writes.get(write) else { continue };
            let wanted = Arc::clone(&asked.wanted);
            let (message, rule) = match (&asked.lack, rule_index(&words), &wanted.1) {
                (Some(lack), _, _) => (lack.message.clone(), lack.rule),
                // It said itself which rule it is, or local checks have.
                (None, rule @ Some(_), _) => (words, rule),
                (None, None, Change::Put(group)) if !asked.has_finding => {
                    let culprit = match answers && self.is_wanted(write) {
                        true => self.find_rule(&wanted.0, group).await,
                        false => None,
                    };
                    answers &= culprit.is_some();
                    self.unexplained(group, culprit)
                }
                (None, None, _) => (words, None),
            };
            if let Change::Put(group) = &wanted.1 {
                self.verdicts.refused(verdicts::key(&wanted.0, group), self.version, &message, rule);
            }
            refused.push((write, RulerError::Rejected { message, rule }));
        }
        refused
    }

    /// Writes down what was refused, before anybody is told.
    async fn remember(&mut self) {
        let (path, mut verdicts) = (self.directory.path().to_owned(), std::mem::take(self.verdicts));
        let saved = blocking(move || {
            verdicts.save(&path);
            Ok(verdicts)
        });
        *self.verdicts = saved.await.unwrap_or_default();
    }

    /// What to say of a group that was refused without a reason that anybody knows, and the rule that is at fault.
    fn unexplained(&self, group: &Group, culprit: Option<Culprit>) -> (String, Option<usize>) {
        let server = self.server.product();
        let says = |what: &str| format!("{server} does not take {what} and does not say why, see its log");
        match culprit {
            Some(Culprit::Rule(rule)) => {
                let quoted = quote(group, rule).unwrap_or_default();
                (format!("{}; the rule: {quoted}", says("this rule")), Some(rule))
            }
            Some(Culprit::Group) => {
                (says("the fields of the group itself, with or without its rules,"), None)
            }
            None => (says("the group"), None),
        }
    }

    /// Which rule of a group it is that the server does not take; none if it can no longer be asked.
    async fn find_rule(&mut self, namespace: &str, group: &Group) -> Option<Culprit> {
        let mut search = RuleSearch::new(group);
        loop {
            let trial = match search.next() {
                Ok(trial) => trial,
                Err(culprit) => return Some(culprit),
            };
            let first = trial.rules.len();
            let is_taken = self.is_taken(namespace, trial).await?;
            search.tried(first, is_taken);
        }
    }

    /// Whether the server takes a group beside what it has. The files are afterwards as they were.
    async fn is_taken(&mut self, namespace: &str, trial: Group) -> Option<bool> {
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
            Err(ReloadError::Refused(_)) => Some(false),
            Err(ReloadError::Failed(_)) => None,
        }
    }

    /// Has the server read the files; the namespaces that it does not show as they should be.
    async fn load(&self, staged: &Staged) -> Result<Vec<String>, ReloadError> {
        self.server.reload().await?;
        let mut loaded: HashMap<String, Contents> = HashMap::new();
        let namespaces: Vec<&str> = staged.namespaces.keys().map(String::as_str).collect();
        let should = staged.namespaces.values().any(|contents| !contents.is_empty());
        let mut found = |namespace: String, group: rulesync_http::LoadedGroup| {
            let rules: Vec<String> = group.rules.into_iter().map(|rule| rule.name).collect();
            if !rules.is_empty() {
                loaded.entry(namespace).or_default().insert(group.name, rules);
            }
        };
        if !namespaces.is_empty() {
            self.server.loaded(&namespaces, should, &mut found).await?;
        }
        Ok(not_loaded(staged, &loaded))
    }

    fn answer_loaded(&mut self, part: Vec<usize>, missing: &[String]) {
        let path = self.directory.path().display().to_string();
        self.settled = missing.is_empty();
        for write in part {
            let Some(asked) = self.writes.get(write) else { continue };
            let (namespace, change) = asked.wanted.as_ref();
            if let Change::Put(group) = change
                && self.verdicts.knows_any()
            {
                self.verdicts.taken(&verdicts::key(namespace, group));
            }
            let result = if missing.contains(namespace) {
                let file = names::file_name(namespace);
                Err(RulerError::Misconfigured {
                    message: format!(
                        "it reloaded, but does not show what was written to {file}: does it read {path}/*.yaml?"
                    ),
                })
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

    /// Ends what was staged; the namespaces that were taken back.
    async fn end(
        &mut self,
        staged: Staged,
        take_back: impl Fn(&String) -> bool + Send + 'static,
    ) -> Result<Vec<String>, RulerError> {
        let directory = self.directory.clone();
        let ending = blocking(move || {
            end(&directory, staged.namespaces.keys(), |namespace| !take_back(&namespace.to_owned()))?;
            Ok(staged.namespaces.into_keys().filter(take_back).collect())
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
            // Nobody may be waiting any more.
            let _ = reply.send(result);
        }
    }
}

/// Runs what blocks elsewhere.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RulerError> + Send + 'static,
) -> Result<T, RulerError> {
    let ended = |error: tokio::task::JoinError| RulerError::Unavailable {
        message: format!("the work on the directory was cut short: {error}"),
        retry_after: None,
    };
    tokio::task::spawn_blocking(work).await.map_err(ended)?
}

/// The rule that a message names, counted from 0: Prometheus writes `group "g", rule 1, "A": …` for the first.
fn rule_index(words: &str) -> Option<usize> {
    let after = words.split("\", rule ").nth(1)?;
    let digits = after.find(|c: char| !c.is_ascii_digit())?;
    after.get(..digits)?.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_counted_from_zero() {
        let words = "/r/b.yaml: 5:11: group \"b\", rule 3, \"r\": could not parse expression";
        assert_eq!(rule_index(words), Some(2));
        assert_eq!(rule_index("one or more errors occurred"), None);
        assert_eq!(rule_index("group \"b\", rule 0, x"), None);
    }
}
