//! The limits that Go sets to a regular expression: levels, instructions, and bounds of character ranges.
//!
//! They are judged as Go judges them, which is in part a matter of what it happens to have in memory; and they are
//! not judged any more where Go may have rewritten alternatives or classes before it counted, because then the
//! expression is smaller than it looks. Nothing here recurses, so nothing is at stake but the verdict.

use super::error::RegexErrorKind;
use super::tree::{Form, Node};

/// Levels of a tree.
const MOST_LEVELS: u32 = 1000;

/// Instructions, of 40 bytes each in 128 MiB.
const MOST_INSTRUCTIONS: u64 = (128 << 20) / 40;

/// Bounds of character ranges, of 4 bytes each in 128 MiB.
const MOST_RUNES: u64 = (128 << 20) / 4;

/// What Go has counted so far.
pub(super) struct Limits {
    /// Whether Go surely has the tree that we think it has.
    exact: bool,
    /// Nodes in use, and most that ever were: Go uses them again.
    nodes: u64,
    most_nodes: u64,
    /// The product of all counted repetitions. Sizes are not looked at while this times the nodes is small.
    repeats: u64,
    counts_size: bool,
    runes: u64,
}

impl Limits {
    pub(super) fn new() -> Self {
        Self { exact: true, nodes: 0, most_nodes: 0, repeats: 1, counts_size: false, runes: 0 }
    }

    /// Gives up judging.
    pub(super) fn ignore(&mut self) {
        self.exact = false;
    }

    pub(super) fn allocate(&mut self) {
        self.nodes += 1;
        self.most_nodes = self.most_nodes.max(self.nodes);
    }

    pub(super) fn free(&mut self) {
        self.nodes = self.nodes.saturating_sub(1);
    }

    pub(super) fn add_runes(&mut self, runes: u64) {
        self.runes += runes;
    }

    pub(super) fn counts_size(&self) -> bool {
        self.counts_size
    }

    /// Judges a part that has just been read or joined; `unjoined` are all that are not part of another yet.
    pub(super) fn check<'a>(
        &mut self,
        node: Node,
        unjoined: impl Iterator<Item = &'a Node>,
    ) -> Result<(), RegexErrorKind> {
        if !self.exact {
            return Ok(());
        }
        if self.runes > MOST_RUNES {
            return Err(RegexErrorKind::TooLarge);
        }
        let mut largest = node.size;
        if !self.counts_size {
            if let Form::Counted(times) = node.form {
                self.repeats = self.repeats.saturating_mul(times.max(1).into()).min(MOST_INSTRUCTIONS);
            }
            self.counts_size = self.most_nodes >= MOST_INSTRUCTIONS / self.repeats;
            largest = match self.counts_size {
                true => unjoined.map(|node| node.size).max().unwrap_or(0).max(largest),
                false => 0,
            };
        }
        if largest > MOST_INSTRUCTIONS {
            return Err(RegexErrorKind::TooLarge);
        }
        if node.height > MOST_LEVELS {
            return Err(RegexErrorKind::TooDeep);
        }
        Ok(())
    }
}
