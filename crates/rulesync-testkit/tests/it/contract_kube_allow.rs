//! Where the testkit's Kubernetes server deliberately answers otherwise than the recordings, and why. A recording
//! that is replayed and passes must not stand here.

/// Prefixes of the recordings' names, and the reason.
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
