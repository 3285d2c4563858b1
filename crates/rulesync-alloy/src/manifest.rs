//! Alloy configurations within YAML: in ConfigMaps, and in the values of Alloy's Helm chart.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use crate::syntax::{Placement, Position};

/// A configuration within a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Embedded {
    pub(crate) text: String,
    pub(crate) placement: Placement,
}

/// What a file contains.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Each made of one or several texts.
    pub(crate) configurations: Vec<Vec<Embedded>>,
    /// Whether the chart runs Alloy as a cluster.
    pub(crate) is_clustered: bool,
}

/// A file that is not YAML.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotYaml {
    pub(crate) position: Option<(usize, usize)>,
    pub(crate) message: String,
}

/// Finds the configurations in a file with this number.
///
/// # Errors
///
/// [`NotYaml`] if the file cannot be read as YAML.
pub(crate) fn contents(text: &str, file: usize) -> Result<Contents, NotYaml> {
    let documents: Vec<Node> = serde_saphyr::from_multiple(text).map_err(|error| {
        let error = error.without_snippet();
        let message = error.to_string();
        let line = message.lines().next().unwrap_or_default();
        let message = line.rsplit_once(" at line ").map_or(line, |(message, _)| message).to_owned();
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let position = error
            .location()
            .filter(|at| at.line() > 0)
            .map(|at| (count(at.line()), count(at.column()).max(1)));
        NotYaml { position, message }
    })?;
    let mut contents = Contents::default();
    let lines: Vec<&str> = text.lines().collect();
    for document in &documents {
        find(document, &lines, file, &mut contents);
    }
    contents.configurations.retain(|texts| !texts.is_empty());
    Ok(contents)
}

fn find(document: &Node, lines: &[&str], file: usize, contents: &mut Contents) {
    if document.at(&["kind"]).and_then(Node::text) == Some("List")
        && let Some(Node::List(items)) = document.at(&["items"])
    {
        items.iter().for_each(|item| find(item, lines, file, contents));
    }
    let embedded = |node: &Node| match node {
        Node::Scalar { text, line, column } => {
            let placement = placement(text, lines, Position { file, line: *line, column: *column });
            Some(Embedded { text: text.clone(), placement })
        }
        _ => None,
    };
    if document.at(&["kind"]).and_then(Node::text) == Some("ConfigMap") {
        if let Some(Node::Mapping(data)) = document.at(&["data"]) {
            let texts = data.iter().filter(|(key, _)| is_alloy(key)).filter_map(|(_, value)| embedded(value));
            contents.configurations.push(texts.collect());
        }
        return;
    }
    // The chart may be a dependency of another one: its values are then below the name of the dependency.
    let charts = [document].into_iter().chain(match document {
        Node::Mapping(values) => values.values().collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    for values in charts {
        if let Some(content) = values.at(&["alloy", "configMap", "content"]) {
            contents.configurations.push(embedded(content).into_iter().collect());
        }
        let enabled = values.at(&["alloy", "clustering", "enabled"]).and_then(Node::text);
        contents.is_clustered |= enabled == Some("true");
    }
}

/// Whether a file with this name is a configuration of Alloy.
pub(crate) fn is_alloy(name: &str) -> bool {
    [".alloy", ".river"].iter().any(|extension| name.ends_with(extension))
}

/// Where a text stands that YAML has at this position: line by line behind some indent, or in another form.
fn placement(text: &str, lines: &[&str], position: Position) -> Placement {
    let first = text.lines().next().unwrap_or_default();
    // A block begins on the line after its indicator.
    for line in [position.line, position.line + 1] {
        let indent = lines.get(line - 1).and_then(|outer| outer.strip_suffix(first)).map(str::chars);
        let Some(indent) = indent.filter(|indent| indent.clone().all(|c| c == ' ')) else { continue };
        let indent = indent.count();
        let stands_there = text.lines().enumerate().all(|(index, inner)| {
            let outer = lines.get(line - 1 + index).copied().unwrap_or_default();
            outer.get(indent..).unwrap_or_default() == inner && outer.bytes().take(indent).all(|b| b == b' ')
        });
        if stands_there && indent > 0 {
            return Placement::Indented(Position { line, column: indent + 1, ..position });
        }
    }
    Placement::Somewhere(position)
}

/// A YAML document with the positions of its scalars.
enum Node {
    Scalar { text: String, line: usize, column: usize },
    List(Vec<Node>),
    Mapping(BTreeMap<String, Node>),
}

impl Node {
    fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| match node {
            Self::Mapping(entries) => entries.get(*key),
            _ => None,
        })
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Raw>::deserialize(deserializer)?;
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
        Ok(match value {
            Raw::Scalar(text) => {
                Self::Scalar { text, line: count(referenced.line()), column: count(referenced.column()) }
            }
            Raw::List(items) => Self::List(items),
            Raw::Mapping(entries) => Self::Mapping(entries),
        })
    }
}

