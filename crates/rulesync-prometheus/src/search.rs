//! Which writes of a batch are at fault, when the server takes all files or none and does not say which it dislikes.
//! Pure: it says what to try next, and is told how it went.
//!
//! Halves are tried until the guilty stand alone, so that no write fails for the sake of another: a batch of n with one
//! bad group costs about 2·log2(n) reloads. What the server says only decides how the batch is split; the verdict
//! comes from trying.

use rulesync_core::RulerError;

/// The search through one batch. Writes are told apart by their index.
#[derive(Debug)]
pub(crate) struct Search {
    open: Vec<Vec<usize>>,
    base: Base,
    /// Reloads that failed since one succeeded, while nothing is known to succeed.
    strikes: u32,
    patience: u32,
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
    pub(crate) fn new(writes: usize) -> Self {
        let patience = 2 * (writes + 1).ilog2() + 2;
        Self { open: vec![(0..writes).collect()], base: Base::Unknown, strikes: 0, patience }
    }

    /// What to try next, all together.
    pub(crate) fn next(&mut self) -> Option<Vec<usize>> {
        if self.strikes > self.patience { None } else { self.open.pop() }
    }

    /// What was not tried, because it came to nothing.
    pub(crate) fn rest(self) -> Vec<usize> {
        self.open.into_iter().flatten().collect()
    }

    /// The server took the files.
    pub(crate) fn accepted(&mut self) {
        self.base = Base::Good;
        self.strikes = 0;
    }

    /// Whether it must be found out if the server takes the files as they were before.
    pub(crate) fn wants_base(&self) -> bool {
        matches!(self.base, Base::Unknown)
    }

    /// The server does not take the files as they were before.
    pub(crate) fn base_refused(&mut self, words: String) {
        self.base = Base::Bad(words);
    }

    /// The server did not take these, tried together. The verdict, if there is only one.
    pub(crate) fn refused(
        &mut self,
        tried: Vec<usize>,
        words: &str,
        named: impl Fn(usize) -> bool,
    ) -> Option<(usize, RulerError)> {
        if !matches!(self.base, Base::Good) {
            self.strikes += 1;
        }
        if let [only] = tried[..] {
            return Some((only, self.verdict(words)));
        }
        let (mut guilty, mut others): (Vec<usize>, Vec<usize>) = tried.into_iter().partition(|i| named(*i));
        if guilty.is_empty() || others.is_empty() {
            guilty.append(&mut others);
            others = guilty.split_off(guilty.len() / 2);
        }
        self.open.push(guilty);
        self.open.push(others);
        None
    }

    /// What to say of a write that failed alone, or was not tried.
    pub(crate) fn verdict(&self, words: &str) -> RulerError {
        match &self.base {
            Base::Bad(base) => RulerError::Misconfigured {
                message: format!("it cannot reload, with or without our changes: {base}"),
            },
            Base::Good | Base::Unknown => {
                RulerError::Rejected { message: words.to_owned(), rule: rule_index(words) }
            }
        }
    }
}

/// The rule that a message names, counted from 0: Prometheus writes `group "g", rule 1, "A": …` for the first.
fn rule_index(words: &str) -> Option<usize> {
    let after = words.split("\", rule ").nth(1)?;
    let digits = after.find(|c: char| !c.is_ascii_digit())?;
    after[..digits].parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    struct Found {
        accepted: BTreeSet<usize>,
        failed: Vec<(usize, &'static str)>,
        reloads: usize,
    }

    /// Searches among `writes` with a server that dislikes some of them, and perhaps everything.
    fn search(writes: usize, bad: &BTreeSet<usize>, base_good: bool, named: bool) -> Found {
        let mut search = Search::new(writes);
        let mut found = Found { accepted: BTreeSet::new(), failed: Vec::new(), reloads: 0 };
        while let Some(part) = search.next() {
            found.reloads += 1;
            if base_good && part.iter().all(|write| !bad.contains(write)) {
                search.accepted();
                found.accepted.extend(part);
                continue;
            }
            if search.wants_base() {
                found.reloads += 1;
                if base_good { search.accepted() } else { search.base_refused("base".to_owned()) }
            }
            let verdict = search.refused(part, "words", |write| named && bad.contains(&write));
            found.failed.extend(verdict.map(|(write, error)| (write, error.class())));
        }
        let error = search.verdict("words").class();
        found.failed.extend(search.rest().into_iter().map(|write| (write, error)));
        found
    }

    proptest! {
        #[test]
        fn only_the_guilty_fail(writes in 1usize..200, bad: BTreeSet<u8>, named: bool) {
            let bad: BTreeSet<usize> = bad.into_iter().take(8).map(usize::from).filter(|w| *w < writes).collect();
            let found = search(writes, &bad, true, named);
            let expected: BTreeSet<usize> = (0..writes).filter(|write| !bad.contains(write)).collect();
            prop_assert_eq!(&found.accepted, &expected);
            let failed: BTreeSet<usize> = found.failed.iter().map(|(write, _)| *write).collect();
            prop_assert_eq!(failed, bad.clone());
            prop_assert!(found.failed.iter().all(|(_, class)| *class == "rejected"));
            prop_assert!(found.reloads <= 2 + 20 * bad.len().max(1), "{} reloads", found.reloads);
        }
    }

    #[test]
    fn a_server_that_takes_nothing_accuses_nobody() {
        for writes in [1, 2, 8, 500] {
            let found = search(writes, &BTreeSet::new(), false, false);
            assert_eq!(found.failed.len(), writes);
            assert!(found.failed.iter().all(|(_, class)| *class == "misconfigured"));
            assert!(found.reloads < 25, "{} reloads for {writes} writes", found.reloads);
        }
    }

    #[test]
    fn the_rule_is_counted_from_zero() {
        let words = "/r/b.yaml: 5:11: group \"b\", rule 3, \"r\": could not parse expression";
        assert_eq!(rule_index(words), Some(2));
        assert_eq!(rule_index("one or more errors occurred"), None);
        assert_eq!(rule_index("group \"b\", rule 0, x"), None);
    }
}
