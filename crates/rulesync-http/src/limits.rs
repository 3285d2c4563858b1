//! How much of an answer is read. One setting says how long a whole answer may be; all other limits are shares of it, so
//! that they keep their order. Pure.

use rulesync_core::RulerError;

/// The default of `max_response_bytes`.
const DEFAULT_RESPONSE_BYTES: u64 = 1 << 30;

/// The largest group that is sent, as a share of the largest namespace that is read back. YAML of the rulers is up to
/// six times as long as our JSON, where a text of short lines is indented.
const GROWTH: u64 = 8;

/// How many bytes are read, of answers as they are once unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    response: u64,
}

impl Limits {
    pub(crate) fn new(max_response_bytes: Option<u64>) -> Self {
        Self { response: max_response_bytes.unwrap_or(DEFAULT_RESPONSE_BYTES) }
    }

    /// With room for a namespace of so many bytes, and no less than the default.
    pub(crate) fn with_namespace(bytes: u64) -> Self {
        Self { response: bytes.saturating_mul(4).max(DEFAULT_RESPONSE_BYTES) }
    }

    /// The longest answer.
    pub(crate) fn response(self) -> u64 {
        self.response
    }

    /// The longest namespace or group that is kept and parsed.
    pub(crate) fn namespace(self) -> u64 {
        self.response / 4
    }

    /// The longest group that is read of what is loaded: sixteen times the longest that is sent. Servers add some 200
    /// bytes to each rule, of which the shortest has 25.
    pub(crate) fn loaded_group(self) -> u64 {
        self.response / 2
    }

    /// The most nodes that a document may have. Each takes some 150 bytes when it is read; a ruler writes no fewer than
    /// eight for one, and with us it is five on average at least.
    pub(crate) fn nodes(self) -> u64 {
        self.namespace() / 4
    }

    /// The longest line that names a namespace.
    pub(crate) fn name(self) -> u64 {
        self.response / 256
    }

    /// The longest group that is sent: a larger one might not be readable in the next list.
    pub(crate) fn group(self) -> u64 {
        self.namespace() / GROWTH
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(None)
    }
}

/// An answer, or `what` of it, that goes on beyond a limit.
pub(crate) fn too_long(what: &str, limit: u64) -> RulerError {
    let message = format!(
        "{what} is longer than {limit} bytes: raise `max_response_bytes` of the ruler if its rules are that large, \
         otherwise check what answers at its address"
    );
    RulerError::Unreadable { message }
}

/// The same for a group that is to be sent.
pub(crate) fn too_long_to_send(bytes: usize, limit: u64) -> RulerError {
    let message = format!(
        "the group has {bytes} bytes as JSON, and more than {limit} might not be readable again: split it, or raise \
         `max_response_bytes` of the ruler"
    );
    RulerError::Rejected { message, rule: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_shares_of_one() {
        let limits = Limits::default();
        let mib = |bytes: u64| bytes >> 20;
        assert_eq!(
            [limits.response(), limits.namespace(), limits.group(), limits.name()].map(mib),
            [1024, 256, 32, 4]
        );
        for limits in [64 << 10, 1 << 30, 4 << 30, u64::MAX].map(|bytes| Limits::new(Some(bytes))) {
            assert!(
                limits.loaded_group() >= 16 * limits.group() && limits.loaded_group() <= limits.response()
            );
            // The shortest rule has five nodes and 26 bytes, a label two and seven.
            assert!(limits.nodes() >= limits.group() / 3 && limits.nodes() >= limits.namespace() / 8);
        }
        assert_eq!(Limits::with_namespace(1 << 30).namespace(), 1 << 30);
        assert_eq!(Limits::with_namespace(1), Limits::default());
    }
}
