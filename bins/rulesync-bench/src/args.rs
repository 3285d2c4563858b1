//! The flags.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures rulesyncd.
#[derive(Debug, Clone, Parser)]
pub(crate) struct Args {
    /// How many PrometheusRules.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) objects: usize,
    /// How many groups each has.
    #[arg(long, default_value_t = 3)]
    pub(crate) groups: usize,
    /// How many rules each group has.
    #[arg(long, default_value_t = 3)]
    pub(crate) rules: usize,
    /// Over how many tenants they are spread, which the objects claim by a label if there are several.
    #[arg(long, default_value_t = 1)]
    pub(crate) tenants: usize,
    /// Over how many clusters of the testkit they are spread. Each is a source with a tenant of its own if there are several.
    #[arg(long, default_value_t = 1, conflicts_with_all = ["tenants", "kubeconfig"])]
    pub(crate) clusters: usize,
    /// How long the testkit's ruler waits before it answers.
    #[arg(long, default_value_t = 0)]
    pub(crate) latency_ms: u64,
    /// A real Mimir's base URL, in place of the testkit's. Tenants of the run's own are used and emptied.
    #[arg(long)]
    pub(crate) mimir: Option<String>,
    /// A real cluster's kubeconfig, in place of the testkit's. A Kubernetes namespace of the run's own is used and
    /// deleted.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// How many single changes are timed.
    #[arg(long, default_value_t = 300)]
    pub(crate) changes: usize,
    /// How long the idle daemon is watched.
    #[arg(long, default_value_t = 20)]
    pub(crate) idle_seconds: u64,
    /// Of which objects the daemon publishes a RuleStatus in the cluster. A real cluster needs the CRDs.
    #[arg(long, value_enum, default_value_t = Published::Problems)]
    pub(crate) status: Published,
    /// How many objects get a group that is refused, before the web pages are measured.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) refused: usize,
    /// How many clients ask for web pages at once and do not read the answers.
    #[arg(long, default_value_t = 100)]
    pub(crate) readers: usize,
    /// The daemon's binary; built beside this one if absent.
    #[arg(long)]
    pub(crate) rulesyncd: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Of which objects a RuleStatus is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Published {
    /// Of all.
    All,
    /// Of those with a problem.
    Problems,
    /// Of none.
    Off,
}

impl Published {
    /// Returns the value of `status.objects` in the configuration.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Problems => "problems",
            Self::Off => "off",
        }
    }
}
