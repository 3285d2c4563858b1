//! Intended differences between the testkit's Kubernetes server and the recordings, with reasons. A recording that is
//! replayed and passes must not be listed.

/// The prefix of the recording's name, and the reason.
pub(crate) const ALLOWED: &[(&str, &str)] = &[
    ("003-livez-verbose", "lists the real server's own start-up hooks"),
    ("005-aggregated-discovery", "kube asks for it only on request; it lists every group of a real cluster"),
    ("019-list-protobuf-accept", "the refusal is itself in protobuf; ours says the same in JSON"),
    ("074-selfsubjectaccessreview", "access reviews: nothing in rulesync asks for them"),
    ("127-crd-delete", "shows the whole definition; ours holds the same constraints without the prose"),
    (
        "221-watch-while-apiserver-sigterm",
        "a process that will not die; `stall_watches` is the same to a client",
    ),
];
