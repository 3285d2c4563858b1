//! Parses the text of a file into the objects that it declares. Pure; errors become findings.
//!
//! The text may be what `kubectl get -o yaml`, `helm template` or `kustomize build` print: any number of documents and
//! lists, with objects of other kinds among them. Plain rule files are read as well, also those of mimirtool and lokitool
//! with their `namespace`.
//!
//! ```
//! use std::path::Path;
//! use rulesync_files::{Identities, manifest};
//!
//! let text = b"groups: [{name: g, rules: [{alert: A, expr: up == 0, for: 5m}]}]\n---\n{apiVersion: v1, kind: Secret}\n";
//! let contents = manifest::read(text, Path::new("rules.yaml"), &Identities::new(&"files".into()));
//! assert_eq!(contents.objects[0].object.groups[0].name, "g");
//! assert_eq!((contents.broken.len(), contents.other_kinds), (0, 1));
//! ```
//
// Every document is read into a tree whose nodes have positions; `document_kind` classifies it, and `groups` reads
// only the rules. So a manifest of another kind may have any structure.

mod contents;
mod document_kind;
mod groups;
mod keys;

use std::collections::BTreeMap;
use std::path::Path;

use rulesync_core::finding::{Code, Location, Position, Printable};
use rulesync_core::model::{Labels, Positions, PositionsBuilder, tenant_field_of};
use rulesync_core::route::NamespaceMetadata;
use rulesync_core::{Finding, ObjectId, RuleObject};

use crate::identity::Identities;
use crate::yaml::{Mapping, Node, Pair, Problem, Scalar, Tree, documents};
pub use contents::{BrokenDocument, Contents, ParsedNamespace, ParsedObject};
use document_kind::{DocumentKind, NotUnderstood, string};
use groups::Groups;

/// The maximum depth of nested lists. The Kubernetes API returns no nested lists; more than one level is not expected.
const MAX_LIST_DEPTH: usize = 20;

/// The annotation in which `kubectl apply` keeps a copy of the whole manifest, which rules do not need.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Parses the text of a file. `path` is relative to the source that `identities` belong to. Findings name the file as
/// they display it.
pub fn read(bytes: &[u8], path: &Path, identities: &Identities) -> Contents {
    let display_path = identities.display_path(path);
    let mut reader = Reader { path, display_path, identities, template: None, contents: Contents::default() };
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).is_empty() => {
            let message = "the file is empty, as after a write or a download that failed".to_owned();
            let position = Position { line: 1, column: 1 };
            reader.add_not_understood(NotUnderstood {
                message,
                hint: Some("if no rules are meant, delete it or leave a comment".to_owned()),
                position,
                is_rule_like: true,
                is_doubtful: true,
            });
        }
        Ok(text) => {
            for document in documents(text) {
                reader.template = document.helm_template().map(str::to_owned);
                match Tree::parse(document) {
                    Ok(tree) => reader.node(tree.root(), None, 0),
                    Err(problem) => reader.add_broken(None, Code::Yaml, problem),
                }
            }
        }
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
            let position = Position {
                line: 1 + before.iter().filter(|b| **b == b'\n').count(),
                column: 1 + String::from_utf8_lossy(&before[line_start..]).chars().count(),
            };
            reader.add_broken(
                None,
                Code::Yaml,
                Problem { message: "the file is not UTF-8 text".into(), position },
            );
        }
    }
    reader.contents
}

/// Returns the contents of a file that cannot be read at all: a finding with the reason.
pub fn unreadable(path: &Path, identities: &Identities, reason: &str) -> Contents {
    let location = Location { file: Some(identities.display_path(path)), ..Location::default() };
    let finding = Finding::error(Code::UnreadableFile, reason).at(location);
    let broken = BrokenDocument { id: None, is_rule_like: true, finding, is_doubtful: false, template: None };
    Contents { broken: vec![broken], ..Contents::default() }
}

/// Joins parts with the same identity into one object, with the groups of all parts in order.
pub(crate) fn join_parts(parts: impl IntoIterator<Item = RuleObject>) -> Option<RuleObject> {
    let mut parts = parts.into_iter();
    let mut whole = parts.next()?;
    let mut positions = vec![std::mem::take(&mut whole.positions)];
    for mut part in parts {
        let before = whole.groups.len();
        for index in part.findings.iter_mut().filter_map(|finding| finding.location.group_index.as_mut()) {
            *index += before;
        }
        whole.groups.append(&mut part.groups);
        whole.findings.append(&mut part.findings);
        positions.push(part.positions);
    }
    whole.positions = Positions::concat(&positions);
    Some(whole)
}

