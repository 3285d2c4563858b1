//! Plain requests to one server, with the credentials, TLS, proxy and deadlines of [`ClientConfig`]: for rulers that
//! are not configured through the configuration API. The caller interprets the responses.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HOST, HeaderMap, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};
use rulesync_core::RulerError;
use tokio::time::Instant;

use crate::address;
use crate::auth::Credentials;
use crate::body::Body;
use crate::limits::Limits;
use crate::loaded::LoadedReader;
use crate::proxy::ProxySettings;
use crate::redact::Redactor;
use crate::request::RequestObserver;
use crate::settings::{ClientConfig, SettingsError};
use crate::transport::{Transport, drain, without_url};

/// A connection to one server.
#[derive(Debug)]
pub struct Connection {
    base: Url,
    host: Option<String>,
    transport: Transport,
    credentials: Credentials,
    timeout: Duration,
    limits: Limits,
    observer: Option<Arc<dyn RequestObserver>>,
}

/// A request without a body.
#[derive(Debug, Clone, Copy)]
pub struct PlainRequest<'a> {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path below the address, beginning with a slash; only characters that need no escaping.
    pub path: &'static str,
    /// The query parameters, unescaped.
    pub query: &'a [(&'a str, &'a str)],
    /// The route name that is passed to the observer.
    pub route: &'static str,
}

/// A response whose body has not been read yet.
#[derive(Debug)]
pub struct PlainAnswer {
    body: Body,
    timeout: Duration,
    limits: Limits,
    redactor: Arc<Redactor>,
}

impl Connection {
    /// Creates a connection to the server at `address`. Sends no request, but reads the files of `tls_config`, which
    /// may block. `timeout` bounds the wait for a response and for each chunk of its body.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the address or the settings are invalid, or a file cannot be read.
    pub fn new(
        address: &str,
        config: &ClientConfig,
        timeout: Duration,
        observer: Option<Arc<dyn RequestObserver>>,
    ) -> Result<Self, SettingsError> {
        let (transport, base, host) = connect(address, config)?;
        let credentials = Credentials::new(config, &transport)?;
        let limits = Limits::new(config.max_response_bytes);
        Ok(Self { base, host, transport, credentials, timeout, limits, observer })
    }

    /// The base URL of requests, including its path.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Sends a request, and sends it again if it was unauthorized and the credentials can be renewed. A response with
    /// an error status is not an error.
    ///
    /// # Errors
    ///
    /// [`RulerError::Unavailable`] if there is no response in time; [`RulerError::Misconfigured`] for an unknown
    /// method.
    pub async fn send(&self, request: PlainRequest<'_>) -> Result<PlainAnswer, RulerError> {
        self.answer(request).await.map_err(|error| self.credentials.redactor().error(error))
    }

    async fn answer(&self, request: PlainRequest<'_>) -> Result<PlainAnswer, RulerError> {
        let (mut response, signed) = self.exchange(request).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.credentials.distrust(signed) {
            drain(response, self.timeout).await;
            (response, _) = self.exchange(request).await?;
        }
        let body = Body::new(response, self.timeout, self.limits.response());
        let redactor = Arc::clone(self.credentials.redactor());
        Ok(PlainAnswer { body, timeout: self.timeout, limits: self.limits, redactor })
    }

    async fn exchange(&self, request: PlainRequest<'_>) -> Result<(Response, Instant), RulerError> {
        let PlainRequest { method, path, query, route } = request;
        let verb = Method::from_bytes(method.as_bytes())
            .map_err(|error| RulerError::Misconfigured { message: error.to_string() })?;
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut builder = self.transport.client().request(verb, url);
        if let Some(host) = &self.host {
            builder = builder.header(HOST, host);
        }
        let builder = self.credentials.sign(builder).await?;
        let signed = Instant::now();
        // Reports on drop, so that a cancelled request is counted too.
        let mut observed =
            Observed { observer: self.observer.as_deref(), method, route, start: signed, status: None };
        let timed_out =
            |_| RulerError::unavailable(format!("no answer within {}s", self.timeout.as_secs_f64()));
        let sending = tokio::time::timeout(self.timeout, builder.send()).await;
        let answer =
            sending.map_err(timed_out)?.map_err(|error| RulerError::unavailable(without_url(&error)))?;
        observed.status = Some(answer.status());
        Ok((answer, signed))
    }
}

impl PlainAnswer {
    /// The status.
    pub fn status(&self) -> u16 {
        self.body.response.status().as_u16()
    }

    /// The content type of the body, without parameters; empty if the header is absent.
    pub fn content_type(&self) -> &str {
        let headers: &HeaderMap = self.body.response.headers();
        let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    /// The redirect as `from ADDRESS to ADDRESS`; `None` if the response is not a redirect.
    pub fn redirection(&self) -> Option<String> {
        let response = &self.body.response;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let redirected = response.status().is_redirection();
        redirected.then(|| address::redirection(response.url(), location.unwrap_or_default()))
    }

    /// Reads the next chunk of the body; `None` at its end.
    ///
    /// # Errors
    ///
    /// [`RulerError::Unreadable`] if the body is truncated or longer than
    /// [`max_response_bytes`](ClientConfig::max_response_bytes), [`RulerError::Unavailable`] if the next chunk does not
    /// arrive in time.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, RulerError> {
        self.body.chunk().await
    }

