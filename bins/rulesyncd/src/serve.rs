//! Serves the web pages on a thread of their own, and bounds what their clients can hold.
//!
//! The engine has one thread, which answers no request while it is busy. A second one with a runtime of its own costs a
//! small stack, and keeps `/-/healthy` answering whatever the engine does.
//!
//! | what a client does | what it costs the daemon |
//! |---|---|
//! | does not shake hands for TLS | closed after [`Limits::handshake`] |
//! | opens connections and sends nothing | [`Limits::connections`] of them; each further one closes the one that has waited longest |
//! | sends its request slowly | closed after [`Limits::head`] |
//! | keeps a connection for later | closed after [`Limits::idle`] |
//! | does not read its answer | closed with a reset after [`Limits::stall`] without a byte, or [`Limits::answer`] as a whole |
//! | follows a stream, such as that of events | lasts as long as the client reads it; the daemon's end ends it at once |
//! | is gone without a word | closed after [`Limits::stall`] without an acknowledgement of what was sent |
//! | sends a long head | refused at 16 KiB, or 8 KiB over HTTP/2 |
//! | sends many requests at once over HTTP/2 | 16 of them, each with these limits; what a client does not take of one of them ends the connection |
//!
//! At the limit a new connection is served, not refused: a client that opens all connections and waits would otherwise
//! keep the health pages from answering. Connections that wait for a request are closed first, then those in the middle of an answer.

mod activity;
mod answer;
mod connection;
mod handshake;
mod limits;
mod peer;
mod streams;
mod watched;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use activity::Activity;
pub(crate) use answer::Stream;
pub(crate) use handshake::{HTTP1, HTTP2};
pub(crate) use limits::Limits;
pub(crate) use peer::Peer;

/// How much of an answer the system may hold for a client that does not read; it doubles the number. Without a bound this
/// grows to megabytes per connection, which count as the pod's memory.
const SEND_BUFFER: u32 = 64 << 10;

/// Connections that the system may accept ahead of the daemon.
const BACKLOG: u32 = 1024;

/// The stack of the thread; only what is used of it takes memory.
const STACK_BYTES: usize = 1 << 20;

/// The wait after the system failed to accept a connection, such as for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Returns how the next connection is encrypted.
pub(crate) type Tls = Box<dyn FnMut() -> Arc<ServerConfig> + Send>;

/// The thread that serves the pages. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<Instant>,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl Server {
    /// Binds `address` and serves `router` there, over TLS if there is a configuration.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound or the thread cannot be started.
    pub(crate) fn start(
        address: SocketAddr,
        router: Router,
        limits: Limits,
        tls: Option<Tls>,
    ) -> io::Result<Self> {
        let listener = bind(address, limits.stall)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let serve = move || {
            // If this panics, `end` is dropped, which reports it.
            let result = serve(listener, Connections::new(router, limits, tls), stopped);
            let _ = end.send(result);
        };
        std::thread::Builder::new().name("pages".to_owned()).stack_size(STACK_BYTES).spawn(serve)?;
        Ok(Self { address, stop, ended })
    }

    /// The address bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the pages are no longer served although they were not stopped.
    pub(crate) async fn failed(&mut self) -> io::Error {
        match (&mut self.ended).await {
            Ok(Ok(())) => io::Error::other("their thread has ended"),
            Ok(Err(error)) => error,
            Err(_) => io::Error::other("their thread has panicked"),
        }
    }

    /// Accepts no more connections, lets requests in flight finish until `cut`, and ends the thread.
    pub(crate) async fn stop(self, cut: Instant) {
        if self.stop.send(cut).is_ok() {
            // The thread keeps the time itself; this is for a thread that is stuck.
            let _ = tokio::time::timeout_at(cut, self.ended).await;
        }
    }
}

fn bind(address: SocketAddr, stall: Duration) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Otherwise the port stays in use for a minute after the previous process.
    socket.set_reuseaddr(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    // Otherwise the system tries to reach a client for a quarter of an hour, such as a laptop that was closed.
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(&socket).set_tcp_user_timeout(Some(stall))?;
    #[cfg(not(target_os = "linux"))]
    let _ = stall;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// The thread's whole life.
fn serve(
    listener: std::net::TcpListener,
    mut connections: Connections,
    stopped: oneshot::Receiver<Instant>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let cut = tokio::select! {
            cut = stopped => cut,
            never = connections.accept(&listener) => match never {},
        };
        drop(listener);
        // If the sender was dropped, so was the owner of the server.
        connections.finish(cut.unwrap_or_else(|_| Instant::now())).await;
        Ok(())
    });
    // A password that is still being checked is not waited for.
    runtime.shutdown_background();
    served
}

/// The open connections, each a task.
struct Connections {
    router: Router,
    limits: Limits,
    tls: Option<Tls>,
    tasks: JoinSet<()>,
    open: Vec<(AbortHandle, Activity)>,
    finish: CancellationToken,
}

impl Connections {
    fn new(router: Router, limits: Limits, tls: Option<Tls>) -> Self {
        let (tasks, open, finish) = (JoinSet::new(), Vec::new(), CancellationToken::new());
        Self { router, limits, tls, tasks, open, finish }
    }

    async fn accept(&mut self, listener: &TcpListener) -> std::convert::Infallible {
        let mut failing = false;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    failing = false;
                    self.make_room();
                    let tls = self.tls.as_mut().map(|tls| tls());
                    let activity = Activity::new(tls.is_some());
                    let serving = connection::serve(
                        stream,
                        tls,
                        self.router.clone(),
                        activity.clone(),
                        self.limits,
                        self.finish.clone(),
                    );
                    self.open.push((self.tasks.spawn(serving), activity));
                    // Open connections make progress however fast clients connect, and closed ones are really closed.
                    tokio::task::yield_now().await;
                }
                // The client closed the connection while it waited.
                Err(error) if is_of_one_client(&error) => {}
                Err(error) => {
                    if !failing {
                        warn!(%error, "Cannot accept connections to the web pages");
                    }
                    failing = true;
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Closes connections until there is room for one more.
    fn make_room(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        self.open.retain(|(task, _)| !task.is_finished());
        while self.open.len() >= self.limits.connections.max(1) {
            let dispensable = self.open.iter().enumerate().min_by_key(|(_, (_, activity))| activity.worth());
            let Some((index, _)) = dispensable else { return };
            self.open.swap_remove(index).0.abort();
        }
    }

    /// Lets requests in flight finish until `cut`. Streams are not waited for.
    async fn finish(mut self, cut: Instant) {
        self.finish.cancel();
        for (task, _) in self.open.iter().filter(|(_, activity)| activity.is_streaming_only()) {
            task.abort();
        }
        let _ = tokio::time::timeout_at(cut, async { while self.tasks.join_next().await.is_some() {} }).await;
        self.tasks.shutdown().await;
    }
}

/// Returns whether accepting failed because of one client, so that the next connection may succeed.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
