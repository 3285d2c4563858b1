//! What the state API reports about the evaluation of rules. Nothing is evaluated here: whoever runs the server says what
//! came of it.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

/// The key of a rule: tenant, namespace, group, index.
type RuleKey = (String, String, String, usize);

/// The reported results.
#[derive(Debug)]
pub(crate) struct Evaluation {
    errors: Mutex<BTreeMap<RuleKey, String>>,
    /// `true` if loaded rules count as evaluated.
    runs: AtomicBool,
    /// The time of creation, by both clocks.
    created: (Instant, SystemTime),
}

impl Evaluation {
    pub(crate) fn new(runs: bool) -> Self {
        Self {
            errors: Mutex::default(),
            runs: AtomicBool::new(runs),
            created: (Instant::now(), SystemTime::now()),
        }
    }

    /// Returns `true` if loaded rules count as evaluated.
    pub(crate) fn runs(&self) -> bool {
        self.runs.load(Ordering::Relaxed)
    }

    /// Sets whether loaded rules count as evaluated.
    pub(crate) fn set_runs(&self, runs: bool) {
        self.runs.store(runs, Ordering::Relaxed);
    }

    /// The error of a rule's last evaluation.
    pub(crate) fn error(&self, tenant: &str, namespace: &str, group: &str, index: usize) -> Option<String> {
        let key = (tenant.to_owned(), namespace.to_owned(), group.to_owned(), index);
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    /// Sets or clears the error of a rule's last evaluation.
    pub(crate) fn set_error(&self, rule: (&str, &str, &str, usize), error: Option<&str>) {
        let (tenant, namespace, group, index) = rule;
        let key = (tenant.to_owned(), namespace.to_owned(), group.to_owned(), index);
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) => errors.insert(key, error.to_owned()),
            None => errors.remove(&key),
        };
    }

    /// The time in milliseconds since 1970; advances with tokio's clock, which a test may control.
    pub(crate) fn now(&self) -> u64 {
        let (started, at) = self.created;
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default() + started.elapsed();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
