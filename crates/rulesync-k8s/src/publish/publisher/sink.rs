//! Where writes go: a cluster, or in tests a memory.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::events::v1::Event;

use super::published::Annotation;
use super::write::{Collection, Write};
use crate::publish::draft::Written;

/// Takes what is published.
#[async_trait]
pub(super) trait Sink: Send + Sync {
    /// Lists what was written before, in one Kubernetes namespace or in all; `page` is the one that the last page named.
    async fn list(
        &self,
        collection: Collection,
        namespace: Option<&str>,
        page: Option<&str>,
    ) -> Result<Page, Failure>;

    /// Makes one write.
    async fn write(&self, write: &Write) -> Result<(), Failure>;

    /// Makes one Event.
    async fn record(&self, event: &Event) -> Result<(), Failure>;
}

/// A page of a list.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) items: Vec<Listed>,
    /// The next page, if there is one.
    pub(super) next: Option<String>,
}

/// What an item of a list says of what was written.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) namespace: String,
    pub(super) name: String,
    /// What was written; none if that is not known any more, or nothing was.
    pub(super) written: Option<Written>,
    /// What the annotation says.
    pub(super) annotation: Option<Annotation>,
}

/// Why something was not written or listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    /// The reason for people.
    pub(super) reason: String,
    /// How long the server wants not to be asked again.
    pub(super) retry_after: Option<Duration>,
}

/// A kind of failure, by what follows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum FailureKind {
    /// The server has too many requests.
    Throttled,
    /// There was no answer.
    Unreachable,
    /// The server has failed.
    Failing,
    /// The kind is not served.
    Absent,
    /// The permission is missing.
    Denied,
    /// The object or its Kubernetes namespace does not exist, or not for much longer.
    Gone,
    /// It exists already.
    Exists,
    /// Somebody else has a field that was to be written.
    Conflict,
    /// The server does not accept it as it is.
    Refused,
}

impl FailureKind {
    /// Returns the word in metrics.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::Failing => "failing",
            Self::Absent => "absent",
            Self::Denied => "denied",
            Self::Gone => "gone",
            Self::Exists => "exists",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
