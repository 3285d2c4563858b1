//! Adds hints to error messages of servers, which do not know about the proxies in between. Pure.

use rulesync_core::RulerError;

use super::{Answer, contains_any};

/// The texts by which a server reports that the tenant is missing or not accepted.
const NO_TENANT: [&str; 2] = ["no org id", "no valid org id"];

/// Appends a hint to an error, if there is one for it.
pub(super) fn add(answer: &Answer<'_>, mut error: RulerError) -> RulerError {
    match &mut error {
        RulerError::Denied { message } if contains_any(answer.body, &NO_TENANT) => {
            message.push_str(if answer.tenant {
                ": the route's tenant was sent as `X-Scope-OrgID`; either this ruler takes no such name, or a proxy \
                 drops the header"
            } else {
                ": set `tenant` on the route"
            });
        }
        RulerError::Misconfigured { message } | RulerError::Rejected { message, .. } => {
            if let Some(slash) = changed_slash(answer) {
                message.push_str(&format!(
                    "; the name holds a `/`, which is sent as `{slash}`: if other names work, a proxy on the way \
                     decodes it and must be told to pass `{slash}` on as it is"
                ));
            }
        }
        _ => {}
    }
    error
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

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::super::{Operation, outcome};
    use super::*;

    fn error_message(operation: Operation, path: &str, answer: Answer<'_>) -> String {
        let asked = Url::parse(&format!("http://mimir/rules/{path}")).unwrap();
        outcome(operation, &Answer { asked: Some(&asked), ..answer }).unwrap_err().message().to_owned()
    }

    #[test]
    fn hint_for_changed_slash_names_encoding() {
        let answer = |status, body| Answer { status, body, ..Answer::default() };
        for (status, body) in [
            (404, "404 page not found"),
            (405, ""),
            (301, ""),
            (400, "<html>Bad Request</html>"),
            (400, "Bad Request"),
        ] {
            let hint = |path| error_message(Operation::Put, path, answer(status, body));
            assert!(
                hint("a%2Fb").contains("a proxy on the way decodes it and must be told to pass `%2F`"),
                "{status}"
            );
            assert!(hint("a%252Fb").contains("to pass `%252F` on"), "{status}");
            assert!(!hint("a.b").contains("%2"), "{status}: no slash, no hint");
        }
        for (status, body) in [(400, "could not parse expression"), (400, ""), (403, ""), (500, "")] {
            if let Err(error) = outcome(Operation::Put, &answer(status, body)) {
                assert!(!error.message().contains("%2F"), "{status}");
            }
            assert!(
                !error_message(Operation::Put, "a%2Fb", answer(status, body)).contains("%2F"),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn hint_for_missing_tenant_names_setting() {
        for status in [400, 401, 500] {
            let answer = |tenant| Answer { status, body: "no org id\n", tenant, ..Answer::default() };
            let missing = error_message(Operation::List, "", answer(false));
            assert_eq!(missing, "no org id: set `tenant` on the route");
            let refused = error_message(Operation::List, "", answer(true));
            assert!(
                refused.starts_with("no org id: the route's tenant was sent as `X-Scope-OrgID`"),
                "{refused}"
            );
        }
    }

    #[test]
    fn redirect_error_names_source_and_target() {
        let answer =
            Answer { status: 308, location: "https://mimir/login?token=hunter2", ..Answer::default() };
        assert_eq!(
            error_message(Operation::List, "x?token=hunter2", answer),
            "redirected (308) from http://mimir/rules/x to https://mimir/login; redirects are not followed"
        );
    }
}