/// What the parser shows of a value.
enum Raw {
    Scalar(String),
    List(Vec<Node>),
    Mapping(BTreeMap<String, Node>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Scalar(String::new()))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Scalar(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(Raw::Scalar(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Scalar(value.to_string()))
            }
            fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
                Ok(Raw::Scalar(value.to_string()))
            }
            fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
                Ok(Raw::Scalar(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(Raw::Scalar(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Scalar(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Raw::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Raw, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some(key) = mapping.next_key::<Raw>()? {
                    match key {
                        Raw::Scalar(key) => _ = entries.insert(key, mapping.next_value()?),
                        _ => _ = mapping.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(Raw::Mapping(entries))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Embedded {
        contents(text, 0).unwrap().configurations.remove(0).remove(0)
    }

    #[test]
    fn manifest_carries_configurations_in_config_maps_and_values_of_the_chart() {
        let config_map = "apiVersion: v1\nkind: ConfigMap\ndata:\n  other.yaml: |\n    a: 1\n  config.alloy: |\n    // b\n\n    c {\n      d = 1\n    }\n";
        let Embedded { text, placement } = only(config_map);
        assert_eq!(text, "// b\n\nc {\n  d = 1\n}\n");
        assert_eq!(placement, Placement::Indented(Position { file: 0, line: 7, column: 5 }));
        let values = "alloy:\n  clustering: {enabled: true}\n  configMap:\n    content: |-\n      a {}\n";
        let Contents { configurations, is_clustered } = contents(values, 3).unwrap();
        assert!(is_clustered);
        assert_eq!(
            configurations[0][0].placement,
            Placement::Indented(Position { file: 3, line: 5, column: 7 })
        );
        let dependency = "alloy-alerts:\n  alloy: {configMap: {content: \"a {\\n}\\n\"}}\n";
        assert_eq!(
            only(dependency).placement,
            Placement::Somewhere(Position { file: 0, line: 2, column: 32 })
        );
        let list = "kind: List\nitems:\n- kind: ConfigMap\n  data:\n    a.alloy: |2\n        b {}\n";
        assert_eq!(only(list).placement, Placement::Indented(Position { file: 0, line: 6, column: 7 }));
        let two = format!("{config_map}---\n{config_map}  more.alloy: a {{}}\n");
        let texts: Vec<usize> = contents(&two, 0).unwrap().configurations.iter().map(Vec::len).collect();
        assert_eq!(texts, [1, 2], "each ConfigMap is a configuration of its own");
        assert_eq!(contents("kind: Deployment\ndata: {config.alloy: a}\n", 0), Ok(Contents::default()));
    }

    #[test]
    fn manifest_text_that_is_folded_is_somewhere() {
        let folded = "kind: ConfigMap\ndata:\n  a.alloy: >\n    b {}\n    c {}\n";
        assert_eq!(only(folded).placement, Placement::Somewhere(Position { file: 0, line: 4, column: 5 }));
    }

    #[test]
    fn manifest_that_is_not_yaml_is_an_error_with_its_place() {
        let error = contents("a: [\nb: }\n", 0).unwrap_err();
        assert!(error.position.is_some() && !error.message.is_empty(), "{error:?}");
    }
}
