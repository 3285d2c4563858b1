//! The serving code shared by all testkit servers: accepts connections, records requests, applies faults and passes
//! requests to a [`Handler`]. Independent of what a request means.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::{
    body::{Body as _, Frame, Incoming, SizeHint},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rulesync_ruler_server::{
    body,
    connections::{Connections, Stops, serve},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
};

pub(crate) use rulesync_ruler_server::body::{Body, full as full_body};

use crate::{
    fault::{Effect, Faults},
    journal::Journal,
};

/// The default limit of a request's body, in bytes.
const LONGEST_BODY: usize = 32 << 20;

/// Processes the requests that no fault has intercepted. The body has been read completely.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The limit of a request's body, in bytes; a longer body is answered with 413 and never passed on.
    fn longest_body(&self) -> usize {
        LONGEST_BODY
    }

    /// Answers a request.
    fn handle(self: Arc<Self>, request: Request<Bytes>) -> BoxFuture<'static, Response<Body>>;
}

/// A listening server that can be stopped and restarted on its port, which is its own until it is dropped.
pub(crate) struct Listen {
    shared: Arc<Shared>,
    state: Mutex<State>,
    address: SocketAddr,
}

struct State {
    port: Port,
    running: Option<Connections>,
}

/// A port, held by a socket that is bound to it and does not listen: the system gives the port to nobody else, and
/// refuses connections to it while no other socket listens.
struct Port(TcpSocket);

impl Port {
    /// Takes a port; port 0 is any free one.
    fn new(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Sockets that all ask for it share a port, as long as none of them listens.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self(socket))
    }

    /// Listens with the socket that held the port, once another one holds it.
    fn listen(&mut self) -> io::Result<TcpListener> {
        const BACKLOG: u32 = 1024;
        let next = Self::new(self.0.local_addr()?)?;
        std::mem::replace(self, next).0.listen(BACKLOG)
    }
}

struct Shared {
    handler: Arc<dyn Handler>,
    journal: Journal,
    faults: Faults,
}

