//! Faults: the ways in which a server can be made to misbehave, set and cleared while it runs.
//!
//! A [`Fault`] is a value that defines which requests it affects, the effect and the number of requests; [`Faults`] is
//! the handle that every server hands out. The `listen` module carries faults out.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use tokio::{sync::watch, time::Instant};

use crate::pace::Pace;

/// One way to break a server: the effect, the requests it applies to and their number.
///
/// Without further conditions, a fault applies to every request until it is removed.
#[derive(Clone, Debug)]
pub struct Fault {
    pub(crate) effect: Effect,
    method: Option<Method>,
    path: Option<String>,
    tenant: Option<String>,
    condition: Option<Condition>,
    pace: Option<Pace>,
    left: Option<usize>,
}

/// A condition on the method and the URI of a request.
#[derive(Clone)]
struct Condition(Arc<Holds>);

type Holds = dyn Fn(&Method, &Uri) -> bool + Send + Sync;

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Condition")
    }
}

/// The effect of a fault on a request.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// Waits, then continues as usual.
    Latency(Duration),
    /// Sends this answer; the handler never sees the request.
    Answer(Canned),
    /// Never answers; the connection stays open.
    Hang,
    /// Closes the connection with a reset; the handler never sees the request.
    Reset,
    /// The handler processes the request, but the connection is reset before the answer.
    LoseAnswer,
    /// The answer breaks off after this many bytes of its body.
    Truncate(usize),
}

/// A prepared answer.
#[derive(Clone, Debug)]
pub(crate) struct Canned {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Fault {
    fn new(effect: Effect) -> Self {
        Self { effect, method: None, path: None, tenant: None, condition: None, pace: None, left: None }
    }

    /// The server waits for `delay` before it processes a request. Several latencies add up, and another fault may then
    /// apply to the request.
    pub fn latency(delay: Duration) -> Self {
        Self::new(Effect::Latency(delay))
    }

    /// The answer has this status and a plain-text body.
    ///
    /// A code outside the range of HTTP (under 100 or over 999) becomes 500.
    pub fn status(code: u16, body: impl Into<Bytes>) -> Self {
        Self::answer(code, &[(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body)
    }

    /// The answer is 429, with a `Retry-After` header in whole seconds if one is given.
    pub fn too_many_requests(retry_after: Option<Duration>) -> Self {
        let mut fault = Self::status(429, "too many requests\n");
        if let (Effect::Answer(canned), Some(after)) = (&mut fault.effect, retry_after) {
            canned.headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        fault
    }

    /// The request is accepted and never answered. Only the client or a stop of the server ends it.
    pub fn hang() -> Self {
        Self::new(Effect::Hang)
    }

    /// The connection is reset instead of an answer; the request is not processed.
    pub fn reset() -> Self {
        Self::new(Effect::Reset)
    }

    /// The request is processed, but the connection is reset instead of an answer, so the client cannot know the result
    /// of its write.
    pub fn lose_answer() -> Self {
        Self::new(Effect::LoseAnswer)
    }

    /// The answer is the regular one, but the connection breaks after `bytes` bytes of the body. A body that is not
    /// longer than that passes unchanged.
    pub fn truncate(bytes: usize) -> Self {
        Self::new(Effect::Truncate(bytes))
    }

    /// The answer is 200 with an HTML page, as from a login form or an unrelated gateway.
    pub fn wrong_document() -> Self {
        Self::answer(
            200,
            &[(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            "<!doctype html><html><head><title>Sign in</title></head><body>Sign in</body></html>\n",
        )
    }

    /// The answer is 302 to `location`. A location that is not a valid header value is left out.
    pub fn redirect(location: &str) -> Self {
        Self::answer(302, &[(header::LOCATION, location)], "")
    }

    fn answer(code: u16, headers: &[(HeaderName, &str)], body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = headers
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), HeaderValue::from_str(value).ok()?)))
            .collect();
        Self::new(Effect::Answer(Canned { status, headers, body: body.into() }))
    }

    /// Adds a header to a prepared answer. Has no effect on other faults; a malformed header is ignored.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let (Effect::Answer(canned), Ok(name), Ok(value)) =
            (&mut self.effect, HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            canned.headers.insert(name, value);
        }
        self
    }

