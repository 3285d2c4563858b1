//! Intended differences between the testkit's Kubernetes server and the recordings, with reasons. A recording that is
//! replayed and passes must not be listed.

/// The prefix of the recording's name, and the reason.
pub(crate) const ALLOWED: &[(&str, &str)] = &[
    ("003-livez-verbose", "lists the real server's own start-up hooks"),
    ("019-list-protobuf-accept", "the real error is in protobuf; the testkit returns the same in JSON"),
    (
        "127-crd-delete",
        "contains the whole definition; the testkit's has the same constraints without descriptions",
    ),
    (
        "221-watch-while-apiserver-sigterm",
        "a process that does not terminate; `stall_watches` has the same effect on a client",
    ),
];
