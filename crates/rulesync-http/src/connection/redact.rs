//! Redacts the client's secrets in messages of servers: a gateway that echoes the request would otherwise leak them
//! into the log and the status.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use rulesync_core::RulerError;

use super::cut::CUT;
use crate::settings::Secret;

/// The replacement of a secret.
const MASK: &str = "<secret>";

/// The minimum length of a redacted form: nearly every message contains shorter strings by chance.
const MIN_LENGTH: usize = 4;

/// The number of sent secrets that are remembered: a response may refer to a token that has been replaced meanwhile.
const MAX_REMEMBERED: usize = 32;

/// The secrets that were sent.
#[derive(Default)]
pub(crate) struct Redactor {
    sent: Mutex<Vec<Sent>>,
}

struct Sent {
    /// The user, if the secret is sent as user and password.
    user: Option<String>,
    secret: Secret,
    /// Set if the secret is never forgotten.
    permanent: bool,
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

    /// Remembers a secret permanently, such as the password of a proxy, which the HTTP library sends by itself.
    pub(crate) fn keep(&self, user: Option<&str>, secret: &str) {
        self.add(user, secret, true);
    }

    fn add(&self, user: Option<&str>, secret: &str, permanent: bool) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |sent: &Sent| sent.secret.expose() == secret && sent.user.as_deref() == user;
        if secret.is_empty() || sent.iter().any(known) {
            return;
        }
        if sent.len() >= MAX_REMEMBERED
            && let Some(oldest) = sent.iter().position(|sent| !sent.permanent)
        {
            sent.remove(oldest);
        }
        sent.push(Sent { user: user.map(str::to_owned), secret: Secret::from(secret), permanent });
    }

    /// Redacts the secrets in the message of an error.
    pub(crate) fn error(&self, error: RulerError) -> RulerError {
        let message = self.text(error.message().to_owned());
        error.with_message(message)
    }

    /// Redacts the secrets in a text.
    pub(crate) fn text(&self, text: String) -> String {
        self.sent_so_far().text(text)
    }

    /// Returns a redaction of the secrets that were sent so far, for many texts.
    pub(crate) fn sent_so_far(&self) -> Redaction {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut forms: Vec<String> = sent.iter().flat_map(Sent::forms).collect();
        drop(sent);
        forms.retain(|form| form.len() >= MIN_LENGTH);
        // The longest of several matching forms is replaced.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Redaction { forms }
    }
}

impl Sent {
    /// The forms in which a response may contain the secret: literally, or encoded as in headers and JSON. Each may
    /// also be percent-encoded.
    fn forms(&self) -> Vec<String> {
        let secret = self.secret.expose();
        // Without a user, the secret may have been sent as the user.
        let pair = self.user.as_ref().map_or_else(|| format!("{secret}:"), |user| format!("{user}:{secret}"));
        let mut forms = vec![secret.to_owned()];
        for text in [secret, &pair] {
            forms.extend([STANDARD_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(text)]);
        }
        if let Ok(quoted) = serde_json::to_string(secret) {
            let quoted = &quoted[1..quoted.len() - 1];
            // Go's encoding.
            forms.push(quoted.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e"));
            forms.push(quoted.to_owned());
        }
        forms
    }
}

/// The forms of the secrets that were sent up to some time, the longest first.
#[derive(Clone, Default)]
pub(crate) struct Redaction {
    forms: Vec<String>,
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redaction")
    }
}

impl Redaction {
    /// Replaces each form in the text, and the beginning of a form where the text was truncated. Single pass.
    pub(crate) fn text(&self, text: String) -> String {
        if self.forms.is_empty() {
            return text;
        }
        // The possible first bytes of a form.
        let mut begins = [false; 256];
        begins[usize::from(b'%')] = true;
        self.forms
            .iter()
            .filter_map(|form| form.bytes().next())
            .for_each(|first| begins[usize::from(first)] = true);
        let mut masked = String::with_capacity(text.len());
        // The offsets of the next byte to check, of the next byte to copy, and of the next truncation.
        let (mut at, mut copied, mut cut) = (0, 0, text.find(CUT));
        while let Some(plain) = text.as_bytes()[at..].iter().position(|byte| begins[usize::from(*byte)]) {
            at += plain;
            // A form is valid UTF-8, so that no match begins within a character. A truncation before it is done with.
            if cut.is_some_and(|cut| cut < at) {
                cut = text[at..].find(CUT).map(|next| at + next);
            }
            match self.length(&text[at..], cut.map(|cut| cut - at)) {
                Some(length) => {
                    masked.push_str(&text[copied..at]);
                    masked.push_str(MASK);
                    // Includes the base64 padding.
                    at = text.len() - text[at + length..].trim_start_matches('=').len();
                    copied = at;
                }
                None => at += 1,
            }
        }
        masked.push_str(&text[copied..]);
        masked
    }

