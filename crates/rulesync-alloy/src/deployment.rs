//! What the configuration needs around it: environment variables, and mounted Secrets and ConfigMaps.

use std::collections::{BTreeMap, BTreeSet};

use crate::evaluate::{Part, Stored, StoredKind, Text};
use crate::yaml::{Entry, Node, Piece, Scalar, write};

/// What a configuration needs around it.
#[derive(Debug, Default)]
pub(crate) struct Deployment {
    /// The environment variables that the file itself reads.
    variables: BTreeSet<String>,
    /// Values of Secrets and ConfigMaps that become environment variables, by name.
    stored: BTreeMap<String, Stored>,
    /// Secrets and ConfigMaps that are mounted: kind, Kubernetes namespace, name.
    mounted: BTreeSet<(StoredKind, String, String)>,
}

/// A text as a setting: either itself, or the path of a file that contains it.
pub(crate) enum Setting {
    Value(Scalar),
    File(Scalar),
}

impl Deployment {
    /// A text as a setting that has a form with `_file`. A value of a Secret or a ConfigMap is read from a mounted file.
    ///
    /// # Errors
    ///
    /// Why the text cannot be a setting.
    pub(crate) fn setting(&mut self, text: &Text) -> Result<Setting, &'static str> {
        match text.parts() {
            [Part::File(path)] => self.scalar(path).map(Setting::File),
            [Part::Stored(stored)] => {
                Ok(Setting::File(Scalar::Text(vec![Piece::Literal(self.mount(stored))])))
            }
            _ => self.scalar(text).map(Setting::Value),
        }
    }

    /// A text as a setting without such a form. A value of a Secret or a ConfigMap becomes an environment variable.
    ///
    /// # Errors
    ///
    /// Why the text cannot be a setting.
    pub(crate) fn scalar(&mut self, text: &Text) -> Result<Scalar, &'static str> {
        let mut pieces = Vec::new();
        for part in text.parts() {
            pieces.push(match part {
                Part::Literal(text) => Piece::Literal(text.clone()),
                Part::Variable(name) => {
                    self.variables.insert(name.clone());
                    Piece::Variable(name.clone())
                }
                Part::Stored(stored) => Piece::Variable(self.variable(stored)),
                Part::File(_) => {
                    return Err("the content of a file cannot be used here: rulesync has no such setting");
                }
            });
        }
        if pieces.is_empty() {
            pieces.push(Piece::Literal(String::new()));
        }
        Ok(Scalar::Text(pieces))
    }

    /// The environment variables that the configuration reads and that nothing here provides.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str).filter(|name| !self.stored.contains_key(*name))
    }

    /// The Kubernetes namespaces of what is mounted or becomes a variable.
    pub(crate) fn namespaces(&self) -> BTreeSet<&str> {
        let mounted = self.mounted.iter().map(|(_, namespace, _)| namespace.as_str());
        mounted.chain(self.stored.values().map(|stored| stored.namespace.as_str())).collect()
    }

    fn mount(&mut self, stored: &Stored) -> String {
        let Stored { kind, namespace, name, key } = stored;
        self.mounted.insert((*kind, namespace.clone(), name.clone()));
        format!("{}/{key}", directory(*kind, namespace, name))
    }

    fn variable(&mut self, stored: &Stored) -> String {
        let Stored { namespace, name, key, .. } = stored;
        let word = |text: &str| -> String {
            text.chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
                .collect()
        };
        let candidates = [
            format!("{}_{}", word(name), word(key)),
            format!("{}_{}_{}", word(namespace), word(name), word(key)),
        ];
        let numbered = (2..).map(|number| format!("{}_{number}", candidates[1]));
        let mut candidates = candidates.iter().cloned().chain(numbered).map(|name| {
            if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
        });
        let free = |name: &String| {
            self.stored.get(name).map_or(!self.variables.contains(name), |other| other == stored)
        };
        let name = candidates.find(free).unwrap_or_default();
        self.stored.insert(name.clone(), stored.clone());
        name
    }

    /// What the Deployment needs, as a patch.
    pub(crate) fn patch(&self) -> Option<String> {
        if self.stored.is_empty() && self.mounted.is_empty() {
            return None;
        }
        let named = |name: &str| Entry::new("name", Node::text(name));
        let volumes = self
            .mounted
            .iter()
            .enumerate()
            .map(|(index, mount)| (format!("from-alloy-{}", index + 1), mount));
        let mount = |(volume, (kind, namespace, name)): (String, &(StoredKind, String, String))| {
            Node::Mapping(vec![
                named(&volume),
                Entry::new("mountPath", Node::text(directory(*kind, namespace, name))),
                Entry::new("readOnly", Node::plain(true)),
            ])
        };
        let volume = |(volume, (kind, _, name)): (String, &(StoredKind, String, String))| {
            let (key, field) = match kind {
                StoredKind::Secret => ("secret", "secretName"),
                StoredKind::ConfigMap => ("configMap", "name"),
            };
            let source = Node::Mapping(vec![Entry::new(field, Node::text(name.as_str()))]);
            Node::Mapping(vec![named(&volume), Entry::new(key, source)])
        };
        let variable = |(variable, Stored { kind, name, key, .. }): (&String, &Stored)| {
            let reference = match kind {
                StoredKind::Secret => "secretKeyRef",
                StoredKind::ConfigMap => "configMapKeyRef",
            };
            let key = Node::Mapping(vec![named(name), Entry::new("key", Node::text(key.as_str()))]);
            vec![named(variable), Entry::new("valueFrom", Node::Mapping(vec![Entry::new(reference, key)]))]
        };
        let mut container = vec![named("rulesyncd")];
        if !self.stored.is_empty() {
            container.push(Entry::new("env", Node::Items(self.stored.iter().map(variable).collect())));
        }
        let mounts: Vec<Node> = volumes.clone().map(mount).collect();
        if !mounts.is_empty() {
            container.push(Entry::new("volumeMounts", Node::List(mounts)));
        }
        let mut pod = vec![Entry::new("containers", Node::Items(vec![container]))];
        let volumes: Vec<Node> = volumes.map(volume).collect();
        if !volumes.is_empty() {
            pod.push(Entry::new("volumes", Node::List(volumes)));
        }
        let within = |key: &str, inner| vec![Entry::new(key, Node::Mapping(inner))];
        Some(write(&[], &within("spec", within("template", within("spec", pod)))).text)
    }
}

/// Where a Secret or a ConfigMap is mounted. Not below `/etc/rulesync`, which is itself a mounted ConfigMap.
fn directory(kind: StoredKind, namespace: &str, name: &str) -> String {
    let root = match kind {
        StoredKind::Secret => "/etc/rulesync-secrets",
        StoredKind::ConfigMap => "/etc/rulesync-configmaps",
    };
    format!("{root}/{namespace}/{name}")
}
