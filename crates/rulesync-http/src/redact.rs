//! Cuts our own secrets out of what a server says: a gateway that echoes the request would carry them into the log and
//! the status.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use rulesync_core::RulerError;

use crate::cut::CUT;
use crate::secret::Secret;

/// What stands in the place of a secret.
const MASK: &str = "<secret>";

/// Shorter forms of a secret are left where they are: nearly every message holds such a text by chance.
const SHORTEST: usize = 4;

/// So many secrets that were sent are remembered: an answer may be about a token that has been replaced meanwhile.
const REMEMBERED: usize = 32;

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
        self.sent_so_far().text(text)
    }

    /// What was sent until now, to be looked for in many texts.
    pub(crate) fn sent_so_far(&self) -> Redaction {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut forms: Vec<String> = sent.iter().flat_map(Sent::forms).collect();
        drop(sent);
        forms.retain(|form| form.len() >= SHORTEST);
        // Of several that fit, the longest.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Redaction { forms }
    }
}

impl Sent {
    /// How it may look in an answer: as it is, or as headers and JSON carry it. Any of them may be escaped as in URLs.
    fn forms(&self) -> Vec<String> {
        let secret = self.secret.expose();
        // Without a user it may have been sent as one.
        let pair = self.user.as_ref().map_or_else(|| format!("{secret}:"), |user| format!("{user}:{secret}"));
        let mut forms = vec![secret.to_owned()];
        for text in [secret, &pair] {
            forms.extend([STANDARD_NO_PAD.encode(text), URL_SAFE_NO_PAD.encode(text)]);
        }
        if let Ok(quoted) = serde_json::to_string(secret) {
            let quoted = &quoted[1..quoted.len() - 1];
            // As Go writes it.
            forms.push(quoted.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e"));
            forms.push(quoted.to_owned());
        }
        forms
    }
}

/// The forms of what was sent until a moment, the longest first.
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
    /// Replaces each form in the text, and the beginning of one where the text was cut. Goes through the text once.
    pub(crate) fn text(&self, text: String) -> String {
        if self.forms.is_empty() {
            return text;
        }
        // With what a form may begin.
        let mut begins = [false; 256];
        begins[usize::from(b'%')] = true;
        self.forms
            .iter()
            .filter_map(|form| form.bytes().next())
            .for_each(|first| begins[usize::from(first)] = true);
        let mut masked = String::with_capacity(text.len());
        // Where what is not looked at yet begins, what is not taken over yet, and the next place where the text was cut.
        let (mut at, mut taken, mut cut) = (0, 0, text.find(CUT));
        while let Some(plain) = text.as_bytes()[at..].iter().position(|byte| begins[usize::from(*byte)]) {
            at += plain;
            // A form is text, so that no match begins within a character; what ends before it is behind.
            if cut.is_some_and(|cut| cut < at) {
                cut = text[at..].find(CUT).map(|next| at + next);
            }
            match self.length(&text[at..], cut.map(|cut| cut - at)) {
                Some(length) => {
                    masked.push_str(&text[taken..at]);
                    masked.push_str(MASK);
                    // The padding of base64 belongs to it.
                    at = text.len() - text[at + length..].trim_start_matches('=').len();
                    taken = at;
                }
                None => at += 1,
            }
        }
        masked.push_str(&text[taken..]);
        masked
    }

    /// How much of the beginning of a text is a form, or the beginning of one up to where the text was cut.
    fn length(&self, text: &str, cut: Option<usize>) -> Option<usize> {
        self.forms.iter().find_map(|form| length(form.as_bytes(), text.as_bytes(), cut))
    }
}

/// How much of the beginning of a text is this form, each byte as it is or escaped as in URLs.
fn length(form: &[u8], text: &[u8], cut: Option<usize>) -> Option<usize> {
    let mut at = 0;
    for byte in form {
        let rest = &text[at..cut.map_or(text.len(), |cut| cut.max(at))];
        at += match rest {
            [next, ..] if next == byte => 1,
            [b'+', ..] if *byte == b' ' => 1,
            [b'%', high, low, ..] if hex(*high, *low) == Some(*byte) => 3,
            // The text was cut here, perhaps within an escape.
            [] | [b'%'] | [b'%', _] if cut.is_some_and(|cut| cut >= SHORTEST) => return cut,
            _ => return None,
        };
    }
    Some(at)
}

/// The byte of two digits.
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
    fn a_secret_is_cut_out_in_every_form() {
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
    fn a_long_text_is_gone_through_once() {
        // Looking at the rest of the text at each character would take hours.
        let secrets: Vec<String> = (0..REMEMBERED).map(|number| format!("s{number}-of-the-day")).collect();
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
    fn short_secrets_leave_messages_readable() {
        let text = "an error: abc, Basic dTph";
        assert_eq!(redacted(&[(None, ""), (None, "e"), (Some("u"), "abc")], text), text);
        assert_eq!(redacted(&[(Some("u"), "a")], "Basic dTph"), "Basic <secret>", "not so with its user");
        assert_eq!(redacted(&[(None, "secret"), (None, "secrets")], "secrets secret"), "<secret> <secret>");
    }

    #[test]
    fn a_secret_that_was_sent_as_a_user_is_cut_out() {
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
