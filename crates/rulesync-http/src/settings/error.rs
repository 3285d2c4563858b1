//! Errors in the settings.

use super::secret::SecretError;

/// An error in the settings. It never shows the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct SettingsError(Problem);

/// The kind of a [`SettingsError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsErrorKind {
    /// Mutually exclusive keys are set.
    Exclusive,
    /// A required key is missing.
    Missing,
    /// A value is invalid.
    Invalid,
    /// A file cannot be used.
    File,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("at most one of {keys} may be set")]
    Exclusive { keys: &'static str, block: Option<String> },
    #[error("`{0}` is missing")]
    Missing(String),
    #[error("`{key}`: {reason}")]
    Invalid { key: String, reason: String },
    #[error(transparent)]
    File(SecretError),
}

impl SettingsError {
    /// Creates the error for a required key that is missing.
    pub fn missing(key: &'static str) -> Self {
        Self(Problem::Missing(key.to_owned()))
    }

    /// Creates the error for an invalid value. The reason completes a sentence that begins with the key, and must not
    /// contain the value of a secret.
    pub fn invalid(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self(Problem::Invalid { key: key.into(), reason: reason.into() })
    }

    /// Creates the error for keys of which at most one may be set, listed for a message.
    pub(crate) fn exclusive(keys: &'static str) -> Self {
        Self(Problem::Exclusive { keys, block: None })
    }

    /// Returns the same error of settings that are within a block, such as `oauth2`.
    pub(crate) fn within(self, block: &str) -> Self {
        let inner = |key: String| format!("{block}.{key}");
        Self(match self.0 {
            Problem::Exclusive { keys, block: None } => {
                Problem::Exclusive { keys, block: Some(block.to_owned()) }
            }
            Problem::Exclusive { keys, block: Some(key) } => {
                Problem::Exclusive { keys, block: Some(inner(key)) }
            }
            Problem::Missing(key) => Problem::Missing(inner(key)),
            Problem::Invalid { key, reason } => Problem::Invalid { key: inner(key), reason },
            Problem::File(error) => Problem::File(error),
        })
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> SettingsErrorKind {
        match self.0 {
            Problem::Exclusive { .. } => SettingsErrorKind::Exclusive,
            Problem::Missing(_) => SettingsErrorKind::Missing,
            Problem::Invalid { .. } => SettingsErrorKind::Invalid,
            Problem::File(_) => SettingsErrorKind::File,
        }
    }

    /// Returns the key with the error, such as `basic_auth.username`, or the block that contains all keys with the error.
    pub fn key(&self) -> Option<&str> {
        match &self.0 {
            Problem::Missing(key) => Some(key),
            Problem::Invalid { key, .. } => Some(key),
            Problem::Exclusive { block, .. } => block.as_deref(),
            Problem::File(_) => None,
        }
    }

    /// Returns the path of the file that cannot be used, if that is the error.
    pub fn file(&self) -> Option<&str> {
        match &self.0 {
            Problem::File(error) => Some(&error.path),
            _ => None,
        }
    }
}

impl From<SecretError> for SettingsError {
    fn from(error: SecretError) -> Self {
        Self(Problem::File(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_error_has_kind_key_and_message() {
        let secret = SecretError { path: "/s".to_owned(), reason: "is not UTF-8 text".to_owned() };
        for (error, kind, key, message) in [
            (SettingsError::missing("a.b"), SettingsErrorKind::Missing, Some("a.b"), "`a.b` is missing"),
            (SettingsError::invalid("a", "is bad"), SettingsErrorKind::Invalid, Some("a"), "`a`: is bad"),
            (
                SettingsError::exclusive("`a` and `b`"),
                SettingsErrorKind::Exclusive,
                None,
                "at most one of `a` and `b` may be set",
            ),
            (secret.into(), SettingsErrorKind::File, None, "/s: is not UTF-8 text"),
        ] {
            assert_eq!((error.kind(), error.key(), error.to_string().as_str()), (kind, key, message));
            assert_eq!(error.file(), (kind == SettingsErrorKind::File).then_some("/s"));
        }
    }
}
