//! What may help, added to the words of a server that does not know what stands between us. Pure.

use rulesync_core::RulerError;

use super::{Answer, says};

/// How a server says that it wants to be told a tenant, or does not take the one it was told.
const NO_TENANT: [&str; 2] = ["no org id", "no valid org id"];

/// Adds a hint to an error, if there is one for it.
pub(super) fn add(answer: &Answer<'_>, mut error: RulerError) -> RulerError {
    match &mut error {
        RulerError::Denied { message } if says(answer.body, &NO_TENANT) => {
            message.push_str(if answer.tenant {
                ": the route's tenant was sent as `X-Scope-OrgID`; either this ruler takes no such name, or a proxy \
                 drops the header"
            } else {
                ": set `tenant` on the route"
            });
        }
        RulerError::Misconfigured { message } | RulerError::Rejected { message, .. } => {
            if let Some(slash) = mangled(answer) {
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

/// The encoded slash of a URL that does not seem to have reached the ruler as it was sent.
fn mangled(answer: &Answer<'_>) -> Option<&'static str> {
    let path = answer.asked?.path();
    let slash = ["%252F", "%2F"].into_iter().find(|slash| path.contains(slash))?;
    let lost = match answer.status {
        300..=399 | 404 | 405 => true,
        // A ruler has its reasons; what is meant here are the words of Tomcat, HAProxy, Envoy and others.
        400 => {
            answer.content_type.starts_with("text/html")
                || answer.body.trim_start().starts_with('<')
                || answer.body.trim().trim_start_matches("400 ").eq_ignore_ascii_case("bad request")
        }
        _ => false,
    };
    lost.then_some(slash)
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::super::{Operation, meaning};
    use super::*;

    fn said(operation: Operation, path: &str, answer: Answer<'_>) -> String {
        let asked = Url::parse(&format!("http://mimir/rules/{path}")).unwrap();
        meaning(operation, &Answer { asked: Some(&asked), ..answer }).unwrap_err().message().to_owned()
    }

    #[test]
    fn a_mangled_slash_is_named_as_it_was_sent() {
        let answer = |status, body| Answer { status, body, ..Answer::default() };
        for (status, body) in [
            (404, "404 page not found"),
            (405, ""),
            (301, ""),
            (400, "<html>Bad Request</html>"),
            (400, "Bad Request"),
        ] {
            let hint = |path| said(Operation::Put, path, answer(status, body));
            assert!(
                hint("a%2Fb").contains("a proxy on the way decodes it and must be told to pass `%2F`"),
                "{status}"
            );
            assert!(hint("a%252Fb").contains("to pass `%252F` on"), "{status}");
            assert!(!hint("a.b").contains("%2"), "{status}: no slash, no hint");
        }
        for (status, body) in [(400, "could not parse expression"), (400, ""), (403, ""), (500, "")] {
            if let Err(error) = meaning(Operation::Put, &answer(status, body)) {
                assert!(!error.message().contains("%2F"), "{status}");
            }
            assert!(!said(Operation::Put, "a%2Fb", answer(status, body)).contains("%2F"), "{status} {body}");
        }
    }

    #[test]
    fn a_missing_tenant_is_told_what_to_set() {
        for status in [400, 401, 500] {
            let answer = |tenant| Answer { status, body: "no org id\n", tenant, ..Answer::default() };
            let missing = said(Operation::List, "", answer(false));
            assert_eq!(missing, "no org id: set `tenant` on the route");
            let refused = said(Operation::List, "", answer(true));
            assert!(
                refused.starts_with("no org id: the route's tenant was sent as `X-Scope-OrgID`"),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_redirect_names_both_ends() {
        let answer =
            Answer { status: 308, location: "https://mimir/login?token=hunter2", ..Answer::default() };
        assert_eq!(
            said(Operation::List, "x?token=hunter2", answer),
            "redirected (308) from http://mimir/rules/x to https://mimir/login; redirects are not followed"
        );
    }
}
