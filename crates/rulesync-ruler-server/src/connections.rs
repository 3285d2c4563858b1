//! The connections of a server: accepted, served until they end, finished in good order or cut.

use std::{error::Error, future::Future, io, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The time a graceful shutdown waits for requests in progress before it closes their connections.
const GRACE: Duration = Duration::from_secs(2);

/// The connections that a listener accepts. Dropping them closes all at once.
pub struct Connections {
    stops: Stops,
    tasks: TaskTracker,
}

/// The ends of a server that its connections follow.
#[derive(Clone, Default)]
pub struct Stops {
    /// Closes all connections at once.
    cut: CancellationToken,
    /// Stops new connections and requests; those in progress finish.
    finish: CancellationToken,
}

impl Stops {
    /// Waits until all connections are to be closed at once.
    pub async fn cut(&self) {
        self.cut.cancelled().await;
    }
}

impl Connections {
    /// Accepts connections on the current tokio runtime; each is handed to `connection` at once, whose future runs in a
    /// task of its own.
    pub fn accept<F>(
        listener: TcpListener,
        connection: impl Fn(TcpStream, Stops) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stops, tasks) = (Stops::default(), TaskTracker::new());
        tasks.spawn(accept(listener, connection, stops.clone(), tasks.clone()));
        tasks.close();
        Self { stops, tasks }
    }

    /// Closes the port and every connection at once. Returns when everything is closed.
    pub async fn stop(self) {
        self.stops.cut.cancel();
        self.tasks.wait().await;
    }

    /// Accepts no new requests, lets those in progress finish for up to two seconds, then closes.
    pub async fn shutdown(self) {
        self.stops.finish.cancel();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            self.stop().await;
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.stops.cut.cancel();
    }
}

async fn accept<F>(
    listener: TcpListener,
    connection: impl Fn(TcpStream, Stops) -> F,
    stops: Stops,
    tasks: TaskTracker,
) where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            () = stops.cut.cancelled() => return,
            () = stops.finish.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        // An error here is a connection that was closed while it was queued.
        if let Ok((stream, _)) = accepted {
            // Otherwise a small answer can wait for the acknowledgement of the previous one.
            let _ = stream.set_nodelay(true);
            tasks.spawn(connection(stream, stops.clone()));
        }
    }
}

/// Answers the requests of one connection until it ends, requests in progress are to finish, or `cut` is over, which
/// closes it at once.
pub async fn serve<I, S, B>(io: I, service: S, stops: &Stops, cut: impl Future<Output = ()>)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<Box<dyn Error + Send + Sync>>>,
    B: http_body::Body<Data = Bytes, Error = io::Error> + 'static,
{
    let serving =
        http1::Builder::new().timer(TokioTimer::new()).title_case_headers(true).serve_connection(io, service);
    tokio::pin!(serving, cut);
    let mut finishing = false;
    loop {
        tokio::select! {
            // In this order, so that nothing is served once the connection is to be closed.
            biased;
            () = cut.as_mut() => return,
            // An error is a client that has disconnected, or a service that drops the connection on purpose.
            _ = serving.as_mut() => return,
            () = stops.finish.cancelled(), if !finishing => {
                finishing = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
