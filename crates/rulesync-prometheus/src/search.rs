//! Searches for the invalid writes of a batch, when the server loads all files or none and does not name the invalid
//! one. Pure: returns the writes to try next, and receives the results.
//!
//! All writes without findings are tried together, at best in one reload. If they are rejected, bisection finds the
//! first invalid one: accepted writes stay in place, so that a half needs no separate try if its other half was
//! accepted. A batch of n writes costs at most 1 + d·(2 + log2 n) reloads for d faults. Saved reloads are spent on
//! trying the rest in as many parts as there were faults, which saves more if there are many. Writes with findings
//! follow, one by one at first, in parts twice as large after each accepted one. The server's messages only decide how
//! writes are split; the verdict comes from trying.

use std::collections::VecDeque;

/// The search through one batch. Writes are identified by their index.
#[derive(Debug)]
pub(crate) struct Search {
    /// Writes without findings.
    plain: Pool,
    /// Writes with findings, and those that the server has named.
    suspects: Pool,
    trying: Option<Trying>,
    budget: Budget,
    base: Base,
    /// Writes that were abandoned, because the server rejects everything.
    abandoned: Vec<usize>,
    /// The number of failed reloads since the last success, while the base is not known to be good.
    failures: u32,
    max_failures: u32,
}

/// Writes that have not been tried yet.
#[derive(Debug, Default)]
struct Pool {
    waiting: VecDeque<usize>,
    /// The number of writes to try together next.
    size: usize,
    /// The number of faults found.
    faults: usize,
}

/// The remaining reloads of the search's budget.
#[derive(Debug)]
struct Budget {
    left: f64,
    /// The reloads that each fault adds.
    each: f64,
}

impl Budget {
    fn new(writes: usize) -> Self {
        let writes = u32::try_from(writes.max(1)).unwrap_or(u32::MAX);
        Self { left: 1.0, each: 2.0 + f64::from(writes).log2() }
    }

    /// The number of parts for trying the rest, assuming as many faults as before. At worst all parts are good.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole reloads count")]
    fn parts(&self, faults: usize) -> usize {
        faults.min(self.left as usize).max(1)
    }
}

/// The current try.
#[derive(Debug)]
struct Trying {
    /// Set if the writes are suspects.
    suspects: bool,
    tried: Vec<usize>,
    /// The other half: both together were rejected, so it contains a fault if `tried` is accepted.
    otherwise: Vec<usize>,
}

/// The server's result for the files without any write of this batch.
#[derive(Debug)]
enum Base {
    Unknown,
    Good,
    /// Rejected, with the server's message.
    Bad(String),
}

impl Search {
    /// Creates a search among writes, some of which have findings.
    pub(crate) fn new(has_finding: &[bool]) -> Self {
        let (suspects, plain): (VecDeque<usize>, VecDeque<usize>) =
            (0..has_finding.len()).partition(|write| has_finding.get(*write) == Some(&true));
        Self {
            plain: Pool { size: plain.len().max(1), waiting: plain, faults: 0 },
            suspects: Pool { size: 1, waiting: suspects, faults: 0 },
            budget: Budget::new(has_finding.len()),
            trying: None,
            base: Base::Unknown,
            abandoned: Vec::new(),
            failures: 0,
            max_failures: 2 * (has_finding.len() + 1).ilog2() + 2,
        }
    }

    /// Returns the writes to try together next; `None` at the end of the search, or if it is abandoned.
    pub(crate) fn next(&mut self) -> Option<Vec<usize>> {
        if matches!(self.base, Base::Bad(_)) && self.failures > self.max_failures {
            return None;
        }
        if self.trying.is_none() {
            let suspects = self.plain.waiting.is_empty();
            let pool = self.pool(suspects);
            let some = pool.size.min(pool.waiting.len());
            let tried: Vec<usize> = pool.waiting.drain(..some).collect();
            if tried.is_empty() {
                return None;
            }
            self.trying = Some(Trying { suspects, tried, otherwise: Vec::new() });
        }
        self.budget.left -= 1.0;
        self.trying.as_ref().map(|trying| trying.tried.clone())
    }

