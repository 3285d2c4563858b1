//! What this build contains. A build without a feature refuses what needs it, and names the feature.

use super::report::Report;
use crate::yaml::Path;

/// A cargo feature and whether it is compiled in.
pub(super) struct Feature(&'static str, bool);

pub(super) const KUBERNETES: Feature = Feature("kubernetes", cfg!(feature = "kubernetes"));
pub(super) const FILES: Feature = Feature("files", cfg!(feature = "files"));
pub(super) const MIMIR: Feature = Feature("mimir", cfg!(feature = "mimir"));
pub(super) const LOKI: Feature = Feature("loki", cfg!(feature = "loki"));
pub(super) const PROMETHEUS: Feature = Feature("prometheus", cfg!(feature = "prometheus"));
pub(super) const SIGV4: Feature = Feature("sigv4", cfg!(feature = "sigv4"));
pub(super) const EMBEDDED: Feature = Feature("embedded", cfg!(feature = "embedded"));

impl Feature {
    /// Reports a value that needs the feature, if it is not compiled in.
    pub(super) fn require(&self, report: &mut Report<'_>, path: &Path, value: &str) {
        let Self(feature, is_compiled_in) = self;
        if !is_compiled_in {
            let hint = format!("build rulesync-config with the cargo feature `{feature}`");
            report.error(path, format!("`{value}` is not compiled into this build"), &hint);
        }
    }
}