    /// Reads the beginning of the body as text for a message: at most 64 KiB, then `…`, with secrets redacted.
    pub async fn excerpt(self) -> String {
        self.redactor.text(drain(self.body.response, self.timeout).await).trim().to_owned()
    }

    /// Returns a reader for a body that lists the loaded rules.
    pub fn loaded(&self) -> LoadedReader {
        LoadedReader::new(self.redactor.sent_so_far(), self.limits)
    }

    /// Redacts the secrets in an error about this response.
    #[must_use]
    pub fn redacted(&self, error: RulerError) -> RulerError {
        self.redactor.error(error)
    }
}

/// Reports the request to the observer when dropped.
struct Observed<'a> {
    observer: Option<&'a dyn RequestObserver>,
    method: &'static str,
    route: &'static str,
    start: Instant,
    status: Option<StatusCode>,
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        if let Some(observer) = self.observer {
            let code = self.status.as_ref().map_or("error", StatusCode::as_str);
            observer.observe(self.method, self.route, code, self.start.elapsed());
        }
    }
}

/// Returns the transport for an address, the URL to use with it, and the `Host` header if it differs from the URL's.
pub(crate) fn connect(
    address: &str,
    config: &ClientConfig,
) -> Result<(Transport, Url, Option<String>), SettingsError> {
    config.validate()?;
    let invalid = |reason: String| SettingsError::Invalid { key: "address".to_owned(), reason };
    let url = address::parse(address, "basic_auth").map_err(invalid)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("must not hold a query or a fragment".to_owned()));
    }
    let proxy = ProxySettings {
        url: config.proxy_url.clone(),
        no_proxy: config.no_proxy.clone(),
        from_environment: config.proxy_from_environment,
    };
    Transport::new(&url, config.tls_config.clone().unwrap_or_default(), proxy)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use wiremock::matchers::{basic_auth, method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::settings::BasicAuth;

    #[derive(Debug, Default)]
    struct Seen(Mutex<Vec<String>>);

    impl RequestObserver for Seen {
        fn observe(&self, method: &'static str, route: &'static str, code: &str, _: Duration) {
            self.0.lock().unwrap().push(format!("{method} {route} {code}"));
        }
    }

    const REQUEST: PlainRequest<'_> =
        PlainRequest { method: "GET", path: "/api/x", query: &[("file[]", "/a b&c")], route: "x" };

    fn connection(address: &str, seen: &Arc<Seen>) -> Connection {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let user = BasicAuth {
            username: Some("me".to_owned()),
            password: Some("secret".into()),
            ..BasicAuth::default()
        };
        let config = ClientConfig { basic_auth: Some(user), ..ClientConfig::default() };
        let observer: Arc<dyn RequestObserver> = Arc::clone(seen) as _;
        Connection::new(address, &config, Duration::from_secs(5), Some(observer)).unwrap()
    }

    #[tokio::test]
    async fn connection_sends_below_address_with_credentials_and_reports_requests() {
        let (server, seen) = (MockServer::start().await, Arc::new(Seen::default()));
        let text = ResponseTemplate::new(503).set_body_raw(" later \n", "text/plain; charset=utf-8");
        Mock::given(method("GET"))
            .and(path("/prefix/api/x"))
            .and(query_param("file[]", "/a b&c"))
            .and(basic_auth("me", "secret"))
            .respond_with(text)
            .expect(1)
            .mount(&server)
            .await;
        let connection = connection(&format!("{}/prefix/", server.uri()), &seen);
        assert_eq!(connection.address(), format!("{}/prefix", server.uri()));
        let answer = connection.send(REQUEST).await.unwrap();
        assert_eq!((answer.status(), answer.content_type()), (503, "text/plain"));
        assert_eq!(answer.excerpt().await, "later");
        assert_eq!(*seen.0.lock().unwrap(), ["GET x 503"]);
    }

    #[tokio::test]
    async fn connection_refused_is_unavailable_and_shows_no_secret() {
        // Taken, so that nobody else listens on it, and refusing connections.
        let taken = tokio::net::TcpSocket::new_v4().unwrap();
        taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed = taken.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let error = connection(&format!("http://{closed}"), &seen).send(REQUEST).await.unwrap_err();
        assert_eq!(error.class(), "unavailable");
        assert!(!format!("{error:?}").contains("secret"));
        assert_eq!(*seen.0.lock().unwrap(), ["GET x error"]);
        assert!(Connection::new("ftp://x", &ClientConfig::default(), Duration::from_secs(5), None).is_err());
    }
}