struct Reader<'a> {
    path: &'a Path,
    /// The path as displayed to users.
    display_path: String,
    identities: &'a Identities,
    /// The template that the present document was rendered from.
    template: Option<String>,
    contents: Contents,
}

impl Reader<'_> {
    fn node(&mut self, node: Node<'_>, items_kind: Option<&'static str>, depth: usize) {
        match DocumentKind::of(node, items_kind) {
            DocumentKind::Empty => {}
            DocumentKind::Rules(kind, mapping) => self.manifest(kind, node, &mapping),
            DocumentKind::RuleFile(mapping) => self.rule_file(node, &mapping),
            DocumentKind::List(..) if depth >= MAX_LIST_DEPTH => {
                let message = "lists are nested too deeply".to_owned();
                self.add_broken(None, Code::Manifest, Problem { message, position: node.position() });
            }
            DocumentKind::List(items, kind) => {
                items.children().for_each(|item| self.node(item, kind, depth + 1));
            }
            DocumentKind::Foreign => {
                let line = node.position().line;
                tracing::debug!(file = self.display_path, line, "Ignored an object of a kind without rules");
                self.contents.other_kinds += 1;
            }
            DocumentKind::Namespace(mapping) => {
                self.contents.other_kinds += 1;
                self.contents.namespaces.extend(namespace(&mapping));
            }
            DocumentKind::Unreadable(problem) => self.add_broken(None, Code::Yaml, problem),
            DocumentKind::NotUnderstood(why) => self.add_not_understood(why),
        }
    }

    fn add(&mut self, object: RuleObject, position: Position) {
        let template = self.template.clone();
        self.contents.objects.push(ParsedObject { object, position, template });
    }

    fn add_not_understood(&mut self, why: NotUnderstood) {
        let NotUnderstood { message, hint, position, is_rule_like, is_doubtful } = why;
        let mut finding = self.finding(Code::NotUnderstood, message, position);
        finding.hint = hint;
        let template = self.template.clone();
        self.contents.broken.push(BrokenDocument { id: None, is_rule_like, finding, is_doubtful, template });
    }

    fn manifest(&mut self, kind: &'static str, node: Node<'_>, object: &Mapping<'_>) {
        let metadata = object.value("metadata").and_then(Mapping::of);
        let name = metadata.as_ref().and_then(|metadata| string(metadata, "name"));
        let namespace = metadata.as_ref().and_then(|metadata| string(metadata, "namespace"));
        let id = match self.object_id(kind, namespace.as_deref(), name.as_deref()) {
            Ok(id) => id,
            Err(message) => {
                let problem = misspelt(object, &["metadata"], &keys::OBJECT)
                    .or_else(|| misspelt(metadata.as_ref()?, &["name"], &keys::METADATA));
                let problem = problem.unwrap_or(Problem { message, position: node.position() });
                return self.add_broken(None, Code::Manifest, problem);
            }
        };
        match self.object(&id, object, metadata.as_ref()) {
            Ok(object) => self.add(object, node.position()),
            Err((code, problem)) => self.add_broken(Some(id), code, problem),
        }
    }

    /// Reads an object with its groups.
    fn object(
        &self,
        id: &ObjectId,
        whole: &Mapping<'_>,
        metadata: Option<&Mapping<'_>>,
    ) -> Result<RuleObject, (Code, Problem)> {
        let (mut labels, mut annotations) = (BTreeMap::new(), BTreeMap::new());
        if let Some(metadata) = metadata {
            // Routing depends on the metadata, so it must be read completely.
            let near = misspelt(metadata, &["namespace", "labels", "annotations"], &keys::METADATA);
            let problem = metadata.problems.first().cloned().or(near);
            problem.map_or(Ok(()), |problem| Err((Code::Metadata, problem)))?;
            labels = string_map(metadata, "labels").map_err(|problem| (Code::Type, problem))?;
            annotations = string_map(metadata, "annotations").map_err(|problem| (Code::Type, problem))?;
            annotations.remove(LAST_APPLIED);
        }
        let missing = |key: &'static str, of: &Mapping<'_>, known: &[&str], at: Position| {
            let near = misspelt(of, &[key], known);
            let message = format!("there is no `{key}` (if no groups are meant, write `groups: []`)");
            (Code::NotUnderstood, near.unwrap_or(Problem { message, position: at }))
        };
        let at_kind = whole.pairs.first().map_or(Position { line: 1, column: 1 }, |pair| pair.at.position());
        let Some(spec) = whole.get("spec") else {
            return Err(missing("spec", whole, &keys::OBJECT, at_kind));
        };
        let at_spec = spec.at.position();
        let Some(spec) = Mapping::of(spec.value) else {
            let message = format!("`spec` is {}, and must be a mapping", spec.value.type_name());
            return Err((Code::NotUnderstood, Problem { message, position: spec.value.position() }));
        };
        spec.problems.first().map_or(Ok(()), |problem| Err((Code::Yaml, problem.clone())))?;
        let tenant_field = tenant_field_of(id.kind());
        let known: Vec<&str> = ["groups"].into_iter().chain(tenant_field).collect();
        let Some(groups) = spec.get("groups") else {
            return Err(missing("groups", &spec, &known, at_spec));
        };
        misspelt(&spec, &known, &known).map_or(Ok(()), |problem| Err((Code::MisspeltKey, problem)))?;
        let tenant = match tenant_field
            .and_then(|field| spec.get(field))
            .map(|pair| (pair.value, pair.value.text()))
        {
            Some((_, Scalar::Value(tenant))) => Some(tenant.into_owned()),
            Some((at, Scalar::Other(what))) => {
                let message = format!("the tenant is {what}, and must be a string");
                return Err((Code::Type, Problem { message, position: at.position() }));
            }
            Some((_, Scalar::Null)) | None => None,
        };
        let mut object = self
            .groups(id.clone(), at_kind, groups.value)
            .map_err(|problem| (Code::NotUnderstood, problem))?;
        self.warn_of_unknown(whole, &keys::OBJECT, "of an object", &mut object.findings);
        self.warn_of_unknown(&spec, &known, "beside `groups`", &mut object.findings);
        object.labels = labels.into_iter().collect::<Labels>();
        object.annotations = annotations;
        object.tenant = tenant;
        Ok(object)
    }

    fn rule_file(&mut self, node: Node<'_>, file: &Mapping<'_>) {
        let known = ["groups", "namespace"];
        if let Some(problem) = misspelt(file, &known, &known) {
            return self.add_broken(None, Code::MisspeltKey, problem);
        }
        // By mimirtool's rules, the namespace of a file that declares none is its name without the extension.
        let stem = || Some(self.path.file_stem()?.to_str()?.to_owned());
        let (id, namespace) = match file.get("namespace").map(|pair| (pair.value, pair.value.text())) {
            Some((_, Scalar::Value(namespace))) if !namespace.is_empty() => {
                (self.identities.rule_file(&namespace), Some(namespace.into_owned()))
            }
            Some((at, Scalar::Other(what))) => {
                let message = format!("`namespace` is {what}, and must be a string");
                return self.add_broken(None, Code::Type, Problem { message, position: at.position() });
            }
            _ => (self.identities.file(self.path), stem()),
        };
        let Some(groups) = file.get("groups") else { return };
        let mut part = match self.groups(id.clone(), node.position(), groups.value) {
            Ok(part) => part,
            Err(problem) => return self.add_broken(Some(id), Code::NotUnderstood, problem),
        };
        self.warn_of_unknown(file, &known, "beside `groups`", &mut part.findings);
        part.ruler_namespace = namespace;
        // Documents with the same name form one object.
        match self.contents.objects.iter_mut().find(|read| read.object.id == id) {
            Some(read) => {
                let empty = RuleObject::new(id, Vec::new());
                let before = std::mem::replace(&mut read.object, empty.clone());
                read.object = join_parts([before, part]).unwrap_or(empty);
            }
            None => self.add(part, node.position()),
        }
    }

    /// Reads groups into an object without other fields.
    fn groups(&self, id: ObjectId, at: Position, list: Node<'_>) -> Result<RuleObject, Problem> {
        let mut positions = PositionsBuilder::default();
        positions.file(&self.display_path, at);
        let mut groups = Groups::new(&self.display_path, &mut positions);
        groups.read(list)?;
        let Groups { groups, findings, .. } = groups;
        Ok(RuleObject { findings, positions: positions.build(), ..RuleObject::new(id, groups) })
    }

    /// Adds warnings about keys that have no effect; `place` says where.
    fn warn_of_unknown(
        &self,
        mapping: &Mapping<'_>,
        known: &[&str],
        place: &str,
        findings: &mut Vec<Finding>,
    ) {
        let unknown = mapping.pairs.iter().filter(|pair| !known.contains(&&*pair.key));
        for Pair { key, at, .. } in unknown.take(groups::MAX_UNKNOWN_KEYS) {
            let message = format!("`{key}` is not a key {place}, and has no effect");
            let finding = Finding::warning(Code::UnknownKey, message).at(self.location(at.position()));
            findings.push(finding.hint("is it misspelt?"));
        }
    }

    /// Returns the identity of an object, or a message if a name is invalid in Kubernetes. Namespaces without dots, and
    /// names that do not begin with one, keep the ruler namespaces of two objects distinct.
    fn object_id(&self, kind: &str, namespace: Option<&str>, name: Option<&str>) -> Result<ObjectId, String> {
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Err("`metadata.name` is missing".into());
        };
        if name.len() > 253 || !name.split('.').all(is_dns_label) {
            return Err(format!(
                "`metadata.name` is {name:?}: use lower-case letters, digits, hyphens and dots, with a letter or digit \
                 at both ends"
            ));
        }
        if let Some(namespace) = namespace.filter(|namespace| !is_namespace_name(namespace)) {
            return Err(format!(
                "`metadata.namespace` is {namespace:?}: use at most 63 lower-case letters, digits and hyphens, with a \
                 letter or digit at both ends"
            ));
        }
        Ok(self.identities.object(kind, namespace, name))
    }

    /// Returns a finding whose message is one line, whatever it quotes of the document.
    fn finding(&self, code: Code, message: String, position: Position) -> Finding {
        Finding::error(code, Printable(message).to_string()).at(self.location(position))
    }

    fn add_broken(&mut self, id: Option<ObjectId>, code: Code, problem: Problem) {
        let finding = self.finding(code, problem.message, problem.position);
        let template = self.template.clone();
        self.contents.broken.push(BrokenDocument {
            id,
            is_rule_like: true,
            finding,
            is_doubtful: false,
            template,
        });
    }

    fn location(&self, position: Position) -> Location {
        Location { file: Some(self.display_path.clone()), position: Some(position), ..Location::default() }
    }
}

