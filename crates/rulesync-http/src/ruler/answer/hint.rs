//! Adds hints to error messages of servers, which do not know about the proxies in between. Pure.

use rulesync_core::RulerError;
use rulesync_core::ruler::RulerErrorKind;

use super::classify::{Answer, contains_any};

/// The texts by which a server reports that the tenant is missing or not accepted.
const NO_TENANT: [&str; 2] = ["no org id", "no valid org id"];

/// Appends a hint to an error, if there is one for it.
pub(super) fn add(answer: &Answer<'_>, error: RulerError) -> RulerError {
    let hint = match error.kind() {
        RulerErrorKind::Denied if contains_any(answer.body, &NO_TENANT) => {
            let hint = if answer.tenant {
                ": the route's tenant was sent as `X-Scope-OrgID`; either this ruler takes no such name, or a proxy \
                 drops the header"
            } else {
                ": set `tenant` on the route"
            };
            Some(hint.to_owned())
        }
        RulerErrorKind::Misconfigured | RulerErrorKind::Rejected => changed_slash(answer).map(|slash| {
            format!(
                "; the name holds a `/`, which is sent as `{slash}`: if other names work, a proxy on the way \
                     decodes it and must be told to pass `{slash}` on as it is"
            )
        }),
        _ => None,
    };
    match hint {
        Some(hint) => {
            let message = format!("{}{hint}", error.message());
            error.with_message(message)
        }
        None => error,
    }
}

/// The encoded slash of a URL that was apparently changed on the way to the ruler.
fn changed_slash(answer: &Answer<'_>) -> Option<&'static str> {
    let path = answer.asked?.path();
    let slash = ["%252F", "%2F"].into_iter().find(|slash| path.contains(slash))?;
    let changed = match answer.status {
        300..=399 | 404 | 405 => true,
        // A ruler gives a reason; these are the responses of Tomcat, HAProxy, Envoy and others.
        400 => {
            answer.content_type.starts_with("text/html")
                || answer.body.trim_start().starts_with('<')
                || answer.body.trim().trim_start_matches("400 ").eq_ignore_ascii_case("bad request")
        }
        _ => false,
    };
    changed.then_some(slash)
}
