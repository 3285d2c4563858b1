//! Responses: JSON, plain text and errors, with the headers a real API server sends; content negotiation.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::discovery::aggregated::MEDIA_TYPE;
use super::list::Form;
use super::query::Params;
use super::refused::Refused;
use super::table::TableOptions;
use crate::listen::{Body, full_body};

/// The size in bytes above which bodies are compressed if the client accepts it.
const GZIP_FROM: usize = 128 * 1024;

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    code: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    pub(crate) fn json(code: u16, value: &Value) -> Self {
        let mut text = value.to_string();
        text.push('\n');
        Self::bytes(code, Bytes::from(text))
    }

    /// Creates an answer from serialized JSON.
    pub(crate) fn bytes(code: u16, body: Bytes) -> Self {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Self { code, headers, body }
    }

    pub(crate) fn text(code: u16, body: &'static str) -> Self {
        let headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        Self { code, headers, body: Bytes::from_static(body.as_bytes()) }
    }

    /// The answer for a path below a group that is not served, such as that of a deleted definition.
    pub(crate) fn page_not_found() -> Self {
        Self::text(404, "404 page not found\n")
    }

    pub(crate) fn found(value: Option<Value>) -> Self {
        value.map_or_else(Self::page_not_found, |value| Self::json(200, &value))
    }

    /// An answer of aggregated discovery, or that the client has it already.
    pub(crate) fn discovery(value: &Value, headers: &HeaderMap) -> Self {
        let etag = format!("\"{}\"", fingerprint(value));
        let mut answer = Self::json(200, value);
        if headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == *etag) {
            answer = Self { code: 304, headers: Vec::new(), body: Bytes::new() };
        }
        answer.headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
            (header::CACHE_CONTROL, HeaderValue::from_static("public")),
            (header::VARY, HeaderValue::from_static("Accept")),
        ];
        answer.headers.extend(HeaderValue::from_str(&etag).ok().map(|etag| (header::ETAG, etag)));
        answer
    }

    pub(crate) fn refused(refused: &Refused) -> Self {
        let mut answer = Self::json(refused.code, &refused.status());
        if let Some(seconds) = refused.retry_after() {
            answer.headers.push((header::RETRY_AFTER, HeaderValue::from(seconds)));
        }
        if refused.code == 403 {
            answer.headers.push((header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
        }
        answer
    }

    /// Adds a `Warning` header; text that is not a valid header value is dropped, as by the real server.
    pub(crate) fn warn(&mut self, text: &str) {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            self.headers.push((header::WARNING, value));
        }
    }

    pub(crate) fn into_response(self, gzip: bool) -> Response<Body> {
        let compressed = if gzip && self.body.len() > GZIP_FROM { compress(&self.body) } else { None };
        let encoded = compressed.is_some();
        let mut response = Response::new(full_body(compressed.unwrap_or(self.body)));
        *response.status_mut() = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if !self.headers.iter().any(|(name, _)| *name == header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        }
        if encoded {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}

/// Tells one document from another; the same in every run.
pub(crate) fn fingerprint(value: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    format!("{:016X}", hasher.finish())
}

fn compress(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Returns `true` if the client accepts gzip.
pub(crate) fn gzip_accepted(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == "gzip" && weight.trim() != "q=0"
    })
}

/// The form that the `Accept` header requests: the first supported one.
///
/// # Errors
/// 406 if none is supported, as for protobuf of a custom resource; 400 for a table with unknown parameters.
pub(crate) fn accepted_form(headers: &HeaderMap, params: &Params) -> Result<Form, Refused> {
    let listed = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut wanted =
        listed.flat_map(|value| value.split(',')).map(str::trim).filter(|w| !w.is_empty()).peekable();
    if wanted.peek().is_none() {
        return Ok(Form::Whole);
    }
    wanted.find_map(|media| form_of(media, params)).unwrap_or_else(|| Err(Refused::not_acceptable()))
}

fn form_of(media: &str, params: &Params) -> Option<Result<Form, Refused>> {
    let mut parts = media.split(';').map(str::trim);
    if !matches!(parts.next()?, "application/json" | "application/*" | "*/*") {
        return None;
    }
    let parts: BTreeMap<&str, &str> = parts.filter_map(|part| part.split_once('=')).collect();
    match (parts.get("as").copied(), parts.get("g").copied(), parts.get("v").copied()) {
        (None, _, _) => Some(Ok(Form::Whole)),
        (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), _, _) => Some(Ok(Form::Metadata)),
        (Some("Table"), Some("meta.k8s.io"), Some(version @ ("v1" | "v1beta1"))) => {
            let version = if version == "v1" { "v1" } else { "v1beta1" };
            Some(TableOptions::parse(version, params).map(Form::Table))
        }
        (Some(_), _, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(accept: &str) -> Option<Form> {
        form_with(accept, "").ok()
    }

    fn form_with(accept: &str, query: &str) -> Result<Form, Refused> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        accepted_form(&headers, &Params::parse(query))
    }

    #[test]
    fn accept_selects_the_first_supported_form() {
        assert_eq!(form("application/json"), Some(Form::Whole));
        assert_eq!(form("*/*"), Some(Form::Whole));
        assert_eq!(
            form("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json"),
            Some(Form::Metadata)
        );
        let version = |accept: &str| match form(accept) {
            Some(Form::Table(options)) => options.version,
            other => panic!("{other:?}"),
        };
        assert_eq!(version("application/json;as=Table;v=v1;g=meta.k8s.io,application/json"), "v1");
        assert_eq!(version("application/json;as=Table;v=v1beta1;g=meta.k8s.io"), "v1beta1");
        assert_eq!(form("application/json;as=Table;v=v2;g=meta.k8s.io,application/json"), Some(Form::Whole));
        assert_eq!(form("application/vnd.kubernetes.protobuf"), None);
        assert_eq!(accepted_form(&HeaderMap::new(), &Params::default()).unwrap(), Form::Whole);
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        assert!(form_with(table, "includeObject=Object").is_ok());
        assert_eq!(form_with(table, "includeObject=All").unwrap_err().code, 400);
    }

    #[test]
    fn warning_header_is_quoted() {
        let mut answer = Answer::text(200, "");
        answer.warn("unknown field \"spec.x\"");
        assert_eq!(answer.headers.last().unwrap().1, "299 - \"unknown field \\\"spec.x\\\"\"");
    }
}
