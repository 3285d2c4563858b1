//! [`RulerServer`]: a ruler of `rulesync-ruler-server` with a journal and faults.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    ops::Deref,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use rulesync_ruler_server::{Kind, RulerBuilder, RulerService};

use crate::{
    fault::Faults,
    journal::{Detail, Journal},
    listen::{Body, Handler, Listen},
};

/// A running ruler. Dropping it closes all connections; [`shutdown`](Self::shutdown) lets requests finish.
///
/// Its [`RulerService`] gives direct access to the groups.
///
/// ```
/// use rulesync_testkit::{Fault, Kind, RulerServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ruler = RulerServer::builder(Kind::Mimir).start().await?;
/// ruler.put("team-a", "some/namespace", "name: g\nrules: [{record: up:sum, expr: sum(up)}]")?;
/// ruler.faults().inject(Fault::status(503, "not now\n").times(2));
/// // … run a client against `ruler.url()` …
/// assert_eq!(ruler.rules("team-a")["some/namespace"]["g"].rules[0].expr, "sum(up)");
/// assert_eq!(ruler.journal().len(), 0);
/// # Ok(())
/// # }
/// ```
pub struct RulerServer {
    service: Arc<RulerService>,
    listen: Listen,
}

/// Options of a [`RulerServer`].
#[derive(Clone, Debug)]
pub struct RulerServerBuilder {
    ruler: RulerBuilder,
    list_latency: Duration,
    detail: Detail,
}

impl RulerServerBuilder {
    /// Sets options of the ruler itself.
    #[must_use]
    pub fn with(mut self, options: impl FnOnce(RulerBuilder) -> RulerBuilder) -> Self {
        self.ruler = options(self.ruler);
        self
    }

    /// Sets the delay of a list per group in it; zero by default.
    #[must_use]
    pub fn list_latency(mut self, per_group: Duration) -> Self {
        self.list_latency = per_group;
        self
    }

    /// Sets the amount of data the journal keeps per request; by default everything, which suits only short-lived
    /// rulers.
    #[must_use]
    pub fn journal(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// Starts the ruler on the current tokio runtime, on any free loopback port.
    ///
    /// # Errors
    /// If no port can be bound or the storage directory cannot be used.
    pub async fn start(self) -> io::Result<RulerServer> {
        let service = Arc::new(self.ruler.build()?);
        let handler = Arc::new(Slowed { service: Arc::clone(&service), list_latency: self.list_latency });
        let journal = Journal::new();
        journal.keep(self.detail);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listen = Listen::start(address, handler, journal, Faults::new()).await?;
        Ok(RulerServer { service, listen })
    }
}

/// A ruler whose lists take their time.
#[derive(Debug)]
struct Slowed {
    service: Arc<RulerService>,
    list_latency: Duration,
}

impl Handler for Slowed {
    fn longest_body(&self) -> usize {
        self.service.longest_body()
    }

    fn handle(self: Arc<Self>, request: Request<Bytes>) -> BoxFuture<'static, Response<Body>> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            if !self.list_latency.is_zero() {
                let groups = u32::try_from(self.service.groups_read_by(&head)).unwrap_or(u32::MAX);
                tokio::time::sleep(self.list_latency.saturating_mul(groups)).await;
            }
            Arc::clone(&self.service).handle(Request::from_parts(head, body)).await
        })
    }
}

impl RulerServer {
    /// The options of a ruler of this kind.
    pub fn builder(kind: Kind) -> RulerServerBuilder {
        RulerServerBuilder {
            ruler: RulerBuilder::new(kind),
            list_latency: Duration::ZERO,
            detail: Detail::default(),
        }
    }

    /// The base URL, without a path or trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.listen.address())
    }

    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.listen.address()
    }

    /// The journal of requests.
    pub fn journal(&self) -> &Journal {
        self.listen.journal()
    }

    /// The faults of this server.
    pub fn faults(&self) -> &Faults {
        self.listen.faults()
    }

    /// Stops listening and closes every connection at once: new connections are refused from then on. The port, stored
    /// groups, the journal and the faults are kept.
    pub async fn stop(&self) {
        self.listen.stop().await;
    }

    /// Listens on the same port again after [`stop`](Self::stop).
    ///
    /// # Errors
    /// If the system has no socket left.
    pub async fn start_again(&self) -> io::Result<()> {
        self.listen.start_again().await
    }

    /// Stops and starts again.
    ///
    /// # Errors
    /// If the system has no socket left.
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        self.start_again().await
    }

    /// Accepts no new requests, lets those in progress finish for up to two seconds, then closes.
    pub async fn shutdown(self) {
        self.listen.shutdown().await;
    }
}

impl Deref for RulerServer {
    type Target = RulerService;

    fn deref(&self) -> &RulerService {
        &self.service
    }
}

impl fmt::Debug for RulerServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RulerServer")
            .field("kind", &self.kind())
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
