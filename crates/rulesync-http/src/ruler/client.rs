//! The client: sends requests of the configuration and state APIs, and maps responses to success or a [`RulerError`].

use rulesync_core::ruler::RulerErrorKind;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use rulesync_core::{EncodedGroup, RulerError, TenantId};

use super::answer::{Answer, Outcome, named_rule, outcome};
use super::document::yaml_of;
use super::operation::Operation;
use super::profile::ServerProfile;
use super::segment::segment;
use crate::connection::{Allowance, Connection, Request, Response, too_long_to_send};
use crate::settings::SettingsError;

/// A client of a ruler with the configuration API that Mimir, Cortex and Loki share; a [`Ruler`](rulesync_core::Ruler).
///
/// The differences between the servers are those of its [`ServerProfile`]. The state API reports the loaded rules.
#[derive(Debug)]
pub struct RulerClient {
    connection: Connection,
    profile: ServerProfile,
}

/// The media type of groups.
const YAML: &str = "application/yaml";

impl RulerClient {
    /// Creates a client. Sends no request.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with the key `rules_path`, `state_path`, `limits_path` or `tenant_lists` if the path of the
    /// profile contains characters that are not allowed in a path.
    pub fn new(connection: Connection, profile: ServerProfile) -> Result<Self, SettingsError> {
        let paths = [
            ("rules_path", Some(profile.rules_path.as_str())),
            ("state_path", Some(profile.state_path.as_str())),
            ("limits_path", profile.limits_path.as_deref()),
        ];
        let tenant_lists = profile.tenant_lists.iter().map(|list| ("tenant_lists", Some(list.path())));
        for (key, path) in paths.into_iter().chain(tenant_lists) {
            let Some(path) = path else { continue };
            if !connection.accepts(path) {
                return Err(SettingsError::invalid(
                    key,
                    "contains characters that are not allowed in a path",
                ));
            }
        }
        Ok(Self { connection, profile })
    }

    /// Returns the kind of server.
    pub fn profile(&self) -> &ServerProfile {
        &self.profile
    }

    /// Returns the connection. Every error that is returned to the engine passes through its redactor.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Creates or replaces a group. The only function that writes a body.
    pub(super) async fn put(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        let json = group.json();
        let limit = self.connection.limits().group();
        if json.len() as u64 > limit {
            return Err(too_long_to_send(json.len(), limit));
        }
        let request = Operation::Put.request(tenant, self.path(namespace, None)?);
        let request = request.with_body(YAML, yaml_of(json).into_owned());
        self.write(Operation::Put, &request).await.map_err(|error| {
            if error.kind() != RulerErrorKind::Rejected || error.rule().is_some() {
                return error;
            }
            let decoded = group.decode().ok();
            let named = decoded.and_then(|group| {
                let (rule, reason) = named_rule(error.message(), &group)?;
                Some((rule, reason.map(str::to_owned)))
            });
            match named {
                Some((rule, Some(reason))) => error.with_rule(rule).with_message(reason),
                Some((rule, None)) => error.with_rule(rule),
                None => error,
            }
        })
    }

    /// Deletes a group, or a namespace with all its groups. Succeeds if it does not exist.
    pub(super) async fn delete(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: Option<&str>,
    ) -> Result<(), RulerError> {
        let operation = if group.is_some() { Operation::DeleteGroup } else { Operation::DeleteNamespace };
        self.write(operation, &operation.request(tenant, self.path(namespace, group)?)).await
    }

    /// Returns the path of a namespace or of one of its groups.
    pub(super) fn path(&self, namespace: &str, group: Option<&str>) -> Result<String, RulerError> {
        let encode =
            |name: &str| segment(name, self.profile.encoding).map_err(|error| rejected(error.to_string()));
        let mut path = format!("{}/{}", self.profile.rules_path, encode(namespace)?);
        if let Some(group) = group {
            path.push('/');
            path.push_str(&encode(group)?);
        }
        Ok(path)
    }

    async fn write(&self, operation: Operation, request: &Request<'_>) -> Result<(), RulerError> {
        let mut allowance = Allowance::new(self.connection.timeout());
        match self.ask(operation, request, &mut allowance).await {
            Ok(response) => {
                if let Some(response) = response {
                    let _ = self.connection.outcome_text(response, &mut allowance).await;
                }
                Ok(())
            }
            Err(error) => Err(self.connection.redactor().error(error)),
        }
    }

    /// Sends a request, and returns its response if the operation succeeded, `None` if the resource does not exist. The
    /// caller reads the body of the response and bounds the time for it. Secrets in the error are not redacted.
    pub(super) async fn ask(
        &self,
        operation: Operation,
        request: &Request<'_>,
        allowance: &mut Allowance,
    ) -> Result<Option<Response>, RulerError> {
        let response = self.connection.send_within(request, allowance).await?;
        let (status, content_type) = (response.status(), response.header(CONTENT_TYPE.as_str()).to_owned());
        let retry_after = parse_retry_after(response.header(RETRY_AFTER.as_str()), SystemTime::now());
        let location = response.header(LOCATION.as_str()).to_owned();
        let asked = (!response.is_success()).then(|| response.url().clone());
        let (response, body) = if asked.is_none() {
            (Some(response), String::new())
        } else {
            (None, self.connection.outcome_text(response, allowance).await?)
        };
        let answer = Answer {
            asked: asked.as_ref(),
            tenant: request.has_tenant(),
            status,
            content_type: &content_type,
            retry_after,
            location: &location,
            body: &body,
        };
        Ok(match outcome(operation, &answer)? {
            Outcome::Success => response,
            Outcome::NotFound => None,
        })
    }
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
    RulerError::rejected(message)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

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
