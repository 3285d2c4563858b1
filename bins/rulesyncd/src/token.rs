//! The token of forms that change something: random for each process.

use std::fmt::{self, Write};

use rustls::crypto::ring;
use subtle::ConstantTimeEq;

/// The token of forms that change something. `Debug` does not show it.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// Creates a token; none if the system has no random numbers.
    pub(crate) fn random() -> Option<Self> {
        let mut bytes = [0; 32];
        ring::default_provider().secure_random.fill(&mut bytes).ok()?;
        Some(Self(bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })))
    }

    /// Returns whether a text is the token. The time that it takes does not depend on where they differ.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }

    /// Returns the token, for a form.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<token>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_random_and_equals_itself_alone() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!(one.expose().len(), 64);
        assert!(one.is(one.expose()) && !one.is(other.expose()));
        for wrong in ["", "0", &one.expose()[1..], &format!("{}0", one.expose())] {
            assert!(!one.is(wrong), "{wrong}");
        }
        assert_eq!(format!("{one:?}"), "<token>");
    }
}
