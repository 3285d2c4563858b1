//! The options of a [`KubeServer`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::access::{Access, Users};
use super::api::Api;
use super::cluster::Cluster;
use super::faults::KubeFaults;
use super::server::{KubeServer, set_clock};
use super::stamps::Stamps;
use super::world::World;
use crate::fault::Faults;
use crate::journal::Journal;
use crate::listen::Listen;

/// Options of a [`KubeServer`].
#[derive(Debug)]
pub struct KubeServerBuilder {
    address: SocketAddr,
    users: Users,
    gzip: bool,
    history: usize,
    bookmark_interval: Duration,
    prometheus_rules: bool,
    cluster_uid: Option<String>,
    seed: Option<u64>,
    time: Option<String>,
    controller: bool,
    journal: Journal,
}

impl Default for KubeServerBuilder {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            users: Users::default(),
            gzip: true,
            history: 50_000,
            bookmark_interval: Duration::from_secs(60),
            prometheus_rules: true,
            cluster_uid: None,
            seed: None,
            time: None,
            controller: true,
            journal: Journal::new(),
        }
    }
}

impl KubeServer {
    /// The options; see [`KubeServerBuilder`].
    pub fn builder() -> KubeServerBuilder {
        KubeServerBuilder::default()
    }
}

impl KubeServerBuilder {
    /// Listens on this address instead of any free loopback port.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Adds a bearer token of a user. With at least one token, requests without one are anonymous and may do nothing;
    /// without any, every request may do everything.
    #[must_use]
    pub fn token(mut self, token: &str, user: &str, access: Access) -> Self {
        self.users.add(token, user, access);
        self
    }

    /// Sets whose requests without a token are: kubectl sends none to a server without TLS.
    #[must_use]
    pub fn without_token(mut self, user: &str, access: Access) -> Self {
        self.users.add_without_token(user, access);
        self
    }

    /// Sets whether lists over 128 KiB are compressed if the client accepts it. On by default.
    #[must_use]
    pub fn gzip(mut self, on: bool) -> Self {
        self.gzip = on;
        self
    }

    /// Sets how many events are kept; a watch that starts before them is too old. 50,000 by default.
    #[must_use]
    pub fn history(mut self, events: usize) -> Self {
        self.history = events;
        self
    }

    /// Sets the interval of bookmarks for watches that accept them. A minute by default, as with real servers.
    #[must_use]
    pub fn bookmark_interval(mut self, interval: Duration) -> Self {
        self.bookmark_interval = interval;
        self
    }

    /// Starts without the PrometheusRule definition.
    #[must_use]
    pub fn without_prometheus_rules(mut self) -> Self {
        self.prometheus_rules = false;
        self
    }

    /// Sets the uid of the `kube-system` namespace, which identifies the cluster. Random by default, and constant
    /// during the life of the server, including restarts.
    #[must_use]
    pub fn cluster_uid(mut self, uid: &str) -> Self {
        self.cluster_uid = Some(uid.to_owned());
        self
    }

    /// Stops the server's clock at this time (RFC 3339): all that it creates is of this time, until
    /// [`KubeServer::set_time`]. By default, the clock is that of the system.
    #[must_use]
    pub fn time(mut self, time: &str) -> Self {
        self.time = Some(time.to_owned());
        self
    }

    /// Makes uids and the endings of generated names the same in every run, given the same writes in the same order.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts without controllers: deleted namespaces stay `Terminating`, with their content, until
    /// [`KubeServer::finish_namespace`], and objects that are deleted in the foreground wait for a garbage collector.
    #[must_use]
    pub fn without_namespace_controller(mut self) -> Self {
        self.controller = false;
        self
    }

    /// Records requests in this journal; its detail may have been set before.
    #[must_use]
    pub fn journal(mut self, journal: Journal) -> Self {
        self.journal = journal;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    /// If the address cannot be bound, or the time is not one.
    pub async fn start(self) -> io::Result<KubeServer> {
        let stamps = Stamps::new(self.seed);
        if let Some(time) = &self.time {
            set_clock(&stamps.clock, time)?;
        }
        let mut world = World::new(self.history, self.cluster_uid, stamps);
        world.controller = self.controller;
        let cluster = Arc::new(Cluster::new(world, self.users, self.gzip, self.bookmark_interval));
        let faults = Faults::new();
        let api = Arc::new(Api { cluster: cluster.clone() });
        let listen = Listen::start(self.address, api, self.journal, faults.clone()).await?;
        let server = KubeServer { faults: KubeFaults::new(cluster.clone(), faults), cluster, listen };
        if self.prometheus_rules {
            server.create_crd();
        }
        Ok(server)
    }
}
