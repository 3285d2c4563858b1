//! The faults of a Kubernetes API server, one method each.

use std::sync::Arc;
use std::time::Duration;

use super::cluster::{Cluster, Switches};
use super::refused::Refused;
use super::request::verb_and_target;
use crate::fault::{Fault, FaultId, Faults};

/// A handle to break a [`KubeServer`](super::KubeServer) while it runs. Clones are the same handle.
#[derive(Debug, Clone)]
pub struct KubeFaults {
    cluster: Arc<Cluster>,
    requests: Faults,
}

impl KubeFaults {
    pub(crate) fn new(cluster: Arc<Cluster>, requests: Faults) -> Self {
        Self { cluster, requests }
    }

    /// The faults that every testkit server has: latency, hang, reset, truncated bodies, outage and so on.
    pub fn requests(&self) -> &Faults {
        &self.requests
    }

    /// Short for [`requests`](Self::requests)`().inject(fault)`.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.requests.inject(fault)
    }

    /// Injects a fault into requests with this verb (such as `list` or `patch`) for this resource: a plural name, with
    /// its group if it is to be told from another (`events.events.k8s.io`). `*` is every verb, or every resource.
    pub fn inject_on(&self, verb: &str, resource: &str, fault: Fault) -> FaultId {
        let (verb, resource) = (verb.to_owned(), resource.to_owned());
        self.inject(fault.when(move |method, uri| {
            verb_and_target(method, uri)
                .is_some_and(|(asked, target)| (verb == "*" || verb == asked) && target.is(&resource))
        }))
    }

    /// Answers the next `n` requests with this status code and a matching `Status` object.
    pub fn respond(&self, code: u16, n: usize) -> FaultId {
        self.inject(Self::refusal(code).times(n))
    }

    /// Answers the next `n` requests for the resource (see [`inject_on`](Self::inject_on)), whatever their verb, with
    /// this status code and a matching `Status` object. Other resources are not affected.
    pub fn respond_on(&self, resource: &str, code: u16, n: usize) -> FaultId {
        self.inject_on("*", resource, Self::refusal(code).times(n))
    }

    /// Leaves requests for the resource (see [`inject_on`](Self::inject_on)) unanswered from now on; other resources are
    /// not affected. Remove it with [`requests`](Self::requests)`().remove(id)`; requests that already hang stay so.
    pub fn hang_on(&self, resource: &str) -> FaultId {
        self.inject_on("*", resource, Fault::hang())
    }

    /// Answers requests with this verb for this resource (see [`inject_on`](Self::inject_on)) with 429 while there are
    /// more of them than `per_second`, after the first `burst`; they are to be repeated after a second.
    pub fn throttle(&self, verb: &str, resource: &str, per_second: u32, burst: u32) -> FaultId {
        self.inject_on(verb, resource, Self::refusal(429).above(per_second, burst))
    }

    /// Answers the next `n` requests for the resource (see [`inject_on`](Self::inject_on)) with 429, as in the first
    /// moments of a server, when it does not serve the kind yet.
    pub fn initializing(&self, resource: &str, n: usize) -> FaultId {
        self.inject_on("*", resource, Self::answer(&Refused::initializing()).times(n))
    }

    /// A fault: the answer has this status code and a matching `Status` object. With 429 it is the text and the
    /// `Retry-After` of a server that has too many requests, which may be set with [`Fault::with_header`].
    pub fn refusal(code: u16) -> Fault {
        if code == 429 {
            return Fault::status(429, "Too many requests, please try again later.\n")
                .with_header("x-content-type-options", "nosniff")
                .with_header("retry-after", "1");
        }
        Self::answer(&Refused::of_code(code))
    }

    fn answer(refused: &Refused) -> Fault {
        let code = refused.code;
        let mut fault =
            Fault::status(code, refused.status().to_string()).with_header("content-type", "application/json");
        if let Some(seconds) = refused.retry_after() {
            fault = fault.with_header("retry-after", &seconds.to_string());
        }
        fault
    }

    /// Delays every request from now on.
    pub fn latency(&self, delay: Duration) -> FaultId {
        self.inject(Fault::latency(delay))
    }

    /// Compacts: watches, exact lists and continue tokens from before this moment are too old. Open watches are not
    /// affected.
    pub fn compact(&self) {
        self.compact_to(u64::MAX);
    }

    /// Compacts up to this revision, or the current one if that is smaller; it is then the oldest available revision.
    pub fn compact_to(&self, revision: u64) {
        self.cluster.world().store.compact(revision);
    }

    /// Breaks the connections of all open watches in mid-stream.
    pub fn cut_watches(&self) {
        let newest = self.cluster.newest_watch();
        self.cluster.switch(|switches| switches.cut_through = newest);
    }

    /// Ends all open watches cleanly, as a server does at their timeout.
    pub fn end_watches(&self) {
        let newest = self.cluster.newest_watch();
        self.cluster.switch(|switches| switches.ended_through = newest);
    }

    /// Makes all open watches silent; they stay open, even past their timeout. New watches work.
    pub fn stall_watches(&self) {
        let newest = self.cluster.newest_watch();
        self.cluster.switch(|switches| switches.stalled_through = newest);
    }

    /// Resumes stalled watches; no event is lost.
    pub fn resume_watches(&self) {
        self.cluster.switch(|switches| switches.stalled_through = 0);
    }

    /// Sends a bookmark to every open watch that accepts bookmarks, now.
    pub fn send_bookmarks(&self) {
        self.cluster.switch(|switches| switches.bookmark_calls += 1);
    }

    /// Sets whether a watch that starts too early is rejected with HTTP status 410, as by some proxies, instead of an
    /// event in a stream with status 200, as by the real server.
    pub fn http_410_on_watch(&self, on: bool) {
        self.cluster.switch(|switches| switches.http_410 = on);
    }

    /// Sets whether streaming lists are rejected with 422, as by a server without the WatchList feature.
    pub fn refuse_streaming_lists(&self, on: bool) {
        self.cluster.switch(|switches| switches.refuse_streaming = on);
    }

    /// Forbids the verb on the resource (see [`inject_on`](Self::inject_on)) to all users.
    pub fn forbid(&self, verb: &str, resource: &str) {
        let rule = (verb.to_owned(), resource.to_owned());
        self.cluster.switch(|switches| switches.forbidden.push(rule));
    }

    /// Reverts a [`forbid`](Self::forbid).
    pub fn allow(&self, verb: &str, resource: &str) {
        self.cluster.switch(|switches| {
            switches.forbidden.retain(|(v, r)| (v.as_str(), r.as_str()) != (verb, resource))
        });
    }

    /// Sets whether etcd is down: writes, gets and consistent lists then hang, a list at resourceVersion 0 is answered
    /// from the cache, and watches are silent until their timeout ends them.
    pub fn etcd_down(&self, down: bool) {
        self.cluster.switch(|switches| switches.etcd_down = down);
    }

    /// Removes all lasting faults: request faults, outages, rules of [`forbid`](Self::forbid), stalls, switches.
    /// Connections already cut or ended, and compactions, are not undone.
    pub fn clear(&self) {
        self.requests.clear();
        self.cluster.switch(|switches| {
            *switches = Switches {
                cut_through: switches.cut_through,
                ended_through: switches.ended_through,
                bookmark_calls: switches.bookmark_calls,
                ..Switches::default()
            };
        });
    }
}
