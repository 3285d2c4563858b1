//! Requests to a server.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use percent_encoding::utf8_percent_encode;
use rulesync_core::TenantId;

use super::encode::UNRESERVED_KEPT;

/// A request to a server.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub(super) method: Method,
    pub(super) route: &'static str,
    pub(super) path: Cow<'a, str>,
    /// The query string, escaped.
    pub(super) query: Option<String>,
    pub(super) tenant: Option<&'a TenantId>,
    pub(super) content: Option<Content>,
    /// The media type that is asked for.
    pub(super) accept: Option<&'static str>,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    #[cfg(feature = "sigv4")]
    Put,
    Delete,
}

impl Method {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            #[cfg(feature = "sigv4")]
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Post => Self::POST,
            #[cfg(feature = "sigv4")]
            Method::Put => Self::PUT,
            Method::Delete => Self::DELETE,
        }
    }
}

/// The body of a request. `Debug` does not show it, since it may contain secrets.
#[derive(Clone)]
pub(super) struct Content {
    pub(super) media_type: &'static str,
    pub(super) body: Bytes,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of {}", self.body.len(), self.media_type)
    }
}

impl<'a> Request<'a> {
    pub(crate) fn new(method: Method, path: impl Into<Cow<'a, str>>, route: &'static str) -> Self {
        Self { method, route, path: path.into(), query: None, tenant: None, content: None, accept: None }
    }

    /// Creates a `GET` request. `path` is the path below the server's address, beginning with a slash, escaped;
    /// `route` names the kind of request for the [`RequestObserver`](crate::RequestObserver).
    pub fn get(path: impl Into<Cow<'a, str>>, route: &'static str) -> Self {
        Self::new(Method::Get, path, route)
    }

    /// Creates a `POST` request without a body. `path` and `route` are those of [`get`](Self::get).
    pub fn post(path: impl Into<Cow<'a, str>>, route: &'static str) -> Self {
        Self::new(Method::Post, path, route)
    }

    /// Adds a query parameter, which is escaped.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: &str) -> Self {
        let query = self.query.get_or_insert_default();
        if !query.is_empty() {
            query.push('&');
        }
        let escaped = |text| utf8_percent_encode(text, UNRESERVED_KEPT);
        query.push_str(&format!("{}={}", escaped(name), escaped(value)));
        self
    }

    /// Sets the query string, which is escaped already.
    pub(crate) fn with_query(self, query: String) -> Self {
        Self { query: Some(query), ..self }
    }

    /// Sets the tenant, which is sent as `X-Scope-OrgID`.
    #[must_use]
    pub fn with_tenant(self, tenant: Option<&'a TenantId>) -> Self {
        Self { tenant, ..self }
    }

    /// Asks for a media type.
    pub(crate) fn accepting(self, media_type: &'static str) -> Self {
        Self { accept: Some(media_type), ..self }
    }

    /// Sets the body.
    pub(crate) fn with_body(self, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { content: Some(Content { media_type, body: body.into() }), ..self }
    }

    /// Returns `true` if a tenant is set.
    pub(crate) fn has_tenant(&self) -> bool {
        self.tenant.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_escapes_parameters() {
        let request = Request::get("/x", "x").with_parameter("file[]", "/a b&c").with_parameter("y", "é=1");
        assert_eq!(request.query.as_deref(), Some("file%5B%5D=%2Fa%20b%26c&y=%C3%A9%3D1"));
    }

    #[test]
    fn request_debug_hides_body() {
        let request = Request::post("/token", "token").with_body("text/plain", "password=hunter2");
        assert!(!format!("{request:?}").contains("hunter2"));
    }
}