    /// The length of the form at the beginning of a text, or of its part up to where the text was truncated.
    fn length(&self, text: &str, cut: Option<usize>) -> Option<usize> {
        self.forms.iter().find_map(|form| length(form.as_bytes(), text.as_bytes(), cut))
    }
}

/// The length of this form at the beginning of a text, with each byte literal or percent-encoded.
fn length(form: &[u8], text: &[u8], cut: Option<usize>) -> Option<usize> {
    let mut at = 0;
    for byte in form {
        let rest = &text[at..cut.map_or(text.len(), |cut| cut.max(at))];
        at += match rest {
            [next, ..] if next == byte => 1,
            [b'+', ..] if *byte == b' ' => 1,
            [b'%', high, low, ..] if hex(*high, *low) == Some(*byte) => 3,
            // The text was truncated here, possibly within an escape.
            [] | [b'%'] | [b'%', _] if cut.is_some_and(|cut| cut >= MIN_LENGTH) => return cut,
            _ => return None,
        };
    }
    Some(at)
}

/// The byte of two hexadecimal digits.
fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
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
    fn redactor_masks_every_form_of_secret() {
        let secret = "hunter\"2/é";
        for (text, expected) in [
            ("you said hunter\"2/é, twice: hunter\"2/é", "you said <secret>, twice: <secret>"),
            (r#"{"password":"hunter\"2/é"}"#, r#"{"password":"<secret>"}"#),
            ("http://u:hunter%222%2F%C3%A9@host/", "http://u:<secret>@host/"),
            ("http://u:hunter%222%2f%c3%a9@host/", "http://u:<secret>@host/"),
            ("http://u:%68unter%222/%C3%a9@host/ 100%", "http://u:<secret>@host/ 100%"),
            ("auth=Basic+dTpodW50ZXIiMi%2fDqQ%3D%3D", "auth=Basic+<secret>%3D%3D"),
            ("cut: hunter%222%…", "cut: <secret>…"),
            ("cut: hunter%222%2…, hunter%2", "cut: <secret>…, hunter%2"),
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
    fn redactor_masks_long_text_in_linear_time() {
        // Scanning the rest of the text at each character would take hours.
        let secrets: Vec<String> =
            (0..MAX_REMEMBERED).map(|number| format!("s{number}-of-the-day")).collect();
        let secrets: Vec<(Option<&str>, &str)> =
            secrets.iter().map(|secret| (Some("u"), secret.as_str())).collect();
        for (filler, end, expected) in [("some words, ", "", ""), ("some words… ", "s7-of-the…", "<secret>…")]
        {
            let text = filler.repeat((2 << 20) / filler.len());
            let masked = redacted(&secrets, &format!("{text}{end}"));
            assert!(masked == format!("{text}{expected}"), "{filler}");
        }
        let masked = redacted(&secrets, &"s7-of-the-day ".repeat(1 << 17));
        assert!(masked == "<secret> ".repeat(1 << 17));
    }

    #[test]
    fn redactor_ignores_short_secrets() {
        let text = "an error: abc, Basic dTph";
        assert_eq!(redacted(&[(None, ""), (None, "e"), (Some("u"), "abc")], text), text);
        assert_eq!(redacted(&[(Some("u"), "a")], "Basic dTph"), "Basic <secret>", "not so with its user");
        assert_eq!(redacted(&[(None, "secret"), (None, "secrets")], "secrets secret"), "<secret> <secret>");
    }

    #[test]
    fn redactor_masks_secret_sent_as_user() {
        let secrets = [(None, "t0ken of <me>")];
        for text in [
            "Basic dDBrZW4gb2YgPG1lPjo=",
            "http://t0ken%20of%20%3cme%3e@x",
            "?t0ken+of+%3Cme%3E",
            "t0ken of \\u003cme\\u003e",
        ] {
            let masked = redacted(&secrets, text);
            assert!(masked.contains(MASK) && !masked.contains("dDBr") && !masked.contains("t0k"), "{masked}");
        }
    }

    #[test]
    fn redactor_remembers_latest_and_permanent_secrets() {
        let redactor = Redactor::default();
        redactor.keep(None, "of-the-proxy");
        for number in 0..100 {
            redactor.remember(None, &format!("token-{number:03}"));
        }
        assert_eq!(
            redactor.text("of-the-proxy token-099 token-001".to_owned()),
            "<secret> <secret> token-001"
        );
        assert_eq!(redactor.sent.lock().unwrap().len(), MAX_REMEMBERED);
    }
}
