//! The client: one request in, one [`RulerError`] or success out; and the list, read as it arrives.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use rulesync_core::{Group, Listing, RulerError, TenantId};
use tokio::time::Instant;

use crate::answer::{Answer, Meaning, Operation, meaning, named_rule};
use crate::auth::Credentials;
use crate::connection::connect;
use crate::document::{group_names, parse_group, parse_namespaces, yaml_of};
use crate::flavour::Flavour;
use crate::reading::{ListReader, Unparsed};
use crate::settings::{ClientConfig, SettingsError};
use crate::transport::{Transport, drain, without_url};
use crate::url::segment;

/// Counts requests.
pub trait RequestObserver: fmt::Debug + Send + Sync + 'static {
    /// One request: its method, its kind of route (`list`, `namespace`, `group` or `state`), its status or `error`, and how long
    /// it took.
    fn observe(&self, method: &'static str, route: &'static str, code: &str, elapsed: Duration);
}

/// A client of the ruler configuration API, and of what the state API says about the loaded rules.
///
/// Every request has a deadline, follows no redirect, compresses nothing and accepts gzip. Dropping a future gives its
/// request up.
#[derive(Debug)]
pub struct RulerClient {
    flavour: Flavour,
    base: Url,
    host: Option<String>,
    transport: Transport,
    credentials: Credentials,
    timeout: Duration,
    observer: Option<Arc<dyn RequestObserver>>,
}

const YAML: HeaderValue = HeaderValue::from_static("application/yaml");

/// The longest wait for a body that only says how a request went; a quarter of the timeout if that is less.
const BODY_PATIENCE: Duration = Duration::from_secs(2);

/// No server is obeyed for longer, whatever its `Retry-After` says.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// A list may take longer than other requests, as long as it gets on.
pub(crate) const LIST_FACTOR: u32 = 10;

pub(crate) struct Request<'a> {
    operation: Operation,
    method: Method,
    tenant: Option<&'a TenantId>,
    path: String,
    /// Escaped.
    query: Option<String>,
    body: Option<Bytes>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(operation: Operation, tenant: Option<&'a TenantId>, path: String) -> Self {
        let method = match operation {
            Operation::List | Operation::GetNamespace | Operation::GetGroup | Operation::State => Method::GET,
            Operation::Put => Method::POST,
            Operation::DeleteGroup | Operation::DeleteNamespace => Method::DELETE,
        };
        Self { operation, method, tenant, path, query: None, body: None }
    }

    pub(crate) fn query(self, query: String) -> Self {
        Self { query: Some(query), ..self }
    }

    fn route(&self) -> &'static str {
        match self.operation {
            Operation::List => "list",
            Operation::GetNamespace | Operation::Put | Operation::DeleteNamespace => "namespace",
            Operation::GetGroup | Operation::DeleteGroup => "group",
            Operation::State => "state",
        }
    }

    fn method_name(&self) -> &'static str {
        match self.operation {
            Operation::List | Operation::GetNamespace | Operation::GetGroup | Operation::State => "GET",
            Operation::Put => "POST",
            Operation::DeleteGroup | Operation::DeleteNamespace => "DELETE",
        }
    }
}

/// Tells the observer at its end, which is also reached by a request that is given up at its deadline.
struct Observed<'a> {
    observer: Option<&'a dyn RequestObserver>,
    request: &'a Request<'a>,
    start: Instant,
    status: Option<StatusCode>,
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        if let Some(observer) = self.observer {
            let code = self.status.as_ref().map_or("error", StatusCode::as_str);
            observer.observe(self.request.method_name(), self.request.route(), code, self.start.elapsed());
        }
    }
}

impl RulerClient {
    /// A client for the server at `address`, such as `http://mimir.monitoring.svc:9009`. No request is made yet;
    /// the files of `tls_config` are read, which may block.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for an address or settings that cannot be used, and files that cannot be read.
    pub fn new(
        address: &str,
        flavour: Flavour,
        config: &ClientConfig,
        timeout: Duration,
        observer: Option<Arc<dyn RequestObserver>>,
    ) -> Result<Self, SettingsError> {
        let (transport, base, host) = connect(address, config)?;
        let made = Self {
            flavour,
            base,
            host,
            transport,
            credentials: Credentials::new(config)?,
            timeout,
            observer,
        };
        let Flavour { rules_path, state_path, .. } = &made.flavour;
        if made.url(rules_path).is_none() || made.url(state_path).is_none() {
            let reason = "holds characters that a path cannot carry".to_owned();
            return Err(SettingsError::Invalid { key: "prometheus_http_prefix".to_owned(), reason });
        }
        Ok(made)
    }

