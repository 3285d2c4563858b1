//! The client: sends requests and maps responses to success or a [`RulerError`]. Lists are read in `list.rs`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use rulesync_core::{EncodedGroup, RulerError, TenantId};
use tokio::time::Instant;

use crate::allowance::Allowance;
use crate::answer::{Answer, Operation, Outcome, named_rule, outcome};
use crate::auth::Credentials;
use crate::body::Body;
use crate::connection::connect;
use crate::document::yaml_of;
use crate::limits::{Limits, too_long_to_send};
use crate::profile::ServerProfile;
use crate::redact::Redactor;
use crate::request::{Observed, Request, RequestObserver};
use crate::settings::{ClientConfig, SettingsError};
use crate::transport::{Transport, drain, without_url};
use crate::url::segment;

/// A client of the ruler configuration API and, for the loaded rules, of the state API.
///
/// Every request has a deadline. Redirects are not followed, request bodies are not compressed, and gzip is accepted.
/// Dropping a future cancels its request.
#[derive(Debug)]
pub struct RulerClient {
    profile: ServerProfile,
    base: Url,
    host: Option<String>,
    transport: Transport,
    credentials: Credentials,
    timeout: Duration,
    limits: Limits,
    observer: Option<Arc<dyn RequestObserver>>,
}

const YAML: HeaderValue = HeaderValue::from_static("application/yaml");

/// The maximum wait for a body that only reports the outcome; a quarter of the timeout if that is less.
const OUTCOME_BODY_TIMEOUT: Duration = Duration::from_secs(2);

impl RulerClient {
    /// Creates a client for the server at `address`, such as `http://mimir.monitoring.svc:9009`. Sends no request, but
    /// reads the files of `tls_config`, which may block.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the address or the settings are invalid, or a file cannot be read.
    pub fn new(
        address: &str,
        profile: ServerProfile,
        config: &ClientConfig,
        timeout: Duration,
        observer: Option<Arc<dyn RequestObserver>>,
    ) -> Result<Self, SettingsError> {
        let (transport, base, host) = connect(address, config)?;
        let client = Self {
            profile,
            base,
            host,
            credentials: Credentials::new(config, &transport)?,
            transport,
            timeout,
            limits: Limits::new(config.max_response_bytes),
            observer,
        };
        let ServerProfile { rules_path, state_path, .. } = &client.profile;
        if client.url(rules_path).is_none() || client.url(state_path).is_none() {
            let reason = "contains characters that are not allowed in a path".to_owned();
            return Err(SettingsError::Invalid { key: "prometheus_http_prefix".to_owned(), reason });
        }
        Ok(client)
    }

    /// The kind of server.
    pub fn profile(&self) -> &ServerProfile {
        &self.profile
    }

