//! Where the testkit's rulers deliberately answer otherwise than the recordings, and why. A recording that would
//! pass must not stand here.

/// Server, the recording's name and the reason.
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
        "a remark, not an exchange; tested as `ruler::reads_see_the_write_before`",
    ),
    (
        "cortex",
        "253-read-after-write",
        "a remark, not an exchange; tested as `ruler::reads_see_the_write_before`",
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
        "a remark, not an exchange; tested as `ruler::reads_see_the_write_before`",
    ),
    (
        "cortex",
        "305-all-tenants",
        "tenants come in random order from the real server, and the recording is cut",
    ),
];
