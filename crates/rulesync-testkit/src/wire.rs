//! A client that sends a path verbatim; other clients normalize it.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A complete answer.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Reply {
    /// The body as a string; bytes that are not UTF-8 become replacement characters.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first value of a header, if present and valid text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The reason why there is no answer or an incomplete one.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Sends one request on a separate connection.
///
/// # Errors
/// If there is no complete answer.
pub async fn send(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Reply, Failure> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes())?).uri(target);
    request = request.header("host", address.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::new(body))?).await?;
    let (head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    drop(sender);
    connection.await??;
    Ok(Reply { status: head.status, headers: head.headers, body })
}

/// Sends a request as tenant `t1`.
///
/// # Panics
/// If there is no complete answer.
#[expect(clippy::expect_used, reason = "what a test asks, a server that works answers")]
pub async fn ask(address: SocketAddr, method: &str, target: &str, body: &str) -> Reply {
    let headers = [("x-scope-orgid", "t1"), ("content-type", "application/yaml")];
    send(address, method, target, &headers, Bytes::from(body.to_owned())).await.expect("an answer")
}
