//! One connection to the pages: encrypted or not, over HTTP/1 or HTTP/2, until its end or until its time is over.

use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::activity::Activity;
use super::answer::Answer;
use super::handshake::{self, Encrypted};
use super::limits::{
    HEAD_BYTES, HTTP2_HEAD_BYTES, HTTP2_SEND_BYTES, HTTP2_STREAMS, HTTP2_WINDOW_BYTES, Limits,
};
use super::peer::Peer;
use super::streams::Streams;
use super::watched::Watched;

/// Serves one connection until it ends or its time is over.
pub(super) async fn serve(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    activity: Activity,
    limits: Limits,
    finish: CancellationToken,
) {
    // Otherwise a small answer can wait for the acknowledgement of the previous one.
    let _ = stream.set_nodelay(true);
    let connection = Connection { router, activity: activity.clone(), finish };
    let serving = async {
        match tls {
            None => connection.http1(Watched::new(stream, activity.clone()), Peer::default()).await,
            // In memory of its own: it is larger, and connections without TLS need none of it.
            Some(tls) => Box::pin(connection.encrypted(stream, tls)).await,
        }
    };
    tokio::select! {
        () = serving => {}
        () = activity.time_over(limits) => {}
    }
}

/// What the connection is served with.
struct Connection {
    router: Router,
    activity: Activity,
    finish: CancellationToken,
}

impl Connection {
    async fn encrypted(&self, stream: TcpStream, tls: Arc<ServerConfig>) {
        let client = stream.peer_addr();
        let stream = Watched::new(stream, self.activity.clone());
        let accepted = tokio::select! {
            accepted = handshake::accept(stream, tls) => accepted,
            () = self.finish.cancelled() => return,
        };
        match accepted {
            Ok(Encrypted { stream, peer, is_http2 }) => {
                self.activity.shook_hands(is_http2);
                if is_http2 { self.http2(stream, peer).await } else { self.http1(stream, peer).await }
            }
            Err(error) => {
                let client = client.map(|client| client.to_string()).unwrap_or_default();
                debug!(client, %error, "TLS handshake failed");
            }
        }
    }

    async fn http1(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send, peer: Peer) {
        let serving = http1::Builder::new()
            // `Activity` measures the times.
            .header_read_timeout(None)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), self.service(peer));
        let mut serving = pin!(serving);
        tokio::select! {
            // An error means that the client is gone, or does not speak HTTP and was answered so.
            _ = serving.as_mut() => return,
            () = self.finish.cancelled() => serving.as_mut().graceful_shutdown(),
        }
        let _ = serving.await;
    }

    async fn http2(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send, peer: Peer) {
        let serving = http2::Builder::new(Streams::default())
            .max_concurrent_streams(HTTP2_STREAMS)
            .max_header_list_size(HTTP2_HEAD_BYTES)
            .max_send_buf_size(HTTP2_SEND_BYTES)
            .initial_stream_window_size(HTTP2_WINDOW_BYTES)
            .initial_connection_window_size(HTTP2_WINDOW_BYTES)
            .serve_connection(TokioIo::new(stream), self.service(peer));
        let mut serving = pin!(serving);
        tokio::select! {
            _ = serving.as_mut() => return,
            () = self.finish.cancelled() => serving.as_mut().graceful_shutdown(),
        }
        let _ = serving.await;
    }

    /// Returns the pages for the requests of a client.
    fn service(
        &self,
        peer: Peer,
    ) -> impl HttpService<Incoming, ResBody = Answer, Error = std::convert::Infallible, Future: Send + 'static>
    + use<> {
        let pages = TowerToHyperService::new(self.router.clone());
        let activity = self.activity.clone();
        service_fn(move |mut request: Request<Incoming>| {
            let answering = activity.begin();
            request.extensions_mut().insert(peer);
            let answer = pages.call(request);
            async move { answer.await.map(|answer| Answer::watch(answer, answering)) }
        })
    }
}
