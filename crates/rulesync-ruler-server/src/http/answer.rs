//! Answers in the format of Go's HTTP servers.

use std::io::Write as _;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::{
    body::{Body, full},
    model::kind::Profile,
};

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const YAML: &str = "application/yaml";

/// The size in bytes from which bodies are compressed.
const COMPRESSIBLE: usize = 1400;

/// The size in bytes up to which lists are sent with their length; longer ones are chunked.
const BUFFERED: usize = 2048;

/// An answer before its conversion to a response.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    content_type: Option<&'static str>,
    nosniff: bool,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body, as the concatenation of these parts.
    parts: Vec<Bytes>,
    /// `true` if the router sends it, before the compression layer.
    bare: bool,
}

impl Answer {
    fn new(status: u16, content_type: Option<&'static str>, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, content_type, parts: vec![body.into()], ..Self::default() }
    }

    /// An error in plain text, like Go's `http.Error`.
    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self { nosniff: true, ..Self::new(status, Some(TEXT), format!("{text}\n")) }
    }

    /// The answer of a server that recovered from a panic of its handler.
    pub(crate) fn panicked(why: &str) -> Self {
        Self { nosniff: true, ..Self::new(500, Some(TEXT), format!("error while processing request: {why}")) }
    }

    /// An error in the JSON envelope.
    pub(crate) fn error(profile: &Profile, status: u16, kind: &str, error: &str) -> Self {
        // Formatted by hand because of the order of the fields.
        let (kind, error) = (json!(kind), json!(error));
        if profile.sniffed_errors {
            let body = format!(r#"{{"status":"error","data":null,"errorType":{kind},"error":{error}}}"#);
            Self::new(status, Some(TEXT), body)
        } else {
            Self::new(
                status,
                Some(JSON),
                format!(r#"{{"status":"error","errorType":{kind},"error":{error}}}"#),
            )
        }
    }

    /// A JSON document, with the characters escaped that Go escapes.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        let mut escaped = String::with_capacity(body.len());
        for c in body.chars() {
            match c {
                '<' => escaped.push_str("\\u003c"),
                '>' => escaped.push_str("\\u003e"),
                '&' => escaped.push_str("\\u0026"),
                c => escaped.push(c),
            }
        }
        Self::new(status, Some(JSON), escaped)
    }

    /// A page for people.
    pub(crate) fn html(body: &str) -> Self {
        Self::new(200, Some(HTML), body.to_owned())
    }

    /// A YAML document in parts.
    pub(crate) fn yaml(parts: Vec<Bytes>) -> Self {
        Self { parts, ..Self::new(200, Some(YAML), "") }
    }

    /// The answer of Go's server to a malformed request line, before it closes the connection.
    pub(crate) fn malformed() -> Self {
        Self::new(400, Some(TEXT), "400 Bad Request").bare().with("connection", "close".to_owned())
    }

    /// An answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, None, "")
    }

    /// Marks the answer as sent by the router, without any other layer.
    pub(crate) fn bare(self) -> Self {
        Self { bare: true, ..self }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Creates the response; compressed if the server compresses, the client accepts it and the body is large enough.
    pub(crate) fn respond(self, profile: &Profile, accepts_gzip: bool) -> Response<Body> {
        let length: usize = self.parts.iter().map(Bytes::len).sum();
        let compress = profile.compresses && accepts_gzip && !self.bare && length >= COMPRESSIBLE;
        let (body, compressed) = match if compress { gzip(&self.parts) } else { None } {
            Some(packed) => (full(packed), true),
            None if length > BUFFERED => (in_chunks(self.parts), false),
            None => (full(self.parts.concat()), false),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(kind) = self.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if self.nosniff {
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        if profile.compresses && !self.bare {
            headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if compressed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// A body of these parts, without an announced length.
fn in_chunks(parts: Vec<Bytes>) -> Body {
    use http_body_util::{BodyExt as _, StreamBody};
    use hyper::body::Frame;
    let frames = parts.into_iter().map(|part| Ok(Frame::data(part)));
    StreamBody::new(futures::stream::iter(frames)).boxed_unsync()
}

/// Compresses the parts; `None` on an error, which does not occur when writing to memory.
fn gzip(parts: &[Bytes]) -> Option<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for part in parts {
        packer.write_all(part).ok()?;
    }
    packer.finish().ok()
}
