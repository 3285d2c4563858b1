//! Which writes of a batch are at fault, when the server takes all files or none and does not say which it dislikes.
//! Pure: it says what to try next, and is told how it went.
//!
//! All writes that nothing is known against are tried together, at best in one reload. Where they are refused, halving
//! finds the first that is at fault: what is taken on the way stays in place, so that a half whose other half was taken
//! needs no try of its own. A batch of n costs at most 1 + d·(2 + log2 n) reloads for d faults. What is saved of that
//! is spent on trying the rest in parts, as many as there were faults, which saves more where there are many. Writes
//! with a finding of their own come after them, one by one at first, and in parts twice as large after each that was
//! taken. What the server says only decides how writes are split; the verdict comes from trying.

use std::collections::VecDeque;

/// The search through one batch. Writes are told apart by their index.
#[derive(Debug)]
pub(crate) struct Search {
    /// Writes that nothing is known against.
    plain: Pool,
    /// Writes with a finding, and those that the server has named.
    suspects: Pool,
    trying: Option<Trying>,
    budget: Budget,
    base: Base,
    /// Writes that were given up, because the server takes nothing.
    abandoned: Vec<usize>,
    /// Reloads that failed since one succeeded, while nothing is known to succeed.
    strikes: u32,
    patience: u32,
}

/// Writes that wait for their turn.
#[derive(Debug, Default)]
struct Pool {
    waiting: VecDeque<usize>,
    /// How many are tried together next.
    size: usize,
    /// How many were found to be at fault.
    faults: usize,
}

/// What of the reloads that the search may cost has not been used so far.
#[derive(Debug)]
struct Budget {
    left: f64,
    /// What each fault adds.
    each: f64,
}

impl Budget {
    fn new(writes: usize) -> Self {
        let writes = u32::try_from(writes.max(1)).unwrap_or(u32::MAX);
        Self { left: 1.0, each: 2.0 + f64::from(writes).log2() }
    }

    /// In how many parts the rest may be tried, as if there were as many faults as before. At worst all are good.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole reloads count")]
    fn parts(&self, faults: usize) -> usize {
        faults.min(self.left as usize).max(1)
    }
}

/// What is being tried.
#[derive(Debug)]
struct Trying {
    /// Whether it came from the suspects.
    suspects: bool,
    tried: Vec<usize>,
    /// If `tried` is taken, this is at fault: both together were refused.
    otherwise: Vec<usize>,
}

/// Whether the server takes the files without any write of this batch.
#[derive(Debug)]
enum Base {
    Unknown,
    Good,
    /// It does not, in its words.
    Bad(String),
}