impl Listen {
    /// Binds `address` (port 0 for any free port) and starts serving.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub(crate) async fn start(
        address: SocketAddr,
        handler: Arc<dyn Handler>,
        journal: Journal,
        faults: Faults,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared { handler, journal, faults });
        let mut port = Port::new(address)?;
        let listener = port.listen()?;
        let address = listener.local_addr()?;
        let running = Some(connections(listener, Arc::clone(&shared)));
        Ok(Self { shared, state: Mutex::new(State { port, running }), address })
    }

    /// The bound address; it stays the same across stops and restarts.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The journal of this server.
    pub(crate) fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// The faults of this server.
    pub(crate) fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Stops listening and closes every connection at once; new connections are refused from then on. Returns when
    /// everything is closed.
    pub(crate) async fn stop(&self) {
        let running = self.lock().running.take();
        if let Some(running) = running {
            running.stop().await;
        }
    }

    /// Listens again after [`stop`](Self::stop); has no effect if it does.
    ///
    /// # Errors
    /// If the system has no socket left.
    pub(crate) async fn start_again(&self) -> io::Result<()> {
        let mut state = self.lock();
        if state.running.is_none() {
            let listener = state.port.listen()?;
            state.running = Some(connections(listener, Arc::clone(&self.shared)));
        }
        Ok(())
    }

    /// Accepts no new requests, lets those in progress finish for a moment, then closes.
    pub(crate) async fn shutdown(&self) {
        let running = self.lock().running.take();
        if let Some(running) = running {
            running.shutdown().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connections(listener: TcpListener, shared: Arc<Shared>) -> Connections {
    Connections::accept(listener, move |stream, stops| {
        shared.journal.connected();
        connection(stream, Arc::clone(&shared), stops)
    })
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, stops: Stops) {
    let reset = Arc::new(AtomicBool::new(false));
    let mut outages = shared.faults.outages();
    let io = TokioIo::new(Resettable { stream, reset: Arc::clone(&reset) });
    let service = service_fn({
        let (shared, reset) = (Arc::clone(&shared), Arc::clone(&reset));
        move |request| exchange(request, Arc::clone(&shared), Arc::clone(&reset))
    });
    let cut = async {
        tokio::select! {
            () = stops.cut() => {}
            _ = outages.wait_for(|on| *on) => {}
        }
        // Before the connection is dropped.
        reset.store(true, Ordering::Relaxed);
    };
    // The journal records a client that has disconnected and an applied fault.
    serve(io, service, &stops, cut).await;
}

/// Processes one request: record, apply faults, answer. An error makes hyper drop the connection.
async fn exchange(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    reset: Arc<AtomicBool>,
) -> Result<Response<Tracked>, Cut> {
    let (head, body) = request.into_parts();
    let body = body::read(body, shared.handler.longest_body()).await.map_err(|_| Cut)?;
    let too_long = body.is_none();
    let request = Request::from_parts(head, body.unwrap_or_default());
    let journal = shared.journal.clone();
    let end = End { journal: journal.clone(), number: journal.arrived(&request) };
    let (delay, effect) = shared.faults.effect_on(&request);
    if !delay.is_zero() || effect.is_some() {
        journal.note(end.number, |entry| entry.faulted = true);
    }
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let handler = Arc::clone(&shared.handler);
    let response = match effect {
        _ if too_long => body::too_large(),
        None => handler.handle(request).await,
        Some(Effect::Answer(canned)) => {
            let mut response = Response::new(full_body(canned.body));
            *response.status_mut() = canned.status;
            *response.headers_mut() = canned.headers;
            response
        }
        Some(Effect::Truncate(bytes)) => truncated(handler.handle(request).await, bytes),
        Some(Effect::Hang) => std::future::pending().await,
        Some(Effect::LoseAnswer) => {
            handler.handle(request).await;
            reset.store(true, Ordering::Relaxed);
            return Err(Cut);
        }
        // Latency is never the effect: `effect_on` sums delays up.
        Some(Effect::Reset | Effect::Latency(_)) => {
            reset.store(true, Ordering::Relaxed);
            return Err(Cut);
        }
    };
    journal.note(end.number, |entry| entry.status = Some(response.status().as_u16()));
    Ok(response.map(|body| Tracked { body, _end: end }))
}

/// Makes hyper drop the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct Cut;

/// Passes `limit` bytes of the body, then breaks the connection. The full length is still announced.
fn truncated(response: Response<Body>, limit: usize) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        head.headers.insert(http::header::CONTENT_LENGTH, length.into());
    }
    let stream = futures::stream::unfold((body, limit), |(mut body, left)| async move {
        let frame = match body.frame().await? {
            Ok(frame) => frame,
            Err(error) => return Some((Err(error), (body, 0))),
        };
        let Ok(mut data) = frame.into_data() else { return None };
        if data.len() <= left {
            let left = left - data.len();
            return Some((Ok(Frame::data(data)), (body, left)));
        }
        if left > 0 {
            data.truncate(left);
            // The rest of the body exceeds the remaining limit: continue with a body that fails at once.
            return Some((Ok(Frame::data(data)), (broken(), 0)));
        }
        Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), (body, 0)))
    });
    Response::from_parts(head, http_body_util::StreamBody::new(stream).boxed_unsync())
}

/// A body that fails at once.
fn broken() -> Body {
    let error = io::Error::from(io::ErrorKind::ConnectionReset);
    http_body_util::StreamBody::new(futures::stream::once(std::future::ready(Err(error)))).boxed_unsync()
}

/// Records the end of a request in the journal when the answer has been sent or abandoned.
struct End {
    journal: Journal,
    number: Option<u64>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.journal.note(self.number, |entry| entry.ended = Some(Instant::now()));
    }
}

/// A body that records its end.
struct Tracked {
    body: Body,
    _end: End,
}

impl hyper::body::Body for Tracked {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that is closed with a reset (RST) instead of an orderly end (FIN) if `reset` is set.
struct Resettable {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // With an orderly end (FIN) first, a client could take a truncated answer for a complete one.
        if self.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
