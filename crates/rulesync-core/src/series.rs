//! Metric series that exist as long as somebody holds them: a destination that ends leaves no series behind.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::metrics::family::Family;

/// A family whose series are removed when their last holder is dropped. Clones share their series.
pub(crate) struct Series<L, M> {
    family: Family<L, M>,
    holders: Arc<Mutex<HashMap<L, usize>>>,
}

/// A handle to a series, which exists as long as one of its handles does.
pub(crate) struct SeriesHandle<L: Clone + Eq + Hash, M> {
    labels: L,
    metric: M,
    series: Series<L, M>,
}

impl<L: Clone + Eq + Hash, M: Clone + Default> Series<L, M> {
    /// Returns a handle to the series with these labels, which is created if it is missing.
    pub(crate) fn handle(&self, labels: L) -> SeriesHandle<L, M> {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        *holders.entry(labels.clone()).or_default() += 1;
        let metric = self.family.get_or_create_owned(&labels);
        SeriesHandle { labels, metric, series: self.clone() }
    }

    /// Returns the family, to be registered.
    pub(crate) fn family(&self) -> Family<L, M> {
        self.family.clone()
    }
}

impl<L, M> Clone for Series<L, M> {
    fn clone(&self) -> Self {
        Self { family: self.family.clone(), holders: Arc::clone(&self.holders) }
    }
}

impl<L: Clone + Eq + Hash, M: Default> Default for Series<L, M> {
    fn default() -> Self {
        Self { family: Family::default(), holders: Arc::default() }
    }
}

impl<L, M> fmt::Debug for Series<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series").finish_non_exhaustive()
    }
}

impl<L: Clone + Eq + Hash, M> fmt::Debug for SeriesHandle<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

impl<L: Clone + Eq + Hash, M> Deref for SeriesHandle<L, M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.metric
    }
}

impl<L: Clone + Eq + Hash, M> Drop for SeriesHandle<L, M> {
    fn drop(&mut self) {
        let mut holders = self.series.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = holders.get_mut(&self.labels) {
            *count -= 1;
            if *count == 0 {
                holders.remove(&self.labels);
                self.series.family.remove(&self.labels);
            }
        }
    }
}
