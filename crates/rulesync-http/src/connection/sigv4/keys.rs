//! Access keys, and the documents in which metadata services hand them out. Pure.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::Deserialize;

use crate::settings::Secret;

/// An access key, and what comes with it if it is temporary.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: Secret,
    pub(super) token: Option<Secret>,
    /// The time from which they are rejected.
    pub(super) expires: Option<SystemTime>,
}

/// The ID is no secret, and helps to see which key is in use.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, secret: _, token: _, expires } = self;
        f.debug_struct("Keys").field("id", id).field("expires", expires).finish_non_exhaustive()
    }
}

/// The time for which keys without an expiry are used before they are looked up again: they may have been replaced in
/// the file that they are from.
const LASTING: Duration = Duration::from_secs(60);

impl Keys {
    /// Returns keys that do not expire.
    pub(super) fn lasting(id: &str, secret: &str, token: Option<&str>) -> Self {
        Self { id: id.to_owned(), secret: secret.into(), token: token.map(Secret::from), expires: None }
    }

    /// Returns the time for which they are used: until a tenth before they expire, so that they do not in transit.
    pub(super) fn lifetime(&self, now: SystemTime) -> Result<Duration, String> {
        let Some(expires) = self.expires else { return Ok(LASTING) };
        match expires.duration_since(now) {
            Ok(left) if !left.is_zero() => Ok(left.mul_f64(0.9)),
            _ => Err("the credentials that were handed out have expired already".to_owned()),
        }
    }
}

/// Parses a time such as `2026-11-27T18:00:00Z`.
pub(super) fn time(text: &str) -> Option<SystemTime> {
    DateTime::from_str(text, Format::DateTime).ok()?.try_into().ok()
}

/// What the metadata services of containers and instances answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<Secret>,
    token: Option<Secret>,
    expiration: Option<String>,
}

/// Reads the answer of a metadata service. The error is the rest of a sentence, and contains nothing of it.
pub(super) fn of_document(json: &str) -> Result<Keys, String> {
    let unusable = || "answered something else than credentials".to_owned();
    let document: Document = serde_json::from_str(json).map_err(|_| unusable())?;
    if document.code.is_some_and(|code| code != "Success") {
        return Err("has no credentials at present".to_owned());
    }
    let (Some(id), Some(secret)) = (document.access_key_id, document.secret_access_key) else {
        return Err(unusable());
    };
    let expires = match document.expiration {
        Some(text) => Some(time(&text).ok_or_else(unusable)?),
        None => None,
    };
    Ok(Keys { id, secret, token: document.token, expires })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_used_until_shortly_before_they_expire() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let until = |expires| Keys { expires, ..Keys::lasting("AKID", "hunter2", None) };
        assert_eq!(until(None).lifetime(at(0)), Ok(LASTING));
        assert_eq!(until(Some(at(1_100))).lifetime(at(100)), Ok(Duration::from_secs(900)));
        for expired in [100, 99] {
            assert!(until(Some(at(expired))).lifetime(at(100)).unwrap_err().contains("expired"));
        }
    }

    #[test]
    fn document_of_a_metadata_service_is_read() {
        let json = r#"{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"ASIA","SecretAccessKey":"hunter2",
            "Token":"hunter3","Expiration":"1970-01-01T00:20:00Z"}"#;
        let keys = of_document(json).unwrap();
        assert_eq!(keys.expires, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_200)));
        assert_eq!((keys.id.as_str(), keys.secret.expose()), ("ASIA", "hunter2"));
        assert_eq!(keys.token.as_ref().map(Secret::expose), Some("hunter3"));
        assert!(!format!("{keys:?}").contains("hunter"), "{keys:?}");
        for (json, says) in [
            ("<html>hunter2", "something else"),
            (r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"hunter2"}"#, "at present"),
            (r#"{"AccessKeyId":"ASIA"}"#, "something else"),
            (r#"{"AccessKeyId":"ASIA","SecretAccessKey":"hunter2","Expiration":"soon"}"#, "something else"),
        ] {
            let error = of_document(json).unwrap_err();
            assert!(error.contains(says) && !error.contains("hunter"), "{error}");
        }
    }
}
