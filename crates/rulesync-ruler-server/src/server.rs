//! [`RulerServer`]: a ruler that listens.

use std::{fmt, io, net::SocketAddr, ops::Deref, sync::Arc};

use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    body::{self, Body},
    builder::RulerBuilder,
    connections::{Connections, Stops, serve},
    service::RulerService,
};

/// A ruler that listens. Dropping it closes all connections; [`shutdown`](Self::shutdown) lets requests finish.
///
/// Its [`RulerService`] gives direct access to the groups.
///
/// ```
/// use rulesync_ruler_server::{Kind, RulerBuilder, RulerServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ruler = RulerServer::start(RulerBuilder::new(Kind::Mimir)).await?;
/// ruler.put("team-a", "some/namespace", "name: g\nrules: [{record: up:sum, expr: sum(up)}]")?;
/// // … point a client to `ruler.url()` …
/// assert_eq!(ruler.rules("team-a")["some/namespace"]["g"].rules[0].expr, "sum(up)");
/// # Ok(())
/// # }
/// ```
pub struct RulerServer {
    address: SocketAddr,
    service: Arc<RulerService>,
    connections: Connections,
}

impl fmt::Debug for RulerServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RulerServer")
            .field("kind", &self.kind())
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl Deref for RulerServer {
    type Target = RulerService;

    fn deref(&self) -> &RulerService {
        &self.service
    }
}

impl RulerServer {
    /// Makes a ruler and serves it on the current tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be bound or the storage directory cannot be used.
    pub async fn start(ruler: RulerBuilder) -> io::Result<Self> {
        let address = ruler.address();
        // Reads the storage directory.
        let building = tokio::task::spawn_blocking(move || ruler.build());
        let service = Arc::new(building.await.map_err(io::Error::other)??);
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let served = Arc::clone(&service);
        let connections = Connections::accept(listener, move |stream, stops| {
            connection(stream, Arc::clone(&served), stops)
        });
        Ok(Self { address, service, connections })
    }

    /// The base URL, without a path or trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no new requests, lets those in progress finish for up to two seconds, then closes.
    pub async fn shutdown(self) {
        self.connections.shutdown().await;
    }
}

async fn connection(stream: TcpStream, service: Arc<RulerService>, stops: Stops) {
    let exchange = service_fn(move |request| exchange(request, Arc::clone(&service)));
    serve(TokioIo::new(stream), exchange, &stops, stops.cut()).await;
}

async fn exchange(
    request: Request<Incoming>,
    service: Arc<RulerService>,
) -> Result<Response<Body>, hyper::Error> {
    let (head, incoming) = request.into_parts();
    Ok(match body::read(incoming, service.longest_body()).await? {
        Some(read) => service.handle(Request::from_parts(head, read)).await,
        None => body::too_large(),
    })
}
