//! The connections of a server: accepted, served until they end, finished in good order or cut.

use std::{error::Error, future::Future, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::rt::TokioTimer;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The time a graceful shutdown waits for requests in progress before it closes their connections.
const GRACE: Duration = Duration::from_secs(2);

/// The wait after the system failed to accept a connection, such as for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The number of connections that may be open. Further ones wait until the system hands them over.
const MAX_CONNECTIONS: usize = 512;

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
        tasks.spawn(accept(listener, connection, stops.clone(), tasks.clone(), MAX_CONNECTIONS));
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
    limit: usize,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(limit));
    loop {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (next(|| listener.accept()).await, permit)
        };
        let ((stream, _), permit) = tokio::select! {
            () = stops.cut.cancelled() => return,
            () = stops.finish.cancelled() => return,
            accepted = accepted => accepted,
        };
        // Otherwise a small answer can wait for the acknowledgement of the previous one.
        let _ = stream.set_nodelay(true);
        let connection = connection(stream, stops.clone());
        tasks.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
}

/// Returns the next connection that can be accepted.
async fn next<T, F>(accept: impl Fn() -> F) -> T
where
    F: Future<Output = io::Result<T>>,
{
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    let mut failing = false;
    loop {
        match accept().await {
            Ok(accepted) => return accepted,
            // The client closed the connection while it waited.
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "Cannot accept connections to the ruler");
                }
                failing = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::{sync::mpsc, time::Instant};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn next_pauses_after_errors_of_the_system_only() {
        use io::ErrorKind::{ConnectionAborted, Other};
        for (kind, pause) in [(Other, ACCEPT_PAUSE), (ConnectionAborted, Duration::ZERO)] {
            let (asked, start) = (AtomicUsize::new(0), Instant::now());
            let accept = || {
                let time = asked.fetch_add(1, Ordering::Relaxed);
                std::future::ready(if time < 5 { Err(io::Error::from(kind)) } else { Ok(time) })
            };
            assert_eq!(next(accept).await, 5);
            assert_eq!(start.elapsed(), pause * 5, "{kind}");
        }
    }

    #[tokio::test]
    async fn accept_leaves_connections_beyond_the_limit_waiting() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("is bound");
        let (stops, tasks, end) = (Stops::default(), TaskTracker::new(), Arc::new(Semaphore::new(0)));
        let (begun, mut connections) = mpsc::unbounded_channel();
        let ended = Arc::clone(&end);
        let connection = move |stream, _| {
            begun.send(()).expect("the test listens");
            let ended = Arc::clone(&ended);
            async move {
                ended.acquire().await.expect("is open").forget();
                drop::<TcpStream>(stream);
            }
        };
        tasks.spawn(accept(listener, connection, stops.clone(), tasks.clone(), 2));
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(TcpStream::connect(address).await.expect("the system accepts it"));
        }
        for _ in 0..2 {
            connections.recv().await.expect("is served");
        }
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert!(connections.try_recv().is_err());
        end.add_permits(1);
        connections.recv().await.expect("is served when another has ended");
        stops.cut.cancel();
        end.add_permits(2);
        tasks.close();
        tasks.wait().await;
    }
}
