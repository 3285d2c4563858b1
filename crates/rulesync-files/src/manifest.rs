//! From the text of a file to the objects it declares. Pure; what is broken becomes a finding.
//!
//! Every document is read into a tree whose nodes know their places; `meaning` says what it is, and `groups` reads what
//! concerns us. So a manifest of another kind may look like anything.

mod groups;
mod meaning;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use rulesync_core::{
    Finding, Labels, ObjectId, Place, Position, Positions, PositionsBuilder, RuleObject, tenant_field_of,
};

use crate::identity::Identities;
use crate::yaml::{Mapping, Node, Pair, Problem, Scalar, Tree, documents};
use groups::Groups;
use meaning::{Meaning, NotUnderstood, word};

/// The code of a finding that a document is none of what we know.
pub(crate) const NOT_UNDERSTOOD: &str = "not-understood";

/// Lists within lists; the API makes none, and nobody more than one.
const DEEPEST: usize = 20;

/// What a file declares, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) objects: Vec<Read>,
    pub(crate) broken: Vec<Broken>,
}

/// An object that could be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) object: RuleObject,
    /// Where in the file it begins.
    pub(crate) position: Position,
}

/// A document that could not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Which object it is, if so much could be read.
    pub(crate) id: Option<ObjectId>,
    /// Whether it may well be rules. What is not is no reason to doubt a file that never had any.
    pub(crate) is_rule_like: bool,
    pub(crate) finding: Finding,
}

/// `kubectl apply` keeps a copy of the whole manifest here, which is of no use to a rule.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Reads the file at `path`, which is relative to its source.
pub(crate) fn read(bytes: &[u8], path: &Path, identities: &Identities) -> Contents {
    let shown = identities.shown(path);
    let mut reader = Reader { path, shown, identities, contents: Contents::default() };
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n']).is_empty() => {
            let message = "the file is empty, as after a write or a download that failed".to_owned();
            let position = Position { line: 1, column: 1 };
            reader.not_understood(NotUnderstood {
                message,
                hint: Some("if no rules are meant, delete it or leave a comment".to_owned()),
                position,
                is_rule_like: true,
            });
        }
        Ok(text) => {
            for document in documents(text) {
                match Tree::parse(document) {
                    Ok(tree) => reader.node(tree.root(), None, 0),
                    Err(problem) => reader.broken(None, "yaml", problem),
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
            reader.broken(None, "yaml", Problem { message: "the file is not UTF-8 text".into(), position });
        }
    }
    reader.contents
}

/// The finding that a file as a whole cannot be read.
pub(crate) fn unreadable(path: &Path, identities: &Identities, reason: &str) -> Contents {
    let place = Place { file: Some(identities.shown(path)), ..Place::default() };
    let finding = Finding::error("unreadable-file", reason).at(place);
    Contents { objects: Vec::new(), broken: vec![Broken { id: None, is_rule_like: true, finding }] }
}

