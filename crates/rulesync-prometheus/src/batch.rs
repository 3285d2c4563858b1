//! One batch of writes: files changed, one reload, what is loaded read back, and each write answered on its own.

use std::collections::HashMap;
use std::sync::Arc;

use rulesync_core::RulerError;
use tokio::sync::oneshot;

use crate::directory::Directory;
use crate::names;
use crate::rule_file::Change;
use crate::search::Search;
use crate::server::{ReloadError, Server};
use crate::staging::{Contents, Staged, Wanted, end, not_loaded, stage};

/// One write that somebody waits for.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) namespace: String,
    pub(crate) change: Change,
    /// Closed by who no longer wants it: then it is not begun.
    pub(crate) reply: oneshot::Sender<Result<(), RulerError>>,
}

/// A batch under way.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    directory: &'a Directory,
    server: &'a Server,
    wanted: Vec<Wanted>,
    replies: Vec<Option<oneshot::Sender<Result<(), RulerError>>>>,
    /// Whether the server is known to have read the files since they were last changed.
    settled: bool,
    /// Whether the directory is in order.
    tidy: bool,
    /// Writes that failed alone. They are answered when everything has been put right again.
    guilty: Vec<(usize, RulerError)>,
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
        writes: Vec<Write>,
        settled: bool,
    ) -> Self {
        let (wanted, replies) = writes
            .into_iter()
            .map(|Write { namespace, change, reply }| (Arc::new((namespace, change)), Some(reply)))
            .unzip();
        Self { directory, server, wanted, replies, settled, tidy: true, guilty: Vec::new() }
    }

    /// Carries it out. Every write is answered.
    pub(crate) async fn run(mut self) -> Ended {
        let mut search = Search::new(self.wanted.len());
        let mut failure = None;
        while failure.is_none()
            && let Some(part) = search.next()
        {
            failure = self.attempt(part, &mut search).await.err();
        }
        if !self.settled && failure.is_none() {
            // The last reload failed: the server should not go on reporting it.
            self.settled = self.server.reload().await.is_ok();
        }
        let error = failure.unwrap_or_else(|| search.verdict("not tried"));
        let rest = search.rest().into_iter().map(|write| (write, error.clone()));
        for (write, error) in std::mem::take(&mut self.guilty).into_iter().chain(rest) {
            self.answer(write, Err(error));
        }
        Ended { settled: self.settled, tidy: self.tidy }
    }

    /// Tries some writes together. An error is one that every other attempt would meet too.
    async fn attempt(&mut self, mut part: Vec<usize>, search: &mut Search) -> Result<(), RulerError> {
        part.retain(|write| self.replies[*write].as_ref().is_some_and(|reply| !reply.is_closed()));
        let staged = match self.stage(&part).await {
            Ok(staged) => staged,
            Err(error) => return Err(self.give_up(part, error)),
        };
        for (write, error) in &staged.failed {
            part.retain(|other| other != write);
            self.answer(*write, Err(error.clone()));
        }
        if staged.namespaces.is_empty() && (self.settled || part.is_empty()) {
            self.answer_all(part, &Ok(()));
            return Ok(());
        }
        self.settled = false;
        match self.load(&staged).await {
            Ok(missing) => {
                let ended = self.end(staged, move |namespace| missing.contains(namespace)).await;
                match ended {
                    Ok(missing) => self.answer_loaded(part, &missing),
                    Err(error) => return Err(self.give_up(part, error)),
                }
                search.accepted();
                Ok(())
            }
            Err(error) => {
                let restored = self.end(staged, |_| true).await.map(drop);
                match (error, restored) {
                    (ReloadError::Refused(words), Ok(())) => self.divide(part, &words, search).await,
                    (ReloadError::Failed(error), _) | (_, Err(error)) => Err(self.give_up(part, error)),
                }
            }
        }
    }

    /// What was staged was refused, and is taken back: was it to blame, and what of it?
    async fn divide(&mut self, part: Vec<usize>, words: &str, search: &mut Search) -> Result<(), RulerError> {
        if search.wants_base() {
            match self.server.reload().await {
                Ok(()) => {
                    self.settled = true;
                    search.accepted();
                }
                Err(ReloadError::Refused(words)) => search.base_refused(words),
                Err(ReloadError::Failed(error)) => return Err(self.give_up(part, error)),
            }
        }
        let named = |write: usize| {
            let (namespace, change) = self.wanted[write].as_ref();
            words.contains(&names::file_name(namespace))
                && (!words.contains("group \"")
                    || change.group().is_none_or(|group| words.contains(&format!("group {group:?}"))))
        };
        self.guilty.extend(search.refused(part, words, named));
        Ok(())
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
            let namespace = &self.wanted[write].0;
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
        let writes: Vec<(usize, Wanted)> =
            part.iter().map(|write| (*write, Arc::clone(&self.wanted[*write]))).collect();
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
        if let Some(reply) = self.replies[write].take() {
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
