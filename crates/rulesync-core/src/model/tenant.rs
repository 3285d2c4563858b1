//! Tenants of a ruler.

use crate::model::name::RulerName;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A tenant id that every ruler accepts: the value of `X-Scope-OrgID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

/// The reason why a text is no tenant id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// The text is empty.
    #[error("the tenant id is empty")]
    Empty,
    /// The text is longer than rulers allow.
    #[error("the tenant id is {0} bytes long, 150 are allowed")]
    TooLong(usize),
    /// The text is `.` or `..`.
    #[error("the tenant id must not be `.` or `..`")]
    Dots,
    /// A character that rulers refuse.
    #[error("the tenant id `{id}` has the character {character:?}: letters, digits and !-_.*'() are allowed")]
    Character {
        /// The whole text.
        id: String,
        /// The first character that is refused.
        character: char,
    },
}

impl TenantId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = TenantError;

    fn from_str(id: &str) -> Result<Self, TenantError> {
        match id {
            "" => return Err(TenantError::Empty),
            "." | ".." => return Err(TenantError::Dots),
            _ if id.len() > 150 => return Err(TenantError::TooLong(id.len())),
            _ => {}
        }
        match id.chars().find(|c| !c.is_ascii_alphanumeric() && !"!-_.*'()".contains(*c)) {
            Some(character) => Err(TenantError::Character { id: id.to_owned(), character }),
            None => Ok(Self(id.into())),
        }
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One ruler and one tenant of it: the unit that fails, waits and recovers on its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationId {
    /// The ruler's name in the configuration.
    pub ruler: RulerName,
    /// The tenant; none means that no tenant header is sent.
    pub tenant: Option<TenantId>,
}

impl DestinationId {
    /// Returns the tenant as a label value or log field: empty if there is none.
    pub fn tenant_str(&self) -> &str {
        self.tenant.as_ref().map_or("", TenantId::as_str)
    }
}

impl fmt::Display for DestinationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tenant {
            Some(tenant) => write!(f, "{}/{tenant}", self.ruler),
            None => f.write_str(&self.ruler),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenant_id_accepts_what_rulers_accept() {
        for id in ["prod", "team-a", "a.b", "A_1", "!*'()", "..."] {
            assert_eq!(id.parse::<TenantId>().unwrap().as_str(), id);
        }
        assert!("a".repeat(150).parse::<TenantId>().is_ok());
        assert_eq!("".parse::<TenantId>(), Err(TenantError::Empty));
        assert_eq!("..".parse::<TenantId>(), Err(TenantError::Dots));
        assert_eq!("a".repeat(151).parse::<TenantId>(), Err(TenantError::TooLong(151)));
        for id in ["a|b", "bad tenant", "a/b", "ä", "a:b"] {
            assert!(matches!(id.parse::<TenantId>(), Err(TenantError::Character { .. })), "{id}");
        }
    }
}
