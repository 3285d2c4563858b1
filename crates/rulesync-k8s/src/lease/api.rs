//! The requests of an election, as a trait, so that tests need no API server.

use async_trait::async_trait;

use super::election::Record;

/// The requests of an election. They need no timeout of their own.
#[async_trait]
pub(crate) trait LeaseApi: Send + Sync {
    /// Reads the lease; `None` if it does not exist.
    async fn get(&self) -> Result<Option<Record>, String>;
    /// Replaces this version of the lease, or creates the lease if there is no version.
    async fn put(&self, holder: &str, transitions: i32, version: Option<&str>) -> Result<Record, PutError>;
}

/// The reason why a lease was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PutError {
    /// The lease was changed in the meantime.
    Conflict,
    /// The request failed; the lease may still have been written.
    Failed(String),
}
