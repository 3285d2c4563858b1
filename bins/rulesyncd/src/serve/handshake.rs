//! The TLS handshake of a connection.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::limits::TLS_SEND_BYTES;
use super::peer::Peer;
use super::watched::Watched;

/// The protocols by their names in ALPN.
pub(crate) const HTTP1: &[u8] = b"http/1.1";
pub(crate) const HTTP2: &[u8] = b"h2";

/// The first byte of a handshake. That of a request is a letter.
const HANDSHAKE: u8 = 22;

/// A connection after its handshake.
pub(super) struct Encrypted {
    pub(super) stream: TlsStream<Watched>,
    pub(super) peer: Peer,
    pub(super) is_http2: bool,
}

/// Shakes hands with a client.
///
/// # Errors
///
/// If the client is gone, does not speak TLS, or if both have nothing in common. A client that speaks HTTP is told so.
pub(super) async fn accept(stream: Watched, tls: Arc<ServerConfig>) -> io::Result<Encrypted> {
    if let Some(first) = stream.peek().await?
        && first != HANDSHAKE
        && first.is_ascii_alphabetic()
    {
        return Err(answer_plain_http(stream).await);
    }
    let limit_buffer = |connection: &mut rustls::ServerConnection| {
        connection.set_buffer_limit(Some(TLS_SEND_BYTES));
    };
    let stream = TlsAcceptor::from(tls).accept_with(stream, limit_buffer).await?;
    let (_, session) = stream.get_ref();
    let has_certificate = session.peer_certificates().is_some_and(|chain| !chain.is_empty());
    let is_http2 = session.alpn_protocol() == Some(HTTP2);
    Ok(Encrypted { peer: Peer { is_encrypted: true, has_certificate }, is_http2, stream })
}

/// Answers a request that was sent without TLS, as Go's server does.
async fn answer_plain_http(mut stream: Watched) -> io::Error {
    const ANSWER: &[u8] =
        b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
        this server speaks HTTPS: write https:// in the address\n";
    let answer = async {
        // What is left unread resets the connection, and with it the answer.
        let _ = stream.read(&mut [0; 1024]).await?;
        stream.write_all(ANSWER).await?;
        stream.shutdown().await
    };
    answer.await.err().unwrap_or_else(|| io::Error::other("the client speaks HTTP without TLS"))
}