impl Search {
    /// Searches among so many writes, of which some have a finding.
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
            strikes: 0,
            patience: 2 * (has_finding.len() + 1).ilog2() + 2,
        }
    }

    /// What to try next, all together. None at the end, or when it comes to nothing.
    pub(crate) fn next(&mut self) -> Option<Vec<usize>> {
        if matches!(self.base, Base::Bad(_)) && self.strikes > self.patience {
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

    /// What was not tried, because it came to nothing.
    pub(crate) fn rest(self) -> Vec<usize> {
        let trying =
            self.trying.into_iter().flat_map(|trying| trying.tried.into_iter().chain(trying.otherwise));
        trying.chain(self.abandoned).chain(self.plain.waiting).chain(self.suspects.waiting).collect()
    }

    /// The server took the files, with what was tried or without.
    pub(crate) fn is_good(&mut self) {
        self.base = Base::Good;
        self.strikes = 0;
    }

    /// What was tried is in place. The write that must be at fault then, if there is one.
    pub(crate) fn accepted(&mut self) -> Option<usize> {
        let Trying { suspects, otherwise, .. } = self.trying.take()?;
        if otherwise.is_empty() {
            let pool = self.pool(suspects);
            pool.size = pool.size.saturating_mul(2);
            return None;
        }
        self.halve(suspects, otherwise)
    }

    /// Some of what was to be tried is no longer wanted, or cannot be: nothing follows from how the rest went.
    pub(crate) fn changed(&mut self) {
        if let Some(Trying { suspects, otherwise, .. }) = &mut self.trying {
            let (suspects, otherwise) = (*suspects, std::mem::take(otherwise));
            self.put_back(suspects, otherwise);
        }
    }

    /// Whether it must be found out if the server takes the files as they were before, now that these were refused.
    pub(crate) fn wants_base(&mut self, refused: &[usize]) -> bool {
        let wants = matches!(self.base, Base::Unknown) && refused.len() == 1;
        self.budget.left -= if wants { 1.0 } else { 0.0 };
        wants
    }

    /// The server does not take the files as they were before.
    pub(crate) fn base_refused(&mut self, words: String) {
        self.base = Base::Bad(words);
    }

    /// The server did not take these, of what was to be tried. The write that is at fault, if it is known now.
    pub(crate) fn refused(&mut self, tried: Vec<usize>, named: impl Fn(usize) -> bool) -> Option<usize> {
        let Trying { suspects, otherwise, .. } = self.trying.take()?;
        self.put_back(suspects, otherwise);
        if !matches!(self.base, Base::Good) {
            self.strikes += 1;
        }
        if matches!(self.base, Base::Bad(_)) {
            // Nobody can be accused. Something else may still mend it.
            self.abandoned.extend(tried);
            let pool = self.pool(suspects);
            pool.size = if pool.faults == 0 { 1 } else { pool.size.saturating_mul(2) };
            pool.faults += 1;
            return None;
        }
        let (guilty, others): (Vec<usize>, Vec<usize>) = tried.iter().partition(|write| named(**write));
        if !suspects && !guilty.is_empty() && !others.is_empty() {
            self.plain.size = others.len();
            self.put_back(false, others);
            self.put_back(true, guilty);
            return None;
        }
        self.halve(suspects, tried)
    }

    /// The first of these that are known to be refused together is at fault, or one of the others.
    fn halve(&mut self, suspects: bool, mut refused: Vec<usize>) -> Option<usize> {
        if let [write] = refused[..] {
            self.budget.left += self.budget.each;
            self.pool(suspects).faults += 1;
            self.pool(suspects).size = match suspects {
                true => 1,
                false => self.plain.waiting.len().div_ceil(self.budget.parts(self.plain.faults)).max(1),
            };
            return Some(write);
        }
        let otherwise = refused.split_off(refused.len() / 2);
        self.trying = Some(Trying { suspects, tried: refused, otherwise });
        None
    }

    fn pool(&mut self, suspects: bool) -> &mut Pool {
        if suspects { &mut self.suspects } else { &mut self.plain }
    }

    fn put_back(&mut self, suspects: bool, writes: Vec<usize>) {
        let waiting = &mut self.pool(suspects).waiting;
        writes.into_iter().rev().for_each(|write| waiting.push_front(write));
    }

    /// What the server says of the files without any of these writes, if it does not take them.
    pub(crate) fn bad_base(&self) -> Option<&str> {
        match &self.base {
            Base::Bad(words) => Some(words),
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

    /// Searches among writes with a server that dislikes some of them, and perhaps everything.
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
                    if base_good { search.is_good() } else { search.base_refused("base".to_owned()) }
                }
                search.refused(part, |write| named && bad.contains(&write))
            };
            found.faults.extend(fault);
        }
        found.rest = search.rest().into_iter().collect();
        found
    }

    fn set(some: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        some.into_iter().collect()
    }

    /// What the search for so many faults may cost at most.
    fn most(writes: usize, explained: usize, unexplained: usize) -> usize {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let each = (unexplained as f64 * (2.0 + (writes.max(1) as f64).log2())) as usize;
        1 + explained + each
    }

    proptest! {
        #[test]
        fn only_the_guilty_fail(
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
        fn the_unexplained_cost_a_logarithm_each(writes in 1usize..3000, bad: BTreeSet<u16>) {
            let bad = set(bad.into_iter().map(usize::from).filter(|write| *write < writes));
            let result = search(&vec![false; writes], &bad, true, false);
            prop_assert_eq!(&result.faults, &bad);
            let most = most(writes, 0, bad.len());
            prop_assert!(result.reloads <= most, "{} reloads, at most {}", result.reloads, most);
        }
    }

    #[test]
    fn what_is_explained_costs_one_reload_and_what_is_good_none() {
        assert_eq!(search(&[false; 1905], &set([]), true, false).reloads, 1);
        // Spread over the batch, at its beginning, at its end.
        for location in [|n: usize| n * 37 % 2051, |n| n, |n| 2050 - n] {
            let bad = set((0..54).map(location));
            let mut has_finding = vec![false; 2051];
            for write in bad.iter().take(37) {
                has_finding[*write] = true;
            }
            let result = search(&has_finding, &bad, true, false);
            assert_eq!((&result.faults, result.accepted.len()), (&bad, 1997));
            let most = most(2051, 37, 17);
            assert!(result.reloads <= most, "{} reloads, at most {most}", result.reloads);
        }
        // A finding need not be a fault.
        let result = search(&[true; 1000], &set([]), true, false);
        assert_eq!((result.accepted.len(), result.reloads), (1000, 10));
    }

    #[test]
    fn a_server_that_takes_nothing_accuses_nobody() {
        for writes in [1, 2, 8, 500] {
            for has_finding in [false, true] {
                let result = search(&vec![has_finding; writes], &set([]), false, false);
                assert_eq!((result.rest, result.faults), (set(0..writes), set([])));
                assert!(result.reloads < 30, "{} reloads for {writes} writes", result.reloads);
            }
        }
    }

    #[test]
    fn nothing_follows_from_a_try_that_is_not_whole() {
        let mut search = Search::new(&[false; 4]);
        assert_eq!(search.next(), Some(vec![0, 1, 2, 3]));
        assert_eq!(search.refused(vec![0, 1, 2, 3], |_| false), None);
        assert_eq!(search.next(), Some(vec![0, 1]));
        // The one at fault is withdrawn.
        search.changed();
        search.is_good();
        assert_eq!(search.accepted(), None);
        assert_eq!(search.next(), Some(vec![2, 3]));
        search.is_good();
        assert_eq!((search.accepted(), search.next()), (None, None));
    }
}
