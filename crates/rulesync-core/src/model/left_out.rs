//! Rules left out of a group, so that the others keep the numbers that their author knows.

use std::collections::BTreeSet;

/// The rules of a declared group that are left out, by their author's numbers, from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut(Box<[u32]>);

impl LeftOut {
    /// The number of rules left out.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether no rule is left out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the author's numbers of the rules left out, in ascending order.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|out| *out as usize)
    }

    /// Removes the rules left out from all that the author wrote.
    pub(crate) fn take_from<T>(&self, rules: &mut Vec<T>) {
        let mut out = self.numbers().peekable();
        let mut numbers = 0..;
        rules.retain(|_| numbers.next().is_some_and(|number| out.next_if_eq(&number).is_none()));
    }

    /// Returns the author's number of the rule that is number `index` of the remaining ones.
    pub fn declared(&self, index: usize) -> usize {
        // Each omitted rule before it increases its number by one: there are as many as have at most `index` others
        // before them.
        let (mut before, mut end) = (0, self.0.len());
        while before < end {
            let middle = before.midpoint(end);
            match self.0.get(middle) {
                Some(out) if *out as usize - middle <= index => before = middle + 1,
                _ => end = middle,
            }
        }
        index + before
    }

    /// Returns the number among the remaining rules of the rule with this author's number; none if it is left out.
    pub fn offered(&self, declared: usize) -> Option<usize> {
        let before = self.0.partition_point(|out| (*out as usize) < declared);
        let is_out = self.0.get(before).is_some_and(|out| *out as usize == declared);
        (!is_out).then(|| declared - before)
    }

    /// Leaves out further rules, numbered among those that remain so far.
    #[must_use]
    pub fn and(&self, more: impl IntoIterator<Item = usize>) -> Self {
        let more = more.into_iter().map(|index| self.declared(index));
        let all: BTreeSet<u32> =
            more.filter_map(|index| u32::try_from(index).ok()).chain(self.0.iter().copied()).collect();
        Self(all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn left_out_rules_keep_the_authors_numbers() {
        let left_out = LeftOut::default().and([0, 3]);
        assert_eq!([0, 1, 2].map(|index| left_out.declared(index)), [1, 2, 4]);
        assert_eq!([0, 1, 3, 4].map(|index| left_out.offered(index)), [None, Some(0), None, Some(2)]);
        assert_eq!(left_out.and([1]), LeftOut::default().and([0, 2, 3]));
        assert!(LeftOut::default().is_empty() && !left_out.is_empty());
        assert_eq!(left_out.len(), 2);
        let mut rules = vec!["a", "b", "c", "d", "e"];
        left_out.take_from(&mut rules);
        assert_eq!(rules, ["b", "c", "e"]);
    }

    proptest! {
        #[test]
        fn left_out_numbers_are_translated_there_and_back(first: BTreeSet<u8>, second: BTreeSet<u8>, index in 0..300_usize) {
            let numbers = |set: BTreeSet<u8>| set.into_iter().map(usize::from);
            let left_out = LeftOut::default().and(numbers(first)).and(numbers(second));
            prop_assert_eq!(left_out.offered(left_out.declared(index)), Some(index));
            prop_assert!(left_out.numbers().all(|number| left_out.offered(number).is_none()));
            let mut rules: Vec<usize> = (0..600).collect();
            left_out.take_from(&mut rules);
            prop_assert_eq!(rules[index], left_out.declared(index));
            prop_assert_eq!(rules.len(), 600 - left_out.len());
        }
    }
}
