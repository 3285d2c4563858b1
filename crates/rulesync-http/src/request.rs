//! Requests to a server, and the observer that counts them.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use rulesync_core::TenantId;
use tokio::time::Instant;

use crate::answer::Operation;

/// An observer of requests, for metrics.
pub trait RequestObserver: fmt::Debug + Send + Sync + 'static {
    /// Records one request: its method, its kind of route (`list`, `namespace`, `group` or `state`), its status or
    /// `error`, and its duration.
    fn observe(&self, method: &'static str, route: &'static str, code: &str, elapsed: Duration);
}

/// A request.
pub(crate) struct Request<'a> {
    pub(crate) operation: Operation,
    pub(crate) method: Method,
    pub(crate) tenant: Option<&'a TenantId>,
    pub(crate) path: String,
    /// The query string, escaped.
    pub(crate) query: Option<String>,
    pub(crate) body: Option<Bytes>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(operation: Operation, tenant: Option<&'a TenantId>, path: String) -> Self {
        let method = match operation {
            Operation::List | Operation::GetNamespace | Operation::GetGroup | Operation::State => Method::GET,
            Operation::Put => Method::POST,
            Operation::DeleteGroup | Operation::DeleteNamespace => Method::DELETE,
        };
        Self { operation, method, tenant, path, query: None, body: None }
    }

    pub(crate) fn query(self, query: String) -> Self {
        Self { query: Some(query), ..self }
    }

    fn route(&self) -> &'static str {
        match self.operation {
            Operation::List => "list",
            Operation::GetNamespace | Operation::Put | Operation::DeleteNamespace => "namespace",
            Operation::GetGroup | Operation::DeleteGroup => "group",
            Operation::State => "state",
        }
    }

    fn method_name(&self) -> &'static str {
        match self.operation {
            Operation::List | Operation::GetNamespace | Operation::GetGroup | Operation::State => "GET",
            Operation::Put => "POST",
            Operation::DeleteGroup | Operation::DeleteNamespace => "DELETE",
        }
    }
}

/// Reports the request to the observer when dropped, including when the request is cancelled at its deadline.
pub(crate) struct Observed<'a> {
    pub(crate) observer: Option<&'a dyn RequestObserver>,
    pub(crate) request: &'a Request<'a>,
    pub(crate) start: Instant,
    pub(crate) status: Option<StatusCode>,
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        if let Some(observer) = self.observer {
            let code = self.status.as_ref().map_or("error", StatusCode::as_str);
            observer.observe(self.request.method_name(), self.request.route(), code, self.start.elapsed());
        }
    }
}
