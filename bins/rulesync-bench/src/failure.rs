//! Why a measurement ends early.

/// An error of any kind: it is printed, and nothing depends on which it was.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