    /// What kind of server it speaks to.
    pub fn flavour(&self) -> &Flavour {
        &self.flavour
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
        let path = self.path(namespace, None)?;
        let body = Some(Bytes::from(yaml_of(json).into_owned()));
        let request = Request { body, ..Request::new(Operation::Put, tenant, path) };
        self.write(request).await.map_err(|error| match error {
            RulerError::Rejected { message, rule: None } => {
                let group = serde_json::from_str(json).ok();
                RulerError::Rejected { rule: group.and_then(|group| named_rule(&message, &group)), message }
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

    /// Reads a tenant's groups into `listing`, one namespace at a time. Foreign namespaces are not parsed. A namespace
    /// of ours that cannot be parsed is read on its own, and then group by group.
    ///
    /// # Errors
    ///
    /// [`RulerError::Unreadable`] if the document is broken as a whole or ends early; else what the answer means.
    pub async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        let request = Request::new(Operation::List, tenant, self.flavour.rules_path.clone());
        let reading = async {
            let Some(mut answer) = self.in_time(self.ask(&request)).await? else { return Ok(Vec::new()) };
            let mut reader = ListReader::new(listing);
            while let Some(portion) = self.next_portion(&mut answer).await? {
                reader.push(&portion)?;
                // A long document must not keep other tasks from their turn.
                tokio::task::yield_now().await;
            }
            reader.finish()
        };
        let deadline = self.timeout * LIST_FACTOR;
        let unparsed = tokio::time::timeout(deadline, reading).await.map_err(|_| {
            unavailable(format!("the list was not complete within {}s", deadline.as_secs()))
        })??;
        for namespace in unparsed {
            self.read_apart(tenant, namespace, listing).await?;
        }
        Ok(())
    }

    /// A namespace that the list could not be parsed for: on its own, else group by group.
    async fn read_apart(
        &self,
        tenant: Option<&TenantId>,
        Unparsed { namespace, mut groups }: Unparsed,
        listing: &mut Listing<'_>,
    ) -> Result<(), RulerError> {
        let namespace = namespace.as_str();
        let path = self.path(namespace, None)?;
        match self.read(&Request::new(Operation::GetNamespace, tenant, path)).await? {
            None => return Ok(()),
            Some(document) => match parse_namespaces(&document) {
                Ok(namespaces) => {
                    namespaces.values().flatten().for_each(|group| listing.add(namespace, group));
                    return Ok(());
                }
                Err(_) => groups.extend(group_names(&document)),
            },
        }
        groups.sort();
        groups.dedup();
        if groups.is_empty() {
            let message =
                format!("the namespace {namespace} cannot be parsed, nor can its groups be told apart");
            return Err(RulerError::Unreadable { message });
        }
        for group in groups {
            let path = self.path(namespace, Some(&group))?;
            let request = Request::new(Operation::GetGroup, tenant, path);
            match self.read(&request).await?.map(|document| parse_group(&document)) {
                None => {}
                Some(Ok(parsed)) => listing.add(namespace, &parsed),
                Some(Err(error)) => listing.unreadable(namespace, &group, error.to_string()),
            }
        }
        Ok(())
    }

    fn path(&self, namespace: &str, group: Option<&str>) -> Result<String, RulerError> {
        let encode =
            |name: &str| segment(name, self.flavour.encoding).map_err(|error| rejected(error.to_string()));
        let mut path = format!("{}/{}", self.flavour.rules_path, encode(namespace)?);
        if let Some(group) = group {
            path.push('/');
            path.push_str(&encode(group)?);
        }
        Ok(path)
    }

    async fn write(&self, request: Request<'_>) -> Result<(), RulerError> {
        let exchange = async {
            if let Some(answer) = self.ask(&request).await? {
                drain(answer, self.patience()).await;
            }
            Ok(())
        };
        self.in_time(exchange).await
    }

    /// The whole document; none if there is nothing.
    async fn read(&self, request: &Request<'_>) -> Result<Option<Vec<u8>>, RulerError> {
        let exchange = async {
            let Some(mut answer) = self.ask(request).await? else { return Ok(None) };
            let mut document = Vec::new();
            while let Some(portion) = self.next_portion(&mut answer).await? {
                document.extend_from_slice(&portion);
            }
            Ok(Some(document))
        };
        self.in_time(exchange).await
    }

    pub(crate) async fn in_time<T>(
        &self,
        exchange: impl Future<Output = Result<T, RulerError>>,
    ) -> Result<T, RulerError> {
        let late = || unavailable(format!("no answer within {}s", self.timeout.as_secs_f64()));
        tokio::time::timeout(self.timeout, exchange).await.map_err(|_| late())?
    }

    /// More of a body. An end before the end is an error: half a list is not a list.
    pub(crate) async fn next_portion(&self, answer: &mut Response) -> Result<Option<Bytes>, RulerError> {
        match tokio::time::timeout(self.timeout, answer.chunk()).await {
            Ok(Ok(portion)) => Ok(portion),
            Ok(Err(error)) => Err(RulerError::Unreadable {
                message: format!("the answer broke off: {}", without_url(&error)),
            }),
            Err(_) => Err(unavailable("the answer stopped coming".to_owned())),
        }
    }

    /// Sends a request, once more if the credentials can be renewed. The answer's body is still to be read, and the wait
    /// for it is the caller's to end.
    pub(crate) async fn ask(&self, request: &Request<'_>) -> Result<Option<Response>, RulerError> {
        let (mut answer, signed) = self.send(request).await?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.credentials.distrust(signed).await {
            drain(answer, self.patience()).await;
            (answer, _) = self.send(request).await?;
        }
        let status = answer.status().as_u16();
        let content_type = header(answer.headers(), CONTENT_TYPE.as_str()).to_owned();
        let retry_after =
            parse_retry_after(header(answer.headers(), RETRY_AFTER.as_str()), SystemTime::now());
        let (answer, body) = if answer.status().is_success() {
            (Some(answer), String::new())
        } else {
            (None, drain(answer, self.patience()).await)
        };
        let described = Answer { status, content_type: &content_type, retry_after, body: &body };
        match meaning(request.operation, &described)? {
            Meaning::Done => Ok(answer),
            Meaning::Nothing => Ok(None),
        }
    }

    /// The answer, and when its request was signed.
    async fn send(&self, request: &Request<'_>) -> Result<(Response, Instant), RulerError> {
        let mut observed =
            Observed { observer: self.observer.as_deref(), request, start: Instant::now(), status: None };
        let (answer, signed) = self.exchange(request).await?;
        observed.status = Some(answer.status());
        Ok((answer, signed))
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

    async fn exchange(&self, request: &Request<'_>) -> Result<(Response, Instant), RulerError> {
        let url = self.url(&request.path);
        let mut url =
            url.ok_or_else(|| rejected(format!("the path {} cannot be sent as it is", request.path)))?;
        url.set_query(request.query.as_deref());
        let mut builder = self.transport.client().await.request(request.method.clone(), url);
        if let Some(tenant) = request.tenant {
            builder = builder.header("X-Scope-OrgID", tenant.as_str());
        }
        if let Some(host) = &self.host {
            builder = builder.header(HOST, host);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, YAML).body(body.clone());
        }
        let builder = self.credentials.sign(builder).await.map_err(unavailable)?;
        let signed = Instant::now();
        let answer = builder.send().await.map_err(|error| unavailable(without_url(&error)))?;
        Ok((answer, signed))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `Retry-After` in seconds, or as a date.
fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
    }
    Some(httpdate::parse_http_date(value).ok()?.duration_since(now).ok()?.min(LONGEST_RETRY_AFTER))
}

pub(crate) fn unavailable(message: String) -> RulerError {
    RulerError::Unavailable { message, retry_after: None }
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
        assert_eq!(parse_retry_after("18446744073709551615", now), Some(LONGEST_RETRY_AFTER));
        assert_eq!(parse_retry_after("soon", now), None);
        assert_eq!(parse_retry_after("", now), None);
    }
}
