//! Size limits of responses and requests. One setting limits a whole response; all other limits are fractions of it, so
//! that their order is fixed. Pure.

use rulesync_core::RulerError;

/// The default of `max_response_bytes`.
const DEFAULT_RESPONSE_BYTES: u64 = 1 << 30;

/// The ratio of the largest namespace that is read to the largest group that is sent. The rulers' YAML is up to six
/// times as long as rulesync's JSON, for indented strings of short lines.
const GROWTH: u64 = 8;

/// Size limits in bytes, of responses after decompression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    response: u64,
}

impl Limits {
    pub(crate) fn new(max_response_bytes: Option<u64>) -> Self {
        Self { response: max_response_bytes.unwrap_or(DEFAULT_RESPONSE_BYTES) }
    }

    /// Limits that allow a namespace of `bytes`, and at least the defaults.
    pub(crate) fn with_namespace(bytes: u64) -> Self {
        Self { response: bytes.saturating_mul(4).max(DEFAULT_RESPONSE_BYTES) }
    }

    /// The maximum size of a response.
    pub(crate) fn response(self) -> u64 {
        self.response
    }

    /// The maximum size of a namespace or group that is buffered and parsed.
    pub(crate) fn namespace(self) -> u64 {
        self.response / 4
    }

    /// The maximum size of a loaded group: sixteen times the largest group that is sent. Servers add some 200 bytes to
    /// each rule, of which the shortest has 25.
    pub(crate) fn loaded_group(self) -> u64 {
        self.response / 2
    }

    /// The maximum number of nodes in a document. The parser needs some 150 bytes for each; a ruler writes at least
    /// eight bytes per node, rulesync at least five on average.
    pub(crate) fn nodes(self) -> u64 {
        self.namespace() / 4
    }

    /// The maximum length of a line that names a namespace.
    pub(crate) fn name(self) -> u64 {
        self.response / 256
    }

    /// The maximum size of a group that is sent: a larger one might not be readable in the next list.
    pub(crate) fn group(self) -> u64 {
        self.namespace() / GROWTH
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(None)
    }
}

/// The error for a response, or a part of it, that exceeds a limit.
pub(crate) fn too_long(what: &str, limit: u64) -> RulerError {
    let message = format!(
        "{what} is longer than {limit} bytes: raise `max_response_bytes` of the ruler if its rules are that large, \
         otherwise check what answers at its address"
    );
    RulerError::unreadable(message)
}

/// The error for a group that is too large to send.
pub(crate) fn too_long_to_send(bytes: usize, limit: u64) -> RulerError {
    let message = format!(
        "the group has {bytes} bytes as JSON, and more than {limit} might not be readable again: split it, or raise \
         `max_response_bytes` of the ruler"
    );
    RulerError::rejected(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_fractions_of_response_limit() {
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
