//! The metrics that the manual describes: `tests/architecture` compares it with those that are registered.

use std::collections::{BTreeMap, BTreeSet};

use rulesync_core::engine::OwnerClaim;
use rulesync_core::model::QueryLanguage;

/// Labels that every series of a target has, by whoever scrapes it.
const TARGET: [&str; 4] = ["cluster", "namespace", "job", "instance"];

/// Metrics with their labels, and the values of labels.
pub(super) struct Metrics {
    labels: BTreeMap<String, BTreeSet<String>>,
    page: String,
}

impl Metrics {
    /// Those of `docs/operations/metrics.md`, the claim, and `up`.
    pub(super) fn described() -> Self {
        let page = super::read("docs/operations/metrics.md");
        let mut labels = BTreeMap::new();
        for row in page.lines().filter(|line| line.starts_with("| `rulesync_")) {
            let cells: Vec<&str> = row.split('|').collect();
            let own = quoted(cells[2]);
            let own = own.into_iter().chain(TARGET.map(str::to_owned)).collect();
            labels.insert(quoted(cells[1]).remove(0), own);
        }
        assert!(labels.len() > 20, "{labels:?}");
        labels.insert("up".to_owned(), TARGET.map(str::to_owned).into());
        let claim = OwnerClaim { cluster: "c".into(), installation: Some("i".into()) };
        let group = claim.group(&"eu".parse().unwrap(), QueryLanguage::PromQl);
        let rule = &group.rules[0];
        labels.insert(rule.record.clone(), rule.labels.keys().cloned().collect());
        Self { labels, page }
    }

    /// The labels of a metric, or of the parts of a histogram.
    pub(super) fn labels(&self, name: &str) -> Option<BTreeSet<String>> {
        if let Some(labels) = self.labels.get(name) {
            return Some(labels.clone());
        }
        let histogram = ["_bucket", "_count", "_sum"].iter().find_map(|part| name.strip_suffix(part))?;
        let mut labels = self.labels.get(histogram).filter(|_| histogram.ends_with("_seconds"))?.clone();
        if name.ends_with("_bucket") {
            labels.insert("le".to_owned());
        }
        Some(labels)
    }

    /// Whether a label may have a value that is a word. Others, such as status codes, come from elsewhere.
    pub(super) fn has_value(&self, label: &str, value: &str) -> bool {
        let is_word = value.starts_with(|c: char| c.is_ascii_lowercase())
            && value.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        !is_word || TARGET.contains(&label) || self.page.contains(&format!("`{value}`"))
    }
}

/// The words between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
