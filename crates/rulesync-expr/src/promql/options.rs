//! Which variant of the language is parsed.

/// The language variant to parse. The default enables everything that some ruler accepts, because a local check
/// should rather be too lenient than too strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Enables features that need a flag in Prometheus: experimental functions and aggregations, arithmetic on
    /// durations, `anchored` and `smoothed`, `fill` modifiers.
    pub experimental: bool,
    /// Enables functions that Prometheus 3 removed and older rulers such as Cortex still support: `holt_winters`.
    pub legacy_functions: bool,
    /// Enables quoted names, which may contain any character: `{"my.metric", "my.label"="x"}`.
    pub utf8_names: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { experimental: true, legacy_functions: true, utf8_names: true }
    }
}
