//! Conformance suites: whoever implements one of rulesync's traits runs the suite for it, and knows that the engine can
//! rely on the implementation.
//!
//! A suite is functions that panic on a violation, like any test: [`rulers`] for [`rulesync_core::Ruler`].
#![expect(clippy::panic, reason = "a conformance suite reports by panicking, like any test")]

pub mod rulers;
