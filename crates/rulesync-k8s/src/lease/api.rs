//! What an election asks of the place where its lease is.

use async_trait::async_trait;

use super::election::Record;

/// The requests an election makes. Each may take as long as it likes: the loop gives up on it.
#[async_trait]
pub(crate) trait LeaseApi: Send + Sync {
    /// What stands in the lease; none if there is no such lease.
    async fn get(&self) -> Result<Option<Record>, String>;
    /// Writes it with this holder, in place of that version, or newly if there is none.
    async fn put(&self, holder: &str, transitions: i32, version: Option<&str>) -> Result<Record, PutError>;
}

/// Why a lease was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PutError {
    /// Somebody else was first.
    Conflict,
    /// Something stands in the way, and perhaps it was written.
    Failed(String),
}
