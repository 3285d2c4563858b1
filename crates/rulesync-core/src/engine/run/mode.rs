//! The mode of a run.

/// The condition under which a run ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Mode {
    Forever,
    Once,
    Plan,
}
