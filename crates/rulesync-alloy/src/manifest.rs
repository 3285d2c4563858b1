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

/// The depth of lists and mappings. Where Alloy's configuration is, none is nearly as deep, and each level takes some of
/// the stack.
const MAX_DEPTH: usize = 32;

/// Finds the configurations in a file with this number. Documents that do not mention Alloy are passed over, whatever they
/// are.
///
/// # Errors
///
/// [`NotYaml`] if a document cannot be read as YAML.
pub(crate) fn contents(text: &str, file: usize) -> Result<Contents, NotYaml> {
    let mut contents = Contents::default();
    let mut first_line = 0;
    for document in documents(text) {
        if document.contains("alloy") {
            let mut found = Contents::default();
            let lines: Vec<&str> = document.lines().collect();
            for document in &parsed(document).map_err(|error| error.below(first_line))? {
                find(document, &lines, file, &mut found);
            }
            found.configurations.iter_mut().flatten().for_each(|embedded| embedded.move_below(first_line));
            contents
                .configurations
                .extend(found.configurations.into_iter().filter(|texts| !texts.is_empty()));
            contents.is_clustered |= found.is_clustered;
        }
        first_line += document.lines().count();
    }
    Ok(contents)
}

/// The documents of a text, each with the line that separates it from the one before.
fn documents(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // What is within a text is indented.
        let end = rest.match_indices("\n---").map(|(at, _)| at + 1).next().unwrap_or(rest.len());
        let (document, after) = rest.split_at(end);
        rest = after;
        Some(document)
    })
}

fn parsed(document: &str) -> Result<Vec<Node>, NotYaml> {
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_depth: MAX_DEPTH } };
    serde_saphyr::from_multiple_with_options(document, options).map_err(|error| {
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
    })
}

impl NotYaml {
    /// The error of a document that stands below so many lines.
    fn below(self, lines: usize) -> Self {
        Self { position: self.position.map(|(line, column)| (line + lines, column)), ..self }
    }
}

impl Embedded {
    fn move_below(&mut self, lines: usize) {
        match &mut self.placement {
            Placement::Whole(_) => {}
            Placement::Indented(position) | Placement::Somewhere(position) => position.line += lines,
        }
    }
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
    values(document, &mut |chart| {
        if let Some(content) = chart.at(&["configMap", "content"]) {
            contents.configurations.push(embedded(content).into_iter().collect());
        }
        let enabled = chart.at(&["clustering", "enabled"]).and_then(Node::text);
        contents.is_clustered |= enabled == Some("true");
    });
}

/// Passes on the values `alloy` of Alloy's chart, wherever they are: a chart may be a dependency of others, and its values
/// a part of a HelmRelease or of an Alloy of the operator.
fn values<'n>(node: &'n Node, found: &mut impl FnMut(&'n Node)) {
    match node {
        Node::Scalar { .. } => {}
        Node::List(items) => items.iter().for_each(|item| values(item, found)),
        Node::Mapping(entries) => {
            for (key, value) in entries {
                if key == "alloy" {
                    found(value);
                }
                values(value, found);
            }
        }
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
        let last = &contents(&two, 0).unwrap().configurations[1][0];
        assert_eq!(last.placement, Placement::Indented(Position { file: 0, line: 19, column: 5 }));
        assert_eq!(contents("kind: Deployment\ndata: {config.alloy: a}\n", 0), Ok(Contents::default()));
    }

    #[test]
    fn manifest_text_that_is_folded_is_somewhere() {
        let folded = "kind: ConfigMap\ndata:\n  a.alloy: >\n    b {}\n    c {}\n";
        assert_eq!(only(folded).placement, Placement::Somewhere(Position { file: 0, line: 4, column: 5 }));
    }

    #[test]
    fn manifest_that_is_not_yaml_is_an_error_with_its_place() {
        let error = contents("a: 1\n---\nalloy: [\nb: }\n", 0).unwrap_err();
        assert!(error.position.is_some_and(|(line, _)| line == 3) && !error.message.is_empty(), "{error:?}");
        assert!(contents(&format!("alloy: {}", "[".repeat(100_000)), 0).is_err());
        assert!(contents(&format!("# alloy\n{}", "- ".repeat(100_000)), 0).is_err());
        assert_eq!(contents("a: [\nb: }\n", 0), Ok(Contents::default()), "nothing of Alloy");
    }
}
