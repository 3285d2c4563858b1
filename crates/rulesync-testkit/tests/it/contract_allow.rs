//! Intended differences between the testkit's rulers and the recordings, with reasons. A recording that passes must not
//! be listed.

/// The server, the recording's name and the reason.
pub(crate) const ALLOWED: &[(&str, &str, &str)] = &[
    (
        "mimir",
        "226-huge-20MiB-annotation",
        "a panic in the real server, seen as a cut connection: not to be relied on",
    ),
    ("mimir", "237-prom-rules", "a few rules happened to have been evaluated already when it was recorded"),
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
        "the recording is cut, and groups of a file come in no fixed order from the real server: the same answer is \
         compared whole, but for that order, as 238",
    ),
    (
        "loki",
        "253-read-after-write",
        "a remark, not an exchange; tested as `ruler::reads_see_previous_writes`",
    ),
    (
        "cortex",
        "305-all-tenants",
        "tenants come in random order from the real server, and the recording is cut",
    ),
];
