//! Go's limits on a regular expression: nesting levels, instructions, and bounds of character ranges.
//!
//! The limits are checked as Go checks them, which depends in part on the nodes that Go has allocated. Checking stops
//! where Go may have rewritten alternatives or classes before counting, because the expression is then smaller than
//! it looks. Nothing here recurses, so an inexact limit affects only the result, not safety.

use super::error::RegexErrorKind;
use super::node::{Form, Node};

/// The maximum count of a repetition, and the maximum product of the counts of nested repetitions.
pub(super) const MOST_COPIES: u32 = 1000;

/// The maximum number of levels of a tree.
const MOST_LEVELS: u32 = 1000;

/// The maximum number of instructions: 128 MiB at 40 bytes each.
const MOST_INSTRUCTIONS: u64 = (128 << 20) / 40;

/// The maximum number of bounds of character ranges: 128 MiB at 4 bytes each.
const MOST_RUNES: u64 = (128 << 20) / 4;

/// Go's counters at the current position in the pattern.
pub(super) struct Limits {
    /// `true` while the tree is known to be the same as Go's.
    exact: bool,
    /// The number of nodes in use, and its maximum so far: Go reuses freed nodes.
    nodes: u64,
    most_nodes: u64,
    /// The product of all counted repetitions. Sizes are not checked while this times the number of nodes is small.
    repeats: u64,
    counts_size: bool,
    runes: u64,
}

impl Limits {
    pub(super) fn new() -> Self {
        Self { exact: true, nodes: 0, most_nodes: 0, repeats: 1, counts_size: false, runes: 0 }
    }

    /// Stops checking the limits.
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

    /// Checks a part that has just been read or joined; `unjoined` are the parts not yet joined into another.
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
