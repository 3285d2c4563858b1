//! Intended differences between the testkit's rulers and the recordings, with reasons. A recording that passes must not
//! be listed.

/// The server, the recording's name and the reason.
pub(crate) const ALLOWED: &[(&str, &str, &str)] = &[
    (
        "mimir",
        "226-huge-20MiB-annotation",
        "a panic in the real server, which breaks the connection: not dependable",
    ),
    ("mimir", "237-prom-rules", "some rules had already been evaluated during the recording"),
    (
        "mimir",
        "253-read-after-write",
        "a remark, not an exchange; tested as `ruler::reads_see_previous_writes`",
    ),
    (
        "cortex",
        "253-read-after-write",
        "a remark, not an exchange; tested as `ruler::reads_see_previous_writes`",
    ),
    (
        "loki",
        "237-prom-rules",
        "the recording is cut, and the real server sorts the groups of a file randomly: the same answer is \
         compared completely, except for that order, as 238",
    ),
    (
        "loki",
        "253-read-after-write",
        "a remark, not an exchange; tested as `ruler::reads_see_previous_writes`",
    ),
    (
        "cortex",
        "305-all-tenants",
        "the real server returns tenants in random order, and the recording is cut",
    ),
];
