//! Who may ask for the pages, and how often: the part of a web configuration that is about requests.
//!
//! In this order: the rate limit, the client certificate, the password. All answers have the headers of the configuration.

mod credentials;
mod passwords;
mod rate_limit;

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::route_prefix::RoutePrefix;
use crate::serve::Peer;
use crate::web_config::{Encryption, Version};
use credentials::Credentials;
use passwords::{Passwords, Verdict};
use rate_limit::RateLimiter;

/// The pages that probes ask for, which may be open to everybody.
const HEALTH: [&str; 4] = ["/-/healthy", "/-/ready", "/healthz", "/readyz"];

/// What decides about requests.
pub(crate) struct Access {
    versions: watch::Receiver<Arc<Version>>,
    /// The paths that are open to everybody, as often as they like.
    open: HashSet<String>,
    limiter: Mutex<RateLimiter>,
    passwords: Passwords,
}

impl Access {
    /// By the version of a configuration that is in force. With `health_is_open`, the pages for probes below the prefix are
    /// open to everybody.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub(crate) fn new(
        versions: watch::Receiver<Arc<Version>>,
        prefix: &RoutePrefix,
        health_is_open: bool,
    ) -> io::Result<Self> {
        let open = HEALTH.iter().filter(|_| health_is_open).map(|path| prefix.path(path)).collect();
        Ok(Self { versions, open, limiter: Mutex::default(), passwords: Passwords::new()? })
    }

    /// Puts it before pages.
    pub(crate) fn guard(self, pages: Router) -> Router {
        pages.layer(middleware::from_fn_with_state(Arc::new(self), enter))
    }

    /// Returns the answer to a request that is not let through.
    async fn refuse(&self, version: &Version, request: &Parts) -> Option<Response> {
        let reads = matches!(request.method, Method::GET | Method::HEAD);
        if reads && self.open.contains(request.uri.path()) {
            return None;
        }
        let may_come = {
            let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
            limiter.admit(version.config.rate_limit, Instant::now())
        };
        if !may_come {
            return Some(
                (StatusCode::TOO_MANY_REQUESTS, "too many requests: try again later\n").into_response(),
            );
        }
        let needs_certificate =
            matches!(version.encryption, Some(Encryption { needs_certificate: true, .. }));
        let peer = request.extensions.get::<Peer>().copied().unwrap_or_default();
        if needs_certificate && !peer.has_certificate {
            return Some((StatusCode::FORBIDDEN, "a client certificate is needed\n").into_response());
        }
        let users = &version.config.users;
        if users.is_empty() {
            return None;
        }
        let credentials = request.headers.get(AUTHORIZATION).and_then(Credentials::read);
        let verdict = match &credentials {
            Some(Credentials { user, password }) => self.passwords.verify(users, user, password).await,
            None => Verdict::Wrong,
        };
        match verdict {
            Verdict::Right => None,
            Verdict::Wrong => {
                let challenge = [(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"))];
                Some((StatusCode::UNAUTHORIZED, challenge, "user and password are needed\n").into_response())
            }
            Verdict::Busy => {
                let later = [(RETRY_AFTER, HeaderValue::from_static("5"))];
                let text = "other passwords are being checked: try again\n";
                Some((StatusCode::SERVICE_UNAVAILABLE, later, text).into_response())
            }
        }
    }
}

async fn enter(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let version = Arc::clone(&access.versions.borrow());
    let (parts, body) = request.into_parts();
    let mut answer = match access.refuse(&version, &parts).await {
        Some(refused) => refused,
        None => next.run(Request::from_parts(parts, body)).await,
    };
    for (name, value) in &version.config.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

#[cfg(test)]
mod tests;
