//! The user and password of a request (RFC 7617).

use std::fmt;

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a request says who sends it. `Debug` shows no password.
#[derive(PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: Vec<u8>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Reads the header `Authorization`; none if it has another form.
    pub(super) fn read(header: &HeaderValue) -> Option<Self> {
        let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return None;
        }
        let decoded = STANDARD.decode(encoded.trim_start_matches(' ')).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let (user, password) = decoded.split_at(colon);
        let user = String::from_utf8(user.to_vec()).ok()?;
        Some(Self { user, password: password.get(1..).unwrap_or_default().to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_as_browsers_and_curl_send_them() {
        let read = |header: String| {
            let read = Credentials::read(&HeaderValue::from_str(&header).unwrap())?;
            Some((read.user, read.password))
        };
        let encoded = |text: &[u8]| STANDARD.encode(text);
        let pair = |user: &str, password: &[u8]| Some((user.to_owned(), password.to_vec()));
        assert_eq!(read(format!("Basic {}", encoded(b"alice:secret"))), pair("alice", b"secret"));
        assert_eq!(read(format!("basic  {}", encoded(b"alice:se:cr:et"))), pair("alice", b"se:cr:et"));
        assert_eq!(read(format!("BASIC {}", encoded(b":"))), pair("", b""));
        assert_eq!(read(format!("Basic {}", encoded(b"a:\xff\0"))), pair("a", b"\xff\0"));
        for header in [
            String::new(),
            "Basic".to_owned(),
            "Basic !".to_owned(),
            format!("Basic {}", encoded(b"alice")),
            format!("Basic {}", encoded(b"\xff:a")),
            format!("Bearer {}", encoded(b"alice:secret")),
            format!("Basic{}", encoded(b"alice:secret")),
            format!("Basic {} x", encoded(b"alice:secret")),
        ] {
            assert_eq!(read(header.clone()), None, "{header}");
        }
    }

    #[test]
    fn credentials_show_no_password() {
        let header = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode("alice:hunter2"))).unwrap();
        let shown = format!("{:?}", Credentials::read(&header).unwrap());
        assert!(shown.contains("alice") && !shown.contains("hunter2"), "{shown}");
    }
}
