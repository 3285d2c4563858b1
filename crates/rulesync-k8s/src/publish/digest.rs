//! Digests of what was written: equal ones mean that there is nothing to write.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A digest of a rendering without its times, and one of what it says besides evaluation: 16 bytes. Two are equal if their
/// renderings are.
#[derive(Debug, Clone, Copy)]
pub struct Digest {
    whole: u64,
    steady: u64,
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.whole == other.whole
    }
}

impl Eq for Digest {}

impl Digest {
    /// Returns the digest of a rendering without times; `steady` is what it says besides evaluation.
    pub(super) fn new(rendering: &impl Serialize, steady: &impl Serialize) -> Self {
        Self { whole: sha(rendering), steady: sha(steady) }
    }

    /// Returns whether nothing but what is said of the evaluation differs, which may change with each evaluation.
    pub fn differs_in_evaluation_only(self, before: Self) -> bool {
        self.whole != before.whole && self.steady == before.steady
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.whole, self.steady)
    }
}

/// The error for a text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: 32 hexadecimal digits are expected")]
pub struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let part = |range| {
            let part: &str = text.get(range)?;
            u64::from_str_radix(part, 16).ok().filter(|_| part.len() == 16)
        };
        match (text.len(), part(0..16), part(16..32)) {
            (32, Some(whole), Some(steady)) => Ok(Self { whole, steady }),
            _ => Err(DigestError),
        }
    }
}

/// Returns the beginning of the SHA-256 of a value as JSON: the same in every process.
pub(super) fn sha(value: &impl Serialize) -> u64 {
    let mut sha = Sha::default();
    // Writing to memory does not fail, and nothing that is written has a key that is no text.
    let _ = serde_json::to_writer(&mut sha, value);
    sha.0.finalize().iter().take(8).fold(0, |all, byte| (all << 8) | u64::from(*byte))
}

/// SHA-256 of what is written to it.
#[derive(Debug, Default)]
struct Sha(Sha256);

impl std::io::Write for Sha {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::publish::rule_status::render;
    use crate::publish::samples::{at, finding, status};

    fn digest(fields: Value) -> Digest {
        render(&status(fields), &"prod".parse().unwrap()).unwrap().digest()
    }

    #[test]
    fn digest_tells_changes_of_evaluation_from_others() {
        let before = digest(json!({}));
        assert_eq!(before, digest(json!({})));
        assert!(!before.differs_in_evaluation_only(before));
        let failing = finding("evaluation", "warning", "too many samples");
        let failing = json!({"evaluation": "failing", "failing_rules": 1, "findings": [failing]});
        let evaluation = digest(json!({"destinations": [at(failing)]}));
        assert!(before != evaluation && evaluation.differs_in_evaluation_only(before));
        for fields in [
            json!({"generation": 5}),
            json!({"uid": "another"}),
            json!({"state": "pending", "destinations": [at(json!({"state": "pending"}))]}),
            json!({"destinations": [at(json!({"held_groups": 1}))]}),
            json!({"destinations": [at(json!({"evaluation": "failing", "rules": 8}))]}),
        ] {
            let other = digest(fields.clone());
            assert!(other != before && !other.differs_in_evaluation_only(before), "{fields}");
        }
    }

    #[test]
    fn digest_is_read_as_it_was_written() {
        let written = digest(json!({}));
        let read: Digest = written.to_string().parse().unwrap();
        assert_eq!((read.whole, read.steady), (written.whole, written.steady));
        for odd in ["", "x", &"g".repeat(32), &"+".repeat(32), &"é".repeat(16), &"0".repeat(33)] {
            assert_eq!(odd.parse::<Digest>(), Err(DigestError), "{odd}");
        }
    }
}