/// Reads the manifest of a Kubernetes namespace; none without a name, or with metadata that cannot be read.
fn namespace(object: &Mapping<'_>) -> Option<ParsedNamespace> {
    let metadata = object.value("metadata").and_then(Mapping::of)?;
    let name = string(&metadata, "name")?.into_owned();
    let read = |key: &str| Some(string_map(&metadata, key).ok()?.into_iter().collect::<Labels>());
    let metadata = NamespaceMetadata { labels: read("labels")?, annotations: read("annotations")? };
    Some(ParsedNamespace { name, metadata })
}

/// Reports the first key of a mapping that is not `known` and is likely a misspelling of a missing `wanted` key.
fn misspelt(mapping: &Mapping<'_>, wanted: &[&str], known: &[&str]) -> Option<Problem> {
    mapping.pairs.iter().filter(|pair| !known.contains(&&*pair.key)).find_map(|pair| {
        let word = keys::nearest(&pair.key, wanted, |word| mapping.get(word).is_some())?;
        let message = format!("`{}` is not a key here (is it `{word}`?)", pair.key);
        Some(Problem { message, position: pair.at.position() })
    })
}

/// Reads a map of strings, such as labels. Null is an empty string.
fn string_map(mapping: &Mapping<'_>, key: &str) -> Result<BTreeMap<String, String>, Problem> {
    let Some(node) = mapping.value(key) else { return Ok(BTreeMap::new()) };
    let wrong = |node: Node<'_>, what: &str, must: &str| Problem {
        message: format!("`{key}` {what}, and must {must}"),
        position: node.position(),
    };
    let Some(texts) = Mapping::of(node) else {
        return Err(wrong(node, &format!("is {}", node.type_name()), "be a mapping"));
    };
    if let Some(problem) = texts.problems.into_iter().next() {
        return Err(problem);
    }
    let entry = |Pair { key, value, .. }: Pair<'_>| match value.text() {
        Scalar::Value(text) => Ok((key.into_owned(), text.into_owned())),
        Scalar::Null => Ok((key.into_owned(), String::new())),
        Scalar::Other(what) => Err(wrong(value, &format!("holds {what}"), "hold strings")),
    };
    texts.pairs.into_iter().map(entry).collect()
}

/// Returns whether a text may name a Kubernetes namespace, which is a DNS label.
pub fn is_namespace_name(text: &str) -> bool {
    text.len() <= 63 && is_dns_label(text)
}

fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|b| alphanumeric(b) || *b == b'-')
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
