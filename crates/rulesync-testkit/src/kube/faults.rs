//! What can go wrong with a Kubernetes API server, each a method.

use std::sync::Arc;
use std::time::Duration;

use super::cluster::{Cluster, Switches};
use super::refused::Refused;
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

    /// The next `n` requests are answered with this status code and a `Status` object that fits it.
    pub fn respond(&self, code: u16, n: usize) -> FaultId {
        self.inject(Self::answer(code).times(n))
    }

    /// The next `n` requests for the resource (plural name, such as `leases`), whatever their verb, are answered
    /// with this status code and a `Status` object that fits it. Other resources are not touched.
    pub fn respond_on(&self, resource: &str, code: u16, n: usize) -> FaultId {
        self.inject(Self::answer(code).on_path(format!("/{resource}")).times(n))
    }

    /// Requests for the resource (plural name) get no answer from now on, while others do. Lift it with
    /// [`requests`](Self::requests)`().remove(id)`; what hangs by then goes on hanging.
    pub fn hang_on(&self, resource: &str) -> FaultId {
        self.inject(Fault::hang().on_path(format!("/{resource}")))
    }

    fn answer(code: u16) -> Fault {
        let refused = Refused::of_code(code);
        let mut fault =
            Fault::status(code, refused.status().to_string()).with_header("content-type", "application/json");
        if let Some(seconds) = refused.retry_after() {
            fault = fault.with_header("retry-after", &seconds.to_string());
        }
        fault
    }

    /// Every request from now on waits this long before it is dealt with.
    pub fn latency(&self, delay: Duration) -> FaultId {
        self.inject(Fault::latency(delay))
    }

    /// Compacts: watches, exact lists and continue tokens from before this moment are too old. Open watches
    /// are not touched.
    pub fn compact(&self) {
        self.compact_to(u64::MAX);
    }

    /// Compacts up to this revision, or the present one if that is smaller: it is the oldest that can still be
    /// asked for.
    pub fn compact_to(&self, revision: u64) {
        self.cluster.world().store.compact(revision);
    }

    /// Breaks the connections of all open watches in mid-stream.
    pub fn cut_watches(&self) {
        let newest = self.cluster.newest_watch();
        self.cluster.switch(|switches| switches.cut_through = newest);
    }

    /// Ends all open watches in good order, as a server does at their timeout.
    pub fn end_watches(&self) {
        let newest = self.cluster.newest_watch();
        self.cluster.switch(|switches| switches.ended_through = newest);
    }

    /// All open watches fall silent and stay open, past their timeout too. New ones work.
    pub fn stall_watches(&self) {
        let newest = self.cluster.newest_watch();
        self.cluster.switch(|switches| switches.stalled_through = newest);
    }

    /// Stalled watches go on where they stopped, with nothing lost.
    pub fn resume_watches(&self) {
        self.cluster.switch(|switches| switches.stalled_through = 0);
    }

    /// Sends a bookmark to every open watch that takes them, now.
    pub fn send_bookmarks(&self) {
        self.cluster.switch(|switches| switches.bookmark_calls += 1);
    }

    /// Whether a watch that starts too early is told by HTTP status 410, as some proxies make of it, instead
    /// of by an event in a stream with status 200, as the real server does.
    pub fn http_410_on_watch(&self, on: bool) {
        self.cluster.switch(|switches| switches.http_410 = on);
    }

    /// Whether streaming lists are refused with 422, as by a server without the WatchList feature.
    pub fn refuse_streaming_lists(&self, on: bool) {
        self.cluster.switch(|switches| switches.refuse_streaming = on);
    }

    /// Forbids the verb on the resource (plural name) to everybody; `*` stands for all.
    pub fn forbid(&self, verb: &str, resource: &str) {
        let rule = (verb.to_owned(), resource.to_owned());
        self.cluster.switch(|switches| switches.forbidden.push(rule));
    }

    /// Takes a [`forbid`](Self::forbid) back.
    pub fn allow(&self, verb: &str, resource: &str) {
        self.cluster.switch(|switches| {
            switches.forbidden.retain(|(v, r)| (v.as_str(), r.as_str()) != (verb, resource))
        });
    }

    /// While etcd is down, writes, gets and consistent lists hang; a list at resourceVersion 0 is answered
    /// from the cache, and watches are silent until their timeout ends them.
    pub fn etcd_down(&self, down: bool) {
        self.cluster.switch(|switches| switches.etcd_down = down);
    }
    /// Lifts everything that lasts: request faults, outages, rules of [`forbid`](Self::forbid), stalls, switches.
    /// What was cut, ended or compacted stays so.
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
