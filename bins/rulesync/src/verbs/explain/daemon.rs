//! Asks a running daemon.

use rulesync_core::explain::{Explained, VERSION};
use rulesync_core::finding::Printable;
use rulesync_http::{Connection, Request};
use serde::Deserialize;

use super::files::only_object;
use super::login::Login;
use super::question::Question;
use crate::failure::Failure;

/// The page of explanations.
const PAGE: &str = "/api/v1/explain";

/// The largest answer that is read: an object is at most as large as Kubernetes stores.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// The version of an answer, which is read before all else.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Returns the explanation of a daemon. Of a file, it explains the object that the file names, as the daemon knows it.
pub(super) async fn ask(address: &str, login: &Login, question: &Question) -> Result<Explained, Failure> {
    let failed = |reason: String| Failure::Daemon { address: shown(address), reason };
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let client = login.client(variable).map_err(Failure::Usage)?;
    let connection =
        Connection::new(address, &client).map_err(|error| Failure::Usage(format!("--daemon: {error}")))?;
    let request = Request::get(PAGE, "explain");
    let request = match question {
        Question::Object(object) => request.with_parameter("object", &object.to_string()),
        Question::File(path) => {
            let object = only_object(path)?.id;
            let object = rulesync_core::explain::ObjectRef::from(&object);
            request.with_parameter("object", &object.to_string())
        }
        Question::Namespace(namespace, at) => {
            let mut request = request.with_parameter("ruler_namespace", namespace);
            for (name, value) in [("ruler", &at.ruler), ("tenant", &at.tenant)] {
                if let Some(value) = value {
                    request = request.with_parameter(name, value);
                }
            }
            request
        }
    };
    let mut response = connection.send(request).await.map_err(|error| failed(error.message().to_owned()))?;
    match response.status() {
        200 => {}
        404 => {
            let reason = "no such page: it is no rulesyncd, or one that does not explain yet";
            return Err(failed(reason.to_owned()));
        }
        401 => {
            let reason = "401: it asks for a user and a password: give --user and --password-file";
            return Err(failed(reason.to_owned()));
        }
        status => {
            let text = response.excerpt().await;
            return Err(failed(format!("{status}: {}", text.trim())));
        }
    }
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(error.message().to_owned()))? {
        text.extend_from_slice(&chunk);
        if text.len() > MAX_ANSWER_BYTES {
            return Err(failed(format!("the answer has more than {MAX_ANSWER_BYTES} bytes")));
        }
    }
    read(&text).map_err(failed)
}

/// Reads an answer; the error says why it is none.
fn read(text: &[u8]) -> Result<Explained, String> {
    match serde_json::from_slice::<Versioned>(text) {
        Ok(Versioned { version: VERSION }) => {}
        Ok(Versioned { version }) => {
            return Err(format!(
                "the answer is of version {version}, and this rulesync reads {VERSION}: take the rulesync of the daemon's version"
            ));
        }
        Err(_) => return Err("the answer is no explanation: it is no rulesyncd".to_owned()),
    }
    serde_json::from_slice(text).map_err(|error| {
        format!("the answer cannot be read ({error}): take the rulesync of the daemon's version")
    })
}

/// Returns an address without what follows a user, which may be a password.
fn shown(address: &str) -> String {
    let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
    Printable(host).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_other_versions_and_of_others_are_told() {
        for (text, part) in [
            ("<html>", "no rulesyncd"),
            (r#"{"status": "success"}"#, "no rulesyncd"),
            (r#"{"version": 2}"#, "of version 2"),
            (r#"{"version": 1}"#, "cannot be read"),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let explained = Explained::new("us", true);
        assert_eq!(read(&serde_json::to_vec(&explained).unwrap()), Ok(explained));
    }

    #[test]
    fn address_is_shown_without_a_password() {
        assert_eq!(shown("http://a:b@c:8080"), "c:8080");
        assert_eq!(shown("http://c:8080"), "http://c:8080");
    }
}