    /// The writes without a result, because the search was abandoned.
    pub(crate) fn rest(self) -> Vec<usize> {
        let trying =
            self.trying.into_iter().flat_map(|trying| trying.tried.into_iter().chain(trying.otherwise));
        trying.chain(self.abandoned).chain(self.plain.waiting).chain(self.suspects.waiting).collect()
    }

    /// Records that the server accepted the files, with or without the tried writes.
    pub(crate) fn is_good(&mut self) {
        self.base = Base::Good;
        self.failures = 0;
    }

    /// Records that the tried writes were accepted. Returns the write that must therefore be invalid, if there is one.
    pub(crate) fn accepted(&mut self) -> Option<usize> {
        let Trying { suspects, otherwise, .. } = self.trying.take()?;
        if otherwise.is_empty() {
            let pool = self.pool(suspects);
            pool.size = pool.size.saturating_mul(2);
            return None;
        }
        self.halve(suspects, otherwise)
    }

    /// Records that some writes of the current try were withdrawn or failed: the result says nothing about the other
    /// half.
    pub(crate) fn changed(&mut self) {
        if let Some(Trying { suspects, otherwise, .. }) = &mut self.trying {
            let (suspects, otherwise) = (*suspects, std::mem::take(otherwise));
            self.put_back(suspects, otherwise);
        }
    }

    /// Returns `true` if the files without these rejected writes must be tried.
    pub(crate) fn wants_base(&mut self, rejected: &[usize]) -> bool {
        let wants = matches!(self.base, Base::Unknown) && rejected.len() == 1;
        self.budget.left -= if wants { 1.0 } else { 0.0 };
        wants
    }

    /// Records that the server rejected the files without any write of the batch.
    pub(crate) fn base_rejected(&mut self, message: String) {
        self.base = Base::Bad(message);
    }

    /// Records that the server rejected the tried writes. Returns the invalid write, if it is known now.
    pub(crate) fn rejected(&mut self, tried: Vec<usize>, named: impl Fn(usize) -> bool) -> Option<usize> {
        let Trying { suspects, otherwise, .. } = self.trying.take()?;
        self.put_back(suspects, otherwise);
        if !matches!(self.base, Base::Good) {
            self.failures += 1;
        }
        if matches!(self.base, Base::Bad(_)) {
            // No write can be blamed. Another write may still repair the files.
            self.abandoned.extend(tried);
            let pool = self.pool(suspects);
            pool.size = if pool.faults == 0 { 1 } else { pool.size.saturating_mul(2) };
            pool.faults += 1;
            return None;
        }
        let (blamed, others): (Vec<usize>, Vec<usize>) = tried.iter().partition(|write| named(**write));
        if !suspects && !blamed.is_empty() && !others.is_empty() {
            self.plain.size = others.len();
            self.put_back(false, others);
            self.put_back(true, blamed);
            return None;
        }
        self.halve(suspects, tried)
    }

    /// Bisects writes that were rejected together. Returns the write if it is only one.
    fn halve(&mut self, suspects: bool, mut rejected: Vec<usize>) -> Option<usize> {
        if let [write] = rejected[..] {
            self.budget.left += self.budget.each;
            self.pool(suspects).faults += 1;
            self.pool(suspects).size = match suspects {
                true => 1,
                false => self.plain.waiting.len().div_ceil(self.budget.parts(self.plain.faults)).max(1),
            };
            return Some(write);
        }
        let otherwise = rejected.split_off(rejected.len() / 2);
        self.trying = Some(Trying { suspects, tried: rejected, otherwise });
        None
    }

    fn pool(&mut self, suspects: bool) -> &mut Pool {
        if suspects { &mut self.suspects } else { &mut self.plain }
    }

    fn put_back(&mut self, suspects: bool, writes: Vec<usize>) {
        let waiting = &mut self.pool(suspects).waiting;
        writes.into_iter().rev().for_each(|write| waiting.push_front(write));
    }

