//! mimirtool's rule files as they are loaded: the groups of each namespace, checked for a ruler. Pure.

use std::sync::Arc;

use rulesync_core::check::{Checker, DescribedRuler};
use rulesync_core::engine::{NamedRuler, Policy, Setup};
use rulesync_core::naming::{NamespacePolicy, OwnerError, Pattern};
use rulesync_core::{Capabilities, Group, Route};
use rulesync_files::manifest::Contents;

use super::is_claim;
use crate::input::STDIN;

/// What a rule file holds.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// The groups to be written, each with its namespace.
    pub(crate) groups: Vec<(String, Group)>,
    /// What keeps groups from being written, as lines.
    pub(crate) errors: Vec<String>,
    /// What else is wrong, as lines.
    pub(crate) warnings: Vec<String>,
}

/// Reads rule files.
#[derive(Debug)]
pub(crate) struct Reading {
    checker: Checker,
}

impl Reading {
    /// Creates a reader for a ruler with these capabilities.
    ///
    /// # Errors
    ///
    /// None: the owner is a constant.
    pub(crate) fn new(capabilities: Capabilities) -> Result<Self, OwnerError> {
        let ruler = DescribedRuler::new(capabilities);
        let setup = Setup {
            // The names that it gives are not used.
            namespace_policy: NamespacePolicy::of("nobody".parse()?),
            sources: Vec::new(),
            rulers: vec![NamedRuler::new("ruler", Arc::new(ruler))],
            // Whether other tenants may be read is for the ruler to say.
            routes: vec![Route {
                source_tenants: vec![Pattern::from("*")],
                ..Route::all("all", "ruler", None)
            }],
            policy: Policy::default(),
        };
        Ok(Self { checker: Checker::new(&setup) })
    }

    /// Reads what a file holds. The namespace is the file's own, or else the file's name without its extension, as
    /// mimirtool has it. Claims are left out: loaded into another tenant, they would lock their owner out of it.
    pub(crate) fn read(&self, shown: &str, contents: Contents) -> Loaded {
        let mut loaded = Loaded::default();
        loaded.errors.extend(contents.broken.into_iter().map(|broken| broken.finding.to_string()));
        for mut parsed in contents.objects {
            let Some(namespace) = parsed.object.ruler_namespace.take() else {
                let id = &parsed.object.id;
                loaded.errors.push(format!("{shown}: {id} is no rule file: `rulesync sync` reads those"));
                continue;
            };
            if namespace == STDIN {
                loaded
                    .errors
                    .push(format!("{STDIN}: which namespace? The rules need a `namespace` of their own"));
                continue;
            }
            let checked = self.checker.check(parsed.object, None);
            for (_, finding) in checked.findings() {
                let lines = if finding.withholds() { &mut loaded.errors } else { &mut loaded.warnings };
                lines.push(finding.to_string());
            }
            for group in checked.destinations.iter().flat_map(|destination| destination.groups()) {
                if is_claim(&group) {
                    let group = format!("{namespace} / {}", group.name);
                    loaded.warnings.push(format!("{shown}: {group} is a claim of rulesync, and is left out"));
                } else {
                    loaded.groups.push((namespace.clone(), group));
                }
            }
        }
        if contents.other_kinds > 0 {
            let count = contents.other_kinds;
            loaded
                .warnings
                .push(format!("{shown}: {count} of its documents hold no rules, and are left out"));
        }
        loaded
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rulesync_files::{Identities, manifest};

    use super::*;

    fn read(path: &str, text: &str) -> Loaded {
        let name = Path::new(Path::new(path).file_name().unwrap());
        let identities = Identities::new(&"files".into()).displayed_below(Path::new(path));
        let contents = manifest::read(text.as_bytes(), name, &identities);
        Reading::new(Capabilities::default()).unwrap().read(path, contents)
    }

    #[test]
    fn reading_takes_the_namespace_of_the_file_or_its_name() {
        let group = "groups: [{name: g, rules: [{record: 'a:b', expr: up}]}]";
        let text = format!("namespace: some/one\n{group}\n---\nnamespace: two\n{group}\n");
        let namespaces =
            |loaded: &Loaded| loaded.groups.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(namespaces(&read("rules/node.rules.yaml", &text)), ["some/one", "two"]);
        assert_eq!(namespaces(&read("rules/node.rules.yaml", group)), ["node.rules"]);
    }

    #[test]
    fn reading_names_file_and_position_of_what_is_wrong() {
        let text = "groups:\n- name: g\n  rules:\n  - {alert: A, expr: up, for: soon}\n  - {alert: B, expr: sum(up}\n";
        let loaded = read("rules/a.yaml", text);
        assert!(loaded.errors[0].starts_with("rules/a.yaml:4:31, group \"g\""), "{loaded:?}");
        assert!(loaded.warnings[0].contains("unclosed left parenthesis"), "{loaded:?}");
        let loaded = read(
            "a.yaml",
            "{apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule, metadata: {name: o}, spec: {groups: []}}",
        );
        assert!(loaded.errors[0].contains("is no rule file"), "{loaded:?}");
    }
}
