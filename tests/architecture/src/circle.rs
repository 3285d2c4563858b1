//! Which files import each other in a loop.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::arrow::Arrow;

/// Files each of which reaches every other, and the arrows between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circle {
    /// The arrows between files of the circle.
    pub arrows: Vec<Arrow>,
}

impl std::fmt::Display for Circle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<String> = self.arrows.iter().map(Arrow::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Finds the circles among files.
#[must_use]
pub fn circles(arrows: &[Arrow]) -> Vec<Circle> {
    let mut next: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    for arrow in arrows {
        next.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        next.keys().map(|file| (*file, reachable(file, &next))).collect();
    let reaches = |from: &Path, to: &Path| reached.get(from).is_some_and(|files| files.contains(to));
    let mut circles = Vec::new();
    let mut done = BTreeSet::new();
    for file in next.keys().filter(|file| reaches(file, file)) {
        if done.contains(file) {
            continue;
        }
        let files: BTreeSet<&Path> =
            next.keys().copied().filter(|other| reaches(file, other) && reaches(other, file)).collect();
        let within = |arrow: &&Arrow| files.contains(&*arrow.from) && files.contains(&*arrow.to);
        circles.push(Circle { arrows: arrows.iter().filter(within).cloned().collect() });
        done.extend(files);
    }
    circles
}

/// Returns the files that can be reached from one by at least one arrow.
fn reachable<'a>(from: &'a Path, next: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(file) = waiting.pop() {
        for to in next.get(file).into_iter().flatten() {
            if reached.insert(*to) {
                waiting.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the circles among arrows such as `a b`, as their arrows.
    fn circles_of(arrows: &[&str]) -> Vec<Vec<String>> {
        let arrow = |text: &&str| {
            let (from, to) = text.split_once(' ').unwrap();
            Arrow { from: from.into(), to: to.into(), names: BTreeSet::from(["X".to_owned()]) }
        };
        let arrows: Vec<Arrow> = arrows.iter().map(arrow).collect();
        circles(&arrows)
            .iter()
            .map(|circle| circle.to_string().lines().map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn circles_need_a_way_back() {
        assert_eq!(circles_of(&[]), Vec::<Vec<String>>::new());
        assert_eq!(circles_of(&["a b", "a c", "b d", "c d"]), Vec::<Vec<String>>::new());
    }

    #[test]
    fn circles_are_told_apart_and_without_what_only_leads_to_them() {
        let expected = vec![vec!["a -> b: X", "b -> c: X", "c -> a: X"], vec!["x -> y: X", "y -> x: X"]];
        assert_eq!(circles_of(&["a b", "b c", "b x", "c a", "x y", "x z", "y x", "w a"]), expected);
    }

    #[test]
    fn circles_that_share_a_file_are_one() {
        let expected = vec![vec!["a -> b: X", "b -> a: X", "b -> c: X", "c -> b: X"]];
        assert_eq!(circles_of(&["a b", "b a", "b c", "c b"]), expected);
    }
}