    /// Creates or replaces a group.
    ///
    /// # Errors
    ///
    /// The meaning of the response, as a [`RulerError`].
    pub async fn write_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        let json = group.json();
        let limit = self.limits.group();
        if json.len() as u64 > limit {
            return Err(too_long_to_send(json.len(), limit));
        }
        let path = self.path(namespace, None)?;
        let body = Some(Bytes::from(yaml_of(json).into_owned()));
        let request = Request { body, ..Request::new(Operation::Put, tenant, path) };
        self.write(request).await.map_err(|error| match error {
            RulerError::Rejected { message, rule: None } => {
                let group = group.decode().ok();
                let named = group.and_then(|group| named_rule(&message, &group));
                let (rule, reason) = named.map_or((None, None), |(rule, reason)| (Some(rule), reason));
                RulerError::Rejected { rule, message: reason.map(str::to_owned).unwrap_or(message) }
            }
            other => other,
        })
    }

    /// The maximum wait for the beginning of a response and for each chunk of it.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The destination of requests: scheme, host and port.
    pub fn address(&self) -> &str {
        let base = self.base.as_str();
        let path = self.base.path();
        base.strip_suffix(path).unwrap_or(base)
    }

    /// Deletes a group. Succeeds if the group does not exist.
    ///
    /// # Errors
    ///
    /// The meaning of the response, as a [`RulerError`].
    pub async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        let path = self.path(namespace, Some(group))?;
        self.write(Request::new(Operation::DeleteGroup, tenant, path)).await
    }

    /// Deletes a namespace with all its groups. Succeeds if the namespace does not exist.
    ///
    /// # Errors
    ///
    /// The meaning of the response, as a [`RulerError`].
    pub async fn delete_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
    ) -> Result<(), RulerError> {
        let path = self.path(namespace, None)?;
        self.write(Request::new(Operation::DeleteNamespace, tenant, path)).await
    }

    pub(crate) fn path(&self, namespace: &str, group: Option<&str>) -> Result<String, RulerError> {
        let encode =
            |name: &str| segment(name, self.profile.encoding).map_err(|error| rejected(error.to_string()));
        let mut path = format!("{}/{}", self.profile.rules_path, encode(namespace)?);
        if let Some(group) = group {
            path.push('/');
            path.push_str(&encode(group)?);
        }
        Ok(path)
    }

    async fn write(&self, request: Request<'_>) -> Result<(), RulerError> {
        let mut allowance = Allowance::new(self.timeout);
        match self.ask(&request, &mut allowance).await {
            Ok(answer) => {
                if let Some(answer) = answer {
                    let _ = allowance.wait(drain(answer.response, self.outcome_body_timeout())).await;
                }
                Ok(())
            }
            Err(error) => Err(self.redactor().error(error)),
        }
    }

    /// The redactor of the client's secrets. Every error of a public function passes through it.
    pub(crate) fn redactor(&self) -> &Redactor {
        self.credentials.redactor()
    }

    /// The limits on the size of responses.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// The error for a request that was not answered in time.
    pub(crate) fn timed_out(&self) -> RulerError {
        RulerError::unavailable(format!("no answer within {}s", self.timeout.as_secs_f64()))
    }

    /// Sends a request, and sends it again if it was unauthorized and the credentials can be renewed. The caller reads
    /// the body of the response and bounds the time for it.
    pub(crate) async fn ask(
        &self,
        request: &Request<'_>,
        allowance: &mut Allowance,
    ) -> Result<Option<Body>, RulerError> {
        let (mut answer, signed) = self.send(request, allowance).await?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.credentials.distrust(signed) {
            allowance
                .wait(drain(answer, self.outcome_body_timeout()))
                .await
                .ok_or_else(|| self.timed_out())?;
            (answer, _) = self.send(request, allowance).await?;
        }
        let status = answer.status().as_u16();
        let content_type = header(answer.headers(), CONTENT_TYPE.as_str()).to_owned();
        let retry_after =
            parse_retry_after(header(answer.headers(), RETRY_AFTER.as_str()), SystemTime::now());
        let location = header(answer.headers(), LOCATION.as_str()).to_owned();
        let asked = (!answer.status().is_success()).then(|| answer.url().clone());
        let (answer, body) = if asked.is_none() {
            (Some(answer), String::new())
        } else {
            let body = allowance.wait(drain(answer, self.outcome_body_timeout())).await;
            (None, body.ok_or_else(|| self.timed_out())?)
        };
        let described = Answer {
            asked: asked.as_ref(),
            tenant: request.tenant.is_some(),
            status,
            content_type: &content_type,
            retry_after,
            location: &location,
            body: &body,
        };
        match outcome(request.operation, &described)? {
            Outcome::Success => {
                Ok(answer.map(|answer| Body::new(answer, self.timeout, self.limits.response())))
            }
            Outcome::NotFound => Ok(None),
        }
    }

    /// The URL of a path below the base; `None` if the URL library would normalize the path, which could then name
    /// another resource.
    fn url(&self, path: &str) -> Option<Url> {
        let mut url = self.base.clone();
        let path = format!("{}{path}", self.base.path().trim_end_matches('/'));
        url.set_path(&path);
        (url.path() == path).then_some(url)
    }

    fn outcome_body_timeout(&self) -> Duration {
        OUTCOME_BODY_TIMEOUT.min(self.timeout / 4)
    }

    /// Sends a request once. Returns the response and the time at which the request was signed.
    async fn send(
        &self,
        request: &Request<'_>,
        allowance: &mut Allowance,
    ) -> Result<(Response, Instant), RulerError> {
        let url = self.url(&request.path);
        let mut url =
            url.ok_or_else(|| rejected(format!("the path {} cannot be sent as it is", request.path)))?;
        url.set_query(request.query.as_deref());
        let mut builder = self.transport.client().request(request.method.clone(), url);
        if let Some(tenant) = request.tenant {
            builder = builder.header("X-Scope-OrgID", tenant.as_str());
        }
        if let Some(host) = &self.host {
            builder = builder.header(HOST, host);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, YAML).body(body.clone());
        }
        let builder = self.credentials.sign(builder).await?;
        let signed = Instant::now();
        let mut observed =
            Observed { observer: self.observer.as_deref(), request, start: signed, status: None };
        let sent = allowance.wait(builder.send()).await.ok_or_else(|| self.timed_out())?;
        let answer = sent.map_err(|error| RulerError::unavailable(without_url(&error)))?;
        observed.status = Some(answer.status());
        Ok((answer, signed))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Parses `Retry-After`, in seconds or as a date. The value is only capped so that it can be added to any time
/// (136 years); the caller decides how long to wait.
fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse::<u32>().unwrap_or(u32::MAX).into()));
    }
    httpdate::parse_http_date(value).ok()?.duration_since(now).ok()
}

fn rejected(message: String) -> RulerError {
    RulerError::Rejected { message, rule: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_accepts_seconds_and_dates() {
        let now = httpdate::parse_http_date("Mon, 23 Nov 2026 03:43:34 GMT").unwrap();
        assert_eq!(parse_retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("Mon, 23 Nov 2026 03:43:44 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(parse_retry_after("Mon, 23 Nov 2026 03:43:24 GMT", now), None);
        assert_eq!(parse_retry_after("86400", now), Some(Duration::from_secs(86_400)), "not capped");
        for long in ["18446744073709551615", "18446744073709551616"] {
            let parsed = parse_retry_after(long, now).unwrap();
            assert!(
                parsed > Duration::from_secs(100 * 365 * 86_400)
                    && Instant::now().checked_add(parsed).is_some()
            );
        }
        assert_eq!(parse_retry_after("soon", now), None);
        assert_eq!(parse_retry_after("", now), None);
    }
}
