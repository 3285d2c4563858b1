//! Credentials in addresses. Pure.

use crate::evaluate::{Part, Text};

/// What stands for a part that is known only where the configuration is used.
const UNKNOWN: char = '\0';

/// Returns whether an address has a user or a password in front of its host.
pub(super) fn holds_credentials(address: &Text) -> bool {
    user_and_password(address).is_some()
}

/// Returns whether an address has a password in front of its host that stands there as it is.
pub(super) fn holds_known_password(address: &Text) -> bool {
    let found = user_and_password(address);
    let password = found.as_deref().and_then(|found| found.split_once(':')).map(|(_, password)| password);
    password.is_some_and(|password| password.chars().any(|c| c != UNKNOWN))
}

fn user_and_password(address: &Text) -> Option<String> {
    let text: String = address
        .parts()
        .iter()
        .map(|part| match part {
            Part::Literal(text) => text.clone(),
            _ => UNKNOWN.to_string(),
        })
        .collect();
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.rsplit_once('@').map(|(found, _)| found.to_owned())
}