    /// The server's message for the files without any write of the batch, if it rejects them.
    pub(crate) fn bad_base(&self) -> Option<&str> {
        match &self.base {
            Base::Bad(message) => Some(message),
            Base::Good | Base::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Found {
        accepted: BTreeSet<usize>,
        faults: BTreeSet<usize>,
        rest: BTreeSet<usize>,
        reloads: usize,
    }

    /// Searches among writes with a server that rejects some of them, or everything.
    fn search(has_finding: &[bool], bad: &BTreeSet<usize>, base_good: bool, named: bool) -> Found {
        let (mut search, mut found) = (Search::new(has_finding), Found::default());
        while let Some(part) = search.next() {
            found.reloads += 1;
            let fault = if base_good && part.iter().all(|write| !bad.contains(write)) {
                found.accepted.extend(part);
                search.is_good();
                search.accepted()
            } else {
                if search.wants_base(&part) {
                    found.reloads += 1;
                    if base_good { search.is_good() } else { search.base_rejected("base".to_owned()) }
                }
                search.rejected(part, |write| named && bad.contains(&write))
            };
            found.faults.extend(fault);
        }
        found.rest = search.rest().into_iter().collect();
        found
    }

    fn set(some: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        some.into_iter().collect()
    }

    /// The maximum number of reloads for a search.
    fn max_reloads(writes: usize, explained: usize, unexplained: usize) -> usize {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let each = (unexplained as f64 * (2.0 + (writes.max(1) as f64).log2())) as usize;
        1 + explained + each
    }

    proptest! {
        #[test]
        fn search_finds_exactly_invalid_writes(
            writes in 1usize..200, bad: BTreeSet<u8>, found: BTreeSet<u8>, named: bool,
        ) {
            let bad = set(bad.into_iter().map(usize::from).filter(|write| *write < writes));
            let has_finding: Vec<bool> =
                (0..writes).map(|write| found.iter().any(|found| usize::from(*found) == write)).collect();
            let result = search(&has_finding, &bad, true, named);
            let good = set((0..writes).filter(|write| !bad.contains(write)));
            prop_assert_eq!(&result.accepted, &good);
            prop_assert_eq!(&result.faults, &bad);
            prop_assert!(result.rest.is_empty());
        }

        #[test]
        fn search_costs_logarithm_per_unexplained_fault(writes in 1usize..3000, bad: BTreeSet<u16>) {
            let bad = set(bad.into_iter().map(usize::from).filter(|write| *write < writes));
            let result = search(&vec![false; writes], &bad, true, false);
            prop_assert_eq!(&result.faults, &bad);
            let max = max_reloads(writes, 0, bad.len());
            prop_assert!(result.reloads <= max, "{} reloads, at most {}", result.reloads, max);
        }
    }

    #[test]
    fn search_costs_one_reload_per_explained_fault() {
        assert_eq!(search(&[false; 1905], &set([]), true, false).reloads, 1);
        // Distributed over the batch, at its beginning, at its end.
        for location in [|n: usize| n * 37 % 2051, |n| n, |n| 2050 - n] {
            let bad = set((0..54).map(location));
            let mut has_finding = vec![false; 2051];
            for write in bad.iter().take(37) {
                has_finding[*write] = true;
            }
            let result = search(&has_finding, &bad, true, false);
            assert_eq!((&result.faults, result.accepted.len()), (&bad, 1997));
            let max = max_reloads(2051, 37, 17);
            assert!(result.reloads <= max, "{} reloads, at most {max}", result.reloads);
        }
        // Writes with findings may be valid.
        let result = search(&[true; 1000], &set([]), true, false);
        assert_eq!((result.accepted.len(), result.reloads), (1000, 10));
    }

    #[test]
    fn search_blames_no_write_if_base_is_bad() {
        for writes in [1, 2, 8, 500] {
            for has_finding in [false, true] {
                let result = search(&vec![has_finding; writes], &set([]), false, false);
                assert_eq!((result.rest, result.faults), (set(0..writes), set([])));
                assert!(result.reloads < 30, "{} reloads for {writes} writes", result.reloads);
            }
        }
    }

    #[test]
    fn search_draws_no_conclusion_from_incomplete_try() {
        let mut search = Search::new(&[false; 4]);
        assert_eq!(search.next(), Some(vec![0, 1, 2, 3]));
        assert_eq!(search.rejected(vec![0, 1, 2, 3], |_| false), None);
        assert_eq!(search.next(), Some(vec![0, 1]));
        // The invalid write is withdrawn.
        search.changed();
        search.is_good();
        assert_eq!(search.accepted(), None);
        assert_eq!(search.next(), Some(vec![2, 3]));
        search.is_good();
        assert_eq!((search.accepted(), search.next()), (None, None));
    }
}
