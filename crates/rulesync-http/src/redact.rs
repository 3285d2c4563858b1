//! Cuts our own secrets out of what a server says: a gateway that echoes the request would carry them into the log and
//! the status.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::utf8_percent_encode;
use rulesync_core::RulerError;

use crate::secret::Secret;
use crate::url::UNRESERVED_KEPT;

/// What stands in the place of a secret.
const MASK: &str = "<secret>";

/// Shorter forms of a secret are left where they are: nearly every message holds such a text by chance.
const SHORTEST: usize = 4;

/// So many secrets that were sent are remembered: an answer may be about a token that has been replaced meanwhile.
const REMEMBERED: usize = 32;

/// What shows that a text was cut; half a secret may stand before it.
const CUT: char = '…';

/// Knows what secrets were sent.
#[derive(Default)]
pub(crate) struct Redactor {
    sent: Mutex<Vec<Sent>>,
}

struct Sent {
    /// With whom it is sent, if as user and password.
    user: Option<String>,
    secret: Secret,
    /// Is never forgotten.
    lasting: bool,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// Remembers a secret that is about to be sent.
    pub(crate) fn remember(&self, user: Option<&str>, secret: &str) {
        self.add(user, secret, false);
    }

    /// Remembers a secret for good, such as the password of a proxy, which is sent without a word to us.
    pub(crate) fn keep(&self, user: Option<&str>, secret: &str) {
        self.add(user, secret, true);
    }

    fn add(&self, user: Option<&str>, secret: &str, lasting: bool) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |sent: &Sent| sent.secret.expose() == secret && sent.user.as_deref() == user;
        if secret.is_empty() || sent.iter().any(known) {
            return;
        }
        if sent.len() >= REMEMBERED
            && let Some(oldest) = sent.iter().position(|sent| !sent.lasting)
        {
            sent.remove(oldest);
        }
        sent.push(Sent { user: user.map(str::to_owned), secret: Secret::from(secret), lasting });
    }

    /// The error, with nothing of ours in its message.
    pub(crate) fn error(&self, mut error: RulerError) -> RulerError {
        let (RulerError::Unavailable { message, .. }
        | RulerError::Rejected { message, .. }
        | RulerError::Limit { message }
        | RulerError::Denied { message }
        | RulerError::Protected { message }
        | RulerError::Misconfigured { message }
        | RulerError::Unreadable { message }) = &mut error;
        *message = self.text(std::mem::take(message));
        error
    }

    /// The text, with nothing of ours in it.
    pub(crate) fn text(&self, text: String) -> String {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut forms: Vec<String> = sent.iter().flat_map(Sent::forms).collect();
        drop(sent);
        forms.retain(|form| form.len() >= SHORTEST);
        // Of several that fit, the longest.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        mask(text, &forms)
    }
}

impl Sent {
    /// How it may look in an answer: as it is, or as headers, URLs and JSON carry it.
    fn forms(&self) -> Vec<String> {
        let secret = self.secret.expose();
        let mut forms = vec![
            secret.to_owned(),
            utf8_percent_encode(secret, UNRESERVED_KEPT).to_string(),
            STANDARD_NO_PAD.encode(secret),
        ];
        if let Ok(quoted) = serde_json::to_string(secret) {
            forms.push(quoted[1..quoted.len() - 1].to_owned());
        }
        if let Some(user) = &self.user {
            let pair = format!("{user}:{secret}");
            forms.extend([STANDARD_NO_PAD.encode(&pair), URL_SAFE_NO_PAD.encode(&pair)]);
        }
        forms
    }
}

/// Replaces each form in the text, and the beginning of one where the text was cut.
fn mask(text: String, forms: &[String]) -> String {
    if forms.is_empty() {
        return text;
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(next) = rest.chars().next() {
        let cut = rest.find(CUT).map(|cut| &rest[..cut]).filter(|head| head.len() >= SHORTEST);
        let length = forms.iter().find_map(|form| {
            if rest.starts_with(form.as_str()) {
                return Some(form.len());
            }
            cut.filter(|head| form.starts_with(head)).map(str::len)
        });
        match length {
            Some(length) => {
                masked.push_str(MASK);
                // The padding of base64 belongs to it.
                rest = rest[length..].trim_start_matches('=');
            }
            None => {
                masked.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(secrets: &[(Option<&str>, &str)], text: &str) -> String {
        let redactor = Redactor::default();
        secrets.iter().for_each(|(user, secret)| redactor.remember(*user, secret));
        redactor.text(text.to_owned())
    }

    #[test]
    fn a_secret_is_cut_out_in_every_form() {
        let secret = "hunter\"2/é";
        for (text, expected) in [
            ("you said hunter\"2/é, twice: hunter\"2/é", "you said <secret>, twice: <secret>"),
            (r#"{"password":"hunter\"2/é"}"#, r#"{"password":"<secret>"}"#),
            ("http://u:hunter%222%2F%C3%A9@host/", "http://u:<secret>@host/"),
            ("Authorization: Basic dTpodW50ZXIiMi/DqQ==, no", "Authorization: Basic <secret>, no"),
            ("token aHVudGVyIjIvw6k=", "token <secret>"),
            ("cut: hunter\"…", "cut: <secret>…"),
            ("hunt for ducks… hunter", "hunt for ducks… hunter"),
            ("nothing of it: dTpo", "nothing of it: dTpo"),
        ] {
            assert_eq!(redacted(&[(Some("u"), secret)], text), expected);
        }
    }

    #[test]
    fn short_secrets_leave_messages_readable() {
        let text = "an error: abc, Basic dTph";
        assert_eq!(redacted(&[(None, ""), (None, "e"), (Some("u"), "abc")], text), text);
        assert_eq!(redacted(&[(Some("u"), "a")], "Basic dTph"), "Basic <secret>", "not so with its user");
        assert_eq!(redacted(&[(None, "secret"), (None, "secrets")], "secrets secret"), "<secret> <secret>");
    }

    #[test]
    fn only_the_last_secrets_are_remembered_and_the_lasting_ones() {
        let redactor = Redactor::default();
        redactor.keep(None, "of-the-proxy");
        for number in 0..100 {
            redactor.remember(None, &format!("token-{number:03}"));
        }
        assert_eq!(
            redactor.text("of-the-proxy token-099 token-001".to_owned()),
            "<secret> <secret> token-001"
        );
        assert_eq!(redactor.sent.lock().unwrap().len(), REMEMBERED);
    }
}
