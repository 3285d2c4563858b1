//! A plan that was stored: how it is recognized, and what of it must still hold when it is carried out.

use std::io::{self, Read};

use rulesync_core::plan::HeldReason;
use serde::Deserialize;

use super::document::{PlanDocument, VERSION};

/// The keys of a plan, of which none is one of a file with rules.
const KEYS: [&str; 5] = ["version", "configuration", "summary", "destinations", "refusals"];

/// The number of bytes at the beginning of a file that tell whether it is a plan.
const BEGINNING: u64 = 4096;

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
    /// Returns whether a file is meant to be a plan. Only its beginning is read.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn is_in(file: impl Read) -> io::Result<bool> {
        let mut beginning = Vec::new();
        file.take(BEGINNING).read_to_end(&mut beginning)?;
        Ok(Self::is_one(&String::from_utf8_lossy(&beginning)))
    }

    /// Returns whether a text is meant to be a plan: of whatever version, as JSON or YAML, and also if it is cut off. Its
    /// beginning tells: no file with rules has a plan's keys.
    fn is_one(text: &str) -> bool {
        let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        let (text, is_json) = match text.strip_prefix('{') {
            Some(text) => (text.trim_start(), true),
            None => (text, false),
        };
        if text.is_empty() {
            return is_json;
        }
        let quoted = text.strip_prefix('"');
        let rest = quoted.unwrap_or(text);
        let key: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
        let after = rest[key.len()..].trim_start_matches(['"', ' ']);
        if after.is_empty() {
            // Cut off within its first key.
            return is_json && KEYS.iter().any(|known| known.starts_with(&key));
        }
        after.starts_with(':') && KEYS.contains(&key.as_str())
    }

    /// Reads a stored plan as a whole.
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
            return vec![
                "the configuration has changed: give the flags that the plan was made with".to_owned(),
            ];
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

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"{
  "version": 1,
  "configuration": "abc",
  "summary": {},
  "destinations": [],
  "refusals": []
}
"#;

    #[test]
    fn stored_plan_is_recognized_wherever_it_is_cut_off() {
        assert!(StoredPlan::parse(PLAN).is_ok());
        for end in 1..PLAN.len() - 1 {
            assert!(StoredPlan::is_one(&PLAN[..end]), "{end}");
            assert!(end == PLAN.len() - 2 || StoredPlan::parse(&PLAN[..end]).is_err(), "{end}");
        }
        for plan in [
            &PLAN.replace(char::is_whitespace, ""),
            r#"{"destinations": [], "version": 9}"#,
            "version: 1\nconfiguration: abc\n",
            "\u{feff} {\"version\"",
        ] {
            assert!(StoredPlan::is_one(plan), "{plan}");
        }
    }

    #[test]
    fn stored_plan_is_nothing_that_may_hold_rules() {
        for text in [
            "",
            "groups: []",
            "{groups: []}",
            r#"{"groups": []}"#,
            r#"{"apiVersion": "v1", "kind": "List", "items": []}"#,
            "namespace: version\ngroups: []",
            "# version: 1\ngroups: []",
            "versions: 1",
            "{{ version }}",
            "v",
        ] {
            assert!(!StoredPlan::is_one(text), "{text}");
        }
    }
}