/// The object of several parts, which all have its name: their groups, one part after the other.
pub(crate) fn joined(parts: impl IntoIterator<Item = RuleObject>) -> Option<RuleObject> {
    let mut parts = parts.into_iter();
    let mut whole = parts.next()?;
    let mut positions = vec![std::mem::take(&mut whole.positions)];
    for mut part in parts {
        let before = whole.groups.len();
        for index in part.findings.iter_mut().filter_map(|finding| finding.place.group_index.as_mut()) {
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
    /// The path for people.
    shown: String,
    identities: &'a Identities,
    contents: Contents,
}

impl Reader<'_> {
    fn node(&mut self, node: Node<'_>, items_kind: Option<&'static str>, depth: usize) {
        match Meaning::of(node, items_kind) {
            Meaning::Nothing => {}
            Meaning::Rules(kind, mapping) => self.manifest(kind, node, &mapping),
            Meaning::RuleFile(mapping) => self.rule_file(node, &mapping),
            Meaning::List(..) if depth >= DEEPEST => {
                let message = "lists stand in each other too deep".to_owned();
                self.broken(None, "manifest", Problem { message, position: node.position() });
            }
            Meaning::List(items, kind) => items.children().for_each(|item| self.node(item, kind, depth + 1)),
            Meaning::Foreign => {
                let line = node.position().line;
                tracing::debug!(file = self.shown, line, "Ignored an object of a kind without rules");
            }
            Meaning::Unreadable(problem) => self.broken(None, "yaml", problem),
            Meaning::NotUnderstood(why) => self.not_understood(why),
        }
    }

    fn not_understood(&mut self, NotUnderstood { message, hint, position, is_rule_like }: NotUnderstood) {
        let mut finding = Finding::error(NOT_UNDERSTOOD, message).at(self.place(position));
        finding.hint = hint;
        self.contents.broken.push(Broken { id: None, is_rule_like, finding });
    }

    fn manifest(&mut self, kind: &'static str, node: Node<'_>, object: &Mapping<'_>) {
        let metadata = object.value("metadata").and_then(Mapping::of);
        let name = metadata.as_ref().and_then(|metadata| word(metadata, "name"));
        let namespace = metadata.as_ref().and_then(|metadata| word(metadata, "namespace"));
        let id = match self.named(kind, namespace.as_deref(), name.as_deref()) {
            Ok(id) => id,
            Err(message) => {
                let problem = misspelt(object, &["metadata"], &words::OBJECT)
                    .or_else(|| misspelt(metadata.as_ref()?, &["name"], &words::METADATA));
                let problem = problem.unwrap_or(Problem { message, position: node.position() });
                return self.broken(None, "manifest", problem);
            }
        };
        match self.object(&id, object, metadata.as_ref()) {
            Ok(object) => self.contents.objects.push(Read { object, position: node.position() }),
            Err((code, problem)) => self.broken(Some(id), code, problem),
        }
    }

    /// An object with its groups.
    fn object(
        &self,
        id: &ObjectId,
        object: &Mapping<'_>,
        metadata: Option<&Mapping<'_>>,
    ) -> Result<RuleObject, (&'static str, Problem)> {
        let (mut labels, mut annotations) = (BTreeMap::new(), BTreeMap::new());
        if let Some(metadata) = metadata {
            // What leads the object to its rulers must not go unread.
            let near = misspelt(metadata, &["namespace", "labels", "annotations"], &words::METADATA);
            let problem = metadata.problems.first().cloned().or(near);
            problem.map_or(Ok(()), |problem| Err(("metadata", problem)))?;
            labels = texts(metadata, "labels").map_err(|problem| ("type", problem))?;
            annotations = texts(metadata, "annotations").map_err(|problem| ("type", problem))?;
            annotations.remove(LAST_APPLIED);
        }
        let missing = |key: &'static str, of: &Mapping<'_>, known: &[&str], at: Position| {
            let near = misspelt(of, &[key], known);
            let message = format!("there is no `{key}` (if no groups are meant, write `groups: []`)");
            (NOT_UNDERSTOOD, near.unwrap_or(Problem { message, position: at }))
        };
        let at_kind = object.pairs.first().map_or(Position { line: 1, column: 1 }, |pair| pair.at.position());
        let Some(spec) = object.get("spec") else {
            return Err(missing("spec", object, &words::OBJECT, at_kind));
        };
        let at_spec = spec.at.position();
        let Some(spec) = Mapping::of(spec.value) else {
            let message = format!("`spec` is {}, and must be a mapping", spec.value.what());
            return Err((NOT_UNDERSTOOD, Problem { message, position: spec.value.position() }));
        };
        spec.problems.first().map_or(Ok(()), |problem| Err(("yaml", problem.clone())))?;
        let tenant_field = tenant_field_of(id.kind());
        let known: Vec<&str> = ["groups"].into_iter().chain(tenant_field).collect();
        let Some(groups) = spec.get("groups") else {
            return Err(missing("groups", &spec, &known, at_spec));
        };
        misspelt(&spec, &known, &known).map_or(Ok(()), |problem| Err(("misspelt-key", problem)))?;
        let tenant = match tenant_field
            .and_then(|field| spec.get(field))
            .map(|pair| (pair.value, pair.value.text()))
        {
            Some((_, Scalar::Value(tenant))) => Some(tenant.into_owned()),
            Some((at, Scalar::Other(what))) => {
                let message = format!("the tenant is {what}, and must be a text");
                return Err(("type", Problem { message, position: at.position() }));
            }
            Some((_, Scalar::Null)) | None => None,
        };
        let mut object =
            self.groups(id.clone(), at_kind, groups.value).map_err(|problem| (NOT_UNDERSTOOD, problem))?;
        self.warn_of_unknown(&spec, &known, &mut object.findings);
        object.labels = labels.into_iter().collect::<Labels>();
        object.annotations = annotations;
        object.tenant = tenant;
        Ok(object)
    }

    fn rule_file(&mut self, node: Node<'_>, file: &Mapping<'_>) {
        let known = ["groups", "namespace"];
        if let Some(problem) = misspelt(file, &known, &known) {
            return self.broken(None, "misspelt-key", problem);
        }
        let id = match file.get("namespace").map(|pair| (pair.value, pair.value.text())) {
            Some((_, Scalar::Value(namespace))) if !namespace.is_empty() => {
                self.identities.rule_file(&namespace)
            }
            Some((at, Scalar::Other(what))) => {
                let message = format!("`namespace` is {what}, and must be a text");
                return self.broken(None, "type", Problem { message, position: at.position() });
            }
            _ => self.identities.file(self.path),
        };
        let Some(groups) = file.get("groups") else { return };
        let mut part = match self.groups(id.clone(), node.position(), groups.value) {
            Ok(part) => part,
            Err(problem) => return self.broken(Some(id), NOT_UNDERSTOOD, problem),
        };
        self.warn_of_unknown(file, &known, &mut part.findings);
        // Documents of one name are one object.
        match self.contents.objects.iter_mut().find(|read| read.object.id == id) {
            Some(read) => {
                let empty = RuleObject::new(id, Vec::new());
                let before = std::mem::replace(&mut read.object, empty.clone());
                read.object = joined([before, part]).unwrap_or(empty);
            }
            None => self.contents.objects.push(Read { object: part, position: node.position() }),
        }
    }

    /// An object with these groups, and nothing else said of it.
    fn groups(&self, id: ObjectId, at: Position, list: Node<'_>) -> Result<RuleObject, Problem> {
        let mut positions = PositionsBuilder::default();
        positions.file(&self.shown, at);
        let mut groups = Groups::new(&self.shown, &mut positions);
        groups.read(list)?;
        let Groups { groups, findings, .. } = groups;
        Ok(RuleObject { findings, positions: positions.build(), ..RuleObject::new(id, groups) })
    }

    /// Warnings of what stands beside `groups` for nothing.
    fn warn_of_unknown(&self, mapping: &Mapping<'_>, known: &[&str], findings: &mut Vec<Finding>) {
        let unknown = mapping.pairs.iter().filter(|pair| !known.contains(&&*pair.key));
        for Pair { key, at, .. } in unknown.take(groups::MOST) {
            let message = format!("`{key}` is not a key beside `groups`, and has no effect");
            let finding = Finding::warning("unknown-key", message).at(self.place(at.position()));
            findings.push(finding.hint("is it misspelt?"));
        }
    }

    /// Names as Kubernetes allows them: that neither holds a dot where the other begins is what keeps the ruler
    /// namespaces of two objects apart.
    fn named(&self, kind: &str, namespace: Option<&str>, name: Option<&str>) -> Result<ObjectId, String> {
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
        if let Some(namespace) =
            namespace.filter(|namespace| namespace.len() > 63 || !is_dns_label(namespace))
        {
            return Err(format!(
                "`metadata.namespace` is {namespace:?}: use at most 63 lower-case letters, digits and hyphens, with a \
                 letter or digit at both ends"
            ));
        }
        Ok(self.identities.object(kind, namespace, name))
    }

    fn broken(&mut self, id: Option<ObjectId>, code: &'static str, problem: Problem) {
        let finding = Finding::error(code, problem.message).at(self.place(problem.position));
        self.contents.broken.push(Broken { id, is_rule_like: true, finding });
    }

    fn place(&self, position: Position) -> Place {
        Place { file: Some(self.shown.clone()), position: Some(position), ..Place::default() }
    }
}

/// The first key of a mapping that is none of those that are `known`, and likely one of those that are `wanted` and
/// missing.
fn misspelt(mapping: &Mapping<'_>, wanted: &[&str], known: &[&str]) -> Option<Problem> {
    mapping.pairs.iter().filter(|pair| !known.contains(&&*pair.key)).find_map(|pair| {
        let word = words::nearest(&pair.key, wanted, |word| mapping.get(word).is_some())?;
        let message = format!("`{}` is not a key here (is it `{word}`?)", pair.key);
        Some(Problem { message, position: pair.at.position() })
    })
}

/// Texts by key, such as labels. Null is an empty text.
fn texts(mapping: &Mapping<'_>, key: &str) -> Result<BTreeMap<String, String>, Problem> {
    let Some(node) = mapping.value(key) else { return Ok(BTreeMap::new()) };
    let wrong = |node: Node<'_>, what: &str, must: &str| Problem {
        message: format!("`{key}` {what}, and must {must}"),
        position: node.position(),
    };
    let Some(texts) = Mapping::of(node) else {
        return Err(wrong(node, &format!("is {}", node.what()), "be a mapping"));
    };
    if let Some(problem) = texts.problems.into_iter().next() {
        return Err(problem);
    }
    let text = |Pair { key, value, .. }: Pair<'_>| match value.text() {
        Scalar::Value(text) => Ok((key.into_owned(), text.into_owned())),
        Scalar::Null => Ok((key.into_owned(), String::new())),
        Scalar::Other(what) => Err(wrong(value, &format!("holds {what}"), "hold texts")),
    };
    texts.pairs.into_iter().map(text).collect()
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