    /// Applies the fault only to requests with this method.
    #[must_use]
    pub fn on_method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Applies the fault only to requests whose path and query, as sent (percent-encoded), contain `part`.
    #[must_use]
    pub fn on_path(mut self, part: impl Into<String>) -> Self {
        self.path = Some(part.into());
        self
    }

    /// Applies the fault only to requests with this `X-Scope-OrgID`.
    #[must_use]
    pub fn on_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Applies the fault only to requests with such a method and URI.
    #[must_use]
    pub fn when(mut self, condition: impl Fn(&Method, &Uri) -> bool + Send + Sync + 'static) -> Self {
        self.condition = Some(Condition(Arc::new(condition)));
        self
    }

    /// Spares `burst` requests, and `per_second` more each second: the fault applies while there are more than that. Time
    /// is tokio's, which a test can pause.
    #[must_use]
    pub fn above(mut self, per_second: u32, burst: u32) -> Self {
        self.pace = Some(Pace::new(per_second, burst));
        self
    }

    /// Applies the fault to `n` requests, then removes it.
    #[must_use]
    pub fn times(mut self, n: usize) -> Self {
        self.left = Some(n);
        self
    }

    fn matches<B>(&self, request: &Request<B>) -> bool {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let tenant = request.headers().get("x-scope-orgid").map(HeaderValue::as_bytes);
        self.left != Some(0)
            && self.method.as_ref().is_none_or(|method| method == request.method())
            && self.path.as_ref().is_none_or(|part| target.contains(part.as_str()))
            && self.tenant.as_ref().is_none_or(|wanted| tenant == Some(wanted.as_bytes()))
            && self.condition.as_ref().is_none_or(|holds| holds.0(request.method(), request.uri()))
    }
}

/// The identifier of an injected fault, used to remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

/// The faults of one server. Clones are handles to the same set.
#[derive(Clone)]
pub struct Faults {
    active: Arc<Mutex<Active>>,
    outage: watch::Sender<bool>,
}

#[derive(Default)]
struct Active {
    next: u64,
    faults: Vec<(FaultId, Fault)>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("active", &self.lock().faults).finish_non_exhaustive()
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::new()
    }
}

impl Faults {
    /// Creates an empty set of faults.
    pub fn new() -> Self {
        Self { active: Arc::default(), outage: watch::Sender::new(false) }
    }

    /// Adds a fault. If several faults would answer a request, the one injected first does.
    pub fn inject(&self, fault: Fault) -> FaultId {
        let mut active = self.lock();
        let id = FaultId(active.next);
        active.next += 1;
        active.faults.push((id, fault));
        id
    }

    /// Removes a fault and returns `true` if it was present. Requests that it already holds (a latency, a hang) stay
    /// held.
    pub fn remove(&self, id: FaultId) -> bool {
        let mut active = self.lock();
        let before = active.faults.len();
        active.faults.retain(|(other, _)| *other != id);
        active.faults.len() < before
    }

    /// Removes all faults and ends an outage.
    pub fn clear(&self) {
        self.lock().faults.clear();
        self.recover();
    }

    /// Resets every connection, open or new, from now on. To have connections *refused*, stop the server and start it
    /// again.
    pub fn outage(&self) {
        self.outage.send_replace(true);
    }

    /// Ends an outage.
    pub fn recover(&self) {
        self.outage.send_replace(false);
    }

    /// Subscribes to the outage state; `true` while an outage lasts.
    pub(crate) fn outages(&self) -> watch::Receiver<bool> {
        self.outage.subscribe()
    }

    /// Returns the total delay for a request and the first other effect. Uses up counted faults.
    pub(crate) fn effect_on<B>(&self, request: &Request<B>) -> (Duration, Option<Effect>) {
        let mut active = self.lock();
        let mut delay = Duration::ZERO;
        let mut effect = None;
        for (_, fault) in &mut active.faults {
            let taken = effect.is_some() && !matches!(fault.effect, Effect::Latency(_));
            if taken || !fault.matches(request) {
                continue;
            }
            if fault.pace.as_mut().is_some_and(|pace| pace.take(Instant::now())) {
                continue;
            }
            match &fault.effect {
                Effect::Latency(more) => delay += *more,
                other => effect = Some(other.clone()),
            }
            if let Some(left) = &mut fault.left {
                *left -= 1;
            }
        }
        active.faults.retain(|(_, fault)| fault.left != Some(0));
        (delay, effect)
    }

    fn lock(&self) -> MutexGuard<'_, Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
