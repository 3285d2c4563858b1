//! [`RulerServer`]: a ruler that listens.

use std::{fmt, io, net::SocketAddr, ops::Deref, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    body::{self, Body},
    builder::RulerBuilder,
    service::RulerService,
};

/// The time a graceful shutdown waits for requests in progress before it closes their connections.
const GRACE: Duration = Duration::from_secs(2);

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
    /// Closes all connections at once.
    cut: CancellationToken,
    /// Stops new connections and requests; those in progress finish.
    finish: CancellationToken,
    tasks: TaskTracker,
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

impl Drop for RulerServer {
    fn drop(&mut self) {
        self.cut.cancel();
    }
}

impl RulerServer {
    /// Makes a ruler and serves it on the current tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be bound or the storage directory cannot be used.
    pub async fn start(ruler: RulerBuilder) -> io::Result<Self> {
        let address = ruler.address();
        let service = Arc::new(ruler.build()?);
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (cut, finish, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(listener, Arc::clone(&service), cut.clone(), finish.clone(), tasks.clone()));
        tasks.close();
        Ok(Self { address, service, cut, finish, tasks })
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
        self.finish.cancel();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            self.cut.cancel();
            self.tasks.wait().await;
        }
    }
}

async fn accept(
    listener: TcpListener,
    service: Arc<RulerService>,
    cut: CancellationToken,
    finish: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = cut.cancelled() => return,
            () = finish.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        // An error here is a connection that was closed while it was queued.
        if let Ok((stream, _)) = accepted {
            tasks.spawn(connection(stream, Arc::clone(&service), cut.clone(), finish.clone()));
        }
    }
}

async fn connection(
    stream: TcpStream,
    service: Arc<RulerService>,
    cut: CancellationToken,
    finish: CancellationToken,
) {
    // Otherwise a small answer can wait for the acknowledgement of the previous one.
    let _ = stream.set_nodelay(true);
    let exchange = service_fn(move |request| exchange(request, Arc::clone(&service)));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), exchange);
    tokio::pin!(serving);
    let mut finishing = false;
    loop {
        tokio::select! {
            biased;
            () = cut.cancelled() => return,
            // An error is a client that has disconnected.
            _ = serving.as_mut() => return,
            () = finish.cancelled(), if !finishing => {
                finishing = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
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
