//! The client: one request in, one [`RulerError`] or success out. Lists are read in `list.rs`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use rulesync_core::{Group, RulerError, TenantId};
use tokio::time::Instant;

use crate::allowance::Allowance;
use crate::answer::{Answer, Meaning, Operation, meaning, named_rule};
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

/// A client of the ruler configuration API, and of what the state API says about the loaded rules.
///
/// Every request has a deadline, follows no redirect, compresses nothing and accepts gzip. Dropping a future gives its
/// request up.
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

/// The longest wait for a body that only says how a request went; a quarter of the timeout if that is less.
const BODY_PATIENCE: Duration = Duration::from_secs(2);

impl RulerClient {
    /// A client for the server at `address`, such as `http://mimir.monitoring.svc:9009`. No request is made yet;
    /// the files of `tls_config` are read, which may block.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for an address or settings that cannot be used, and files that cannot be read.
    pub fn new(
        address: &str,
        profile: ServerProfile,
        config: &ClientConfig,
        timeout: Duration,
        observer: Option<Arc<dyn RequestObserver>>,
    ) -> Result<Self, SettingsError> {
        let (transport, base, host) = connect(address, config)?;
        let made = Self {
            profile,
            base,
            host,
            credentials: Credentials::new(config, &transport)?,
            transport,
            timeout,
            limits: Limits::new(config.max_response_bytes),
            observer,
        };
        let ServerProfile { rules_path, state_path, .. } = &made.profile;
        if made.url(rules_path).is_none() || made.url(state_path).is_none() {
            let reason = "holds characters that a path cannot carry".to_owned();
            return Err(SettingsError::Invalid { key: "prometheus_http_prefix".to_owned(), reason });
        }
        Ok(made)
    }

    /// What kind of server it speaks to.
    pub fn profile(&self) -> &ServerProfile {
        &self.profile
    }

    /// Creates or replaces a group.
    ///
    /// # Errors
    ///
    /// What the answer means, as [`RulerError`].
    pub async fn put_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &Group,
    ) -> Result<(), RulerError> {
        let json = serde_json::to_string(group).map_err(|error| rejected(error.to_string()))?;
        self.put_json(tenant, namespace, &json).await
    }

    /// The same for a group that is JSON already.
    ///
    /// # Errors
    ///
    /// What the answer means, as [`RulerError`].
    pub async fn put_json(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        json: &str,
    ) -> Result<(), RulerError> {
        let limit = self.limits.group();
        if json.len() as u64 > limit {
            return Err(too_long_to_send(json.len(), limit));
        }
        let path = self.path(namespace, None)?;
        let body = Some(Bytes::from(yaml_of(json).into_owned()));
        let request = Request { body, ..Request::new(Operation::Put, tenant, path) };
        self.write(request).await.map_err(|error| match error {
            RulerError::Rejected { message, rule: None } => {
                let group = serde_json::from_str(json).ok();
                let named = group.and_then(|group| named_rule(&message, &group));
                let (rule, reason) = named.map_or((None, None), |(rule, reason)| (Some(rule), reason));
                RulerError::Rejected { rule, message: reason.map(str::to_owned).unwrap_or(message) }
            }
            other => other,
        })
    }

    /// How long an answer may take to begin, and each portion of it to come.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Where requests go: scheme, host and port.
    pub fn address(&self) -> &str {
        let base = self.base.as_str();
        let path = self.base.path();
        base.strip_suffix(path).unwrap_or(base)
    }

    /// Deletes a group. One that is not there is success.
    ///
    /// # Errors
    ///
    /// What the answer means, as [`RulerError`].
    pub async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        let path = self.path(namespace, Some(group))?;
        self.write(Request::new(Operation::DeleteGroup, tenant, path)).await
    }

    /// Deletes a namespace with all its groups. One that is not there is success.
    ///
    /// # Errors
    ///
    /// What the answer means, as [`RulerError`].
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
                    let _ = allowance.wait(drain(answer.response, self.patience())).await;
                }
                Ok(())
            }
            Err(error) => Err(self.redactor().error(error)),
        }
    }

    /// What is known of our secrets. Every error of a public function goes through it.
    pub(crate) fn redactor(&self) -> &Redactor {
        self.credentials.redactor()
    }

    /// How much of an answer is read.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// That a request was not answered in time.
    pub(crate) fn late(&self) -> RulerError {
        RulerError::unavailable(format!("no answer within {}s", self.timeout.as_secs_f64()))
    }

    /// Sends a request, once more if the credentials can be renewed. The answer's body is still to be read, and the wait
    /// for it is the caller's to end.
    pub(crate) async fn ask(
        &self,
        request: &Request<'_>,
        allowance: &mut Allowance,
    ) -> Result<Option<Body>, RulerError> {
        let (mut answer, signed) = self.send(request, allowance).await?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.credentials.distrust(signed) {
            allowance.wait(drain(answer, self.patience())).await.ok_or_else(|| self.late())?;
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
            let words = allowance.wait(drain(answer, self.patience())).await;
            (None, words.ok_or_else(|| self.late())?)
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
        match meaning(request.operation, &described)? {
            Meaning::Done => Ok(answer.map(|answer| Body::new(answer, self.timeout, self.limits.response()))),
            Meaning::Nothing => Ok(None),
        }
    }

    /// The address of a path below the base; none if the library would tidy it up: it may then name something else.
    fn url(&self, path: &str) -> Option<Url> {
        let mut url = self.base.clone();
        let path = format!("{}{path}", self.base.path().trim_end_matches('/'));
        url.set_path(&path);
        (url.path() == path).then_some(url)
    }

    fn patience(&self) -> Duration {
        BODY_PATIENCE.min(self.timeout / 4)
    }

    /// The answer, and when its request was signed.
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
        let sent = allowance.wait(builder.send()).await.ok_or_else(|| self.late())?;
        let answer = sent.map_err(|error| RulerError::unavailable(without_url(&error)))?;
        observed.status = Some(answer.status());
        Ok((answer, signed))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `Retry-After` in seconds, or as a date. How long a server is obeyed is decided elsewhere; here it is only kept to what
/// can be added to any time (136 years).
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
    fn retry_after_comes_in_two_forms() {
        let now = httpdate::parse_http_date("Mon, 23 Nov 2026 03:43:34 GMT").unwrap();
        assert_eq!(parse_retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("Mon, 23 Nov 2026 03:43:44 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(parse_retry_after("Mon, 23 Nov 2026 03:43:24 GMT", now), None);
        assert_eq!(parse_retry_after("86400", now), Some(Duration::from_secs(86_400)), "as it was said");
        for long in ["18446744073709551615", "18446744073709551616"] {
            let told = parse_retry_after(long, now).unwrap();
            assert!(
                told > Duration::from_secs(100 * 365 * 86_400) && Instant::now().checked_add(told).is_some()
            );
        }
        assert_eq!(parse_retry_after("soon", now), None);
        assert_eq!(parse_retry_after("", now), None);
    }
}
