//! A plan that was stored: what of it must still hold when it is carried out. Pure.

use rulesync_core::plan::HeldReason;
use serde::Deserialize;

use super::document::{PlanDocument, VERSION};

/// The part of a stored plan that is compared with one made anew.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct StoredPlan {
    version: u32,
    configuration: String,
    destinations: Vec<StoredDestination>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct StoredDestination {
    destination: String,
    desired: String,
    observed: String,
    changes: Vec<StoredChange>,
}

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct StoredChange {
    operation: String,
    namespace: String,
    group: Option<String>,
    held: Option<HeldReason>,
}

impl StoredPlan {
    /// Returns whether a text is meant to be a plan, of whatever version.
    pub(crate) fn is_one(text: &str) -> bool {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "only their presence counts")]
        struct Marks {
            version: u32,
            configuration: String,
            destinations: Vec<serde::de::IgnoredAny>,
        }
        serde_json::from_str::<Marks>(text).is_ok()
    }

    /// Reads a stored plan.
    ///
    /// # Errors
    ///
    /// What keeps it from being one.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } =
            serde_json::from_str(text).map_err(|error| format!("is no plan: {error}"))?;
        if version != VERSION {
            return Err(format!("is a plan of version {version}; this rulesync reads version {VERSION}"));
        }
        serde_json::from_str(text).map_err(|error| format!("is no plan: {error}"))
    }

    /// Returns what has changed since the plan was made; nothing if all of it still holds.
    pub(crate) fn moved(&self, now: &PlanDocument<'_>) -> Vec<String> {
        if self.configuration != now.configuration {
            return vec!["the configuration has changed".to_owned()];
        }
        let mut moved = Vec::new();
        for stored in &self.destinations {
            let name = &stored.destination;
            let Some(current) = now.destinations.iter().find(|current| current.destination == *name) else {
                moved.push(format!("{name}: nothing leads there any more"));
                continue;
            };
            if stored.desired != current.desired {
                moved.push(format!("{name}: the declared rules have changed"));
            }
            if stored.observed != current.observed {
                moved.push(format!("{name}: the rules in the ruler have changed"));
            }
            let planned = |changes: &[StoredChange]| {
                let mut changes: Vec<String> = changes.iter().map(|change| format!("{change:?}")).collect();
                changes.sort_unstable();
                changes
            };
            let current: Vec<StoredChange> = current.changes.iter().map(StoredChange::of).collect();
            if moved.is_empty() && planned(&stored.changes) != planned(&current) {
                moved.push(format!("{name}: other changes would be made"));
            }
        }
        let known = |name: &str| self.destinations.iter().any(|stored| stored.destination == name);
        let new = now.destinations.iter().filter(|current| !known(&current.destination));
        moved.extend(new.map(|current| format!("{}: this destination is new", current.destination)));
        moved
    }
}

impl StoredChange {
    fn of(change: &super::document::ChangeDocument) -> Self {
        Self {
            operation: change.operation.to_owned(),
            namespace: change.namespace.clone(),
            group: change.group.clone(),
            held: change.held,
        }
    }
}
