//! From the text of a file to the objects it declares. Pure; what is broken becomes a finding.
//!
//! Every document is read twice: first its [`Shape`], which reads whatever there is, then, if it concerns us, its
//! content by the schema of what it is. So a manifest of another kind may look like anything.

mod shape;
mod unknown;

use std::collections::BTreeMap;
use std::path::Path;

use rulesync_core::{
    DeclaredGroup, Finding, Labels, ObjectId, Place, Position, RULE_FILE, RuleObject, tenant_field_of,
};
use serde::Deserialize;
use serde::de::DeserializeSeed;

use crate::document::{Document, documents};
use crate::identity::{Identities, shown};
use crate::yaml::{self, Problem};
use shape::{Kind, Shape, TypedItems};
use unknown::Key;

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
    pub(crate) finding: Finding,
}

/// `kubectl apply` keeps a copy of the whole manifest here, which is of no use to a rule.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object with rules, so far as it is used.
#[derive(Debug, Deserialize)]
struct Manifest {
    metadata: Option<Metadata>,
    spec: Option<Groups>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, Option<String>>>,
    annotations: Option<BTreeMap<String, Option<String>>>,
}

/// The `spec` of an object with rules, and a whole plain rule file.
#[derive(Debug, Default, Deserialize)]
struct Groups {
    groups: Option<Vec<DeclaredGroup>>,
    /// Which of these two a kind has, if any, says [`tenant_field_of`].
    tenant: Option<String>,
    #[serde(rename = "tenantID")]
    tenant_id: Option<String>,
}

impl Groups {
    /// The tenant that an object of a kind requests, and the keys that only look as if they said one.
    fn tenant(&mut self, kind: &str) -> (Option<String>, Vec<[String; 1]>) {
        let (mut requested, mut unknown) = (None, Vec::new());
        for (field, value) in [("tenant", self.tenant.take()), ("tenantID", self.tenant_id.take())] {
            if tenant_field_of(kind) == Some(field) {
                requested = value;
            } else if value.is_some() {
                unknown.push([field.to_owned()]);
            }
        }
        (requested, unknown)
    }
}

/// Reads the file at `path`, which is relative to its source.
pub(crate) fn read(bytes: &[u8], path: &Path, identities: &Identities) -> Contents {
    let mut reader = Reader { path, identities, contents: Contents::default() };
    match std::str::from_utf8(bytes) {
        Ok(text) => documents(text).into_iter().for_each(|document| reader.document(document)),
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
pub(crate) fn unreadable(path: &Path, reason: &str) -> Contents {
    let finding =
        Finding::error("unreadable-file", reason).at(Place { file: Some(shown(path)), ..Place::default() });
    Contents { objects: Vec::new(), broken: vec![Broken { id: None, finding }] }
}

/// Collects what a file declares.
struct Reader<'a> {
    path: &'a Path,
    identities: &'a Identities,
    contents: Contents,
}

impl Reader<'_> {
    fn document(&mut self, document: Document<'_>) {
        let shape = match yaml::read::<serde_saphyr::Spanned<Shape>>(document) {
            Ok(shape) => shape,
            Err(problem) => return self.broken(None, "yaml", problem),
        };
        let position = Position {
            line: yaml::count(shape.referenced.line()).max(1) + document.lines_before,
            column: yaml::count(shape.referenced.column()).max(1),
        };
        let shape = shape.value;
        match shape.kind() {
            Kind::Rules(kind) => match unknown::read(document) {
                Ok((manifest, unknown)) => self.manifest(kind, manifest, &unknown, position),
                Err(problem) => self.broken(self.identity(kind, &shape), "manifest", problem),
            },
            Kind::RuleFile => match unknown::read(document) {
                Ok((groups, unknown)) => self.rule_file(groups, &unknown, position),
                Err(problem) => self.broken(Some(self.identities.file(self.path)), "manifest", problem),
            },
            Kind::List => self.list(document, &shape),
            Kind::WithoutVersion(kind) => {
                let group = Shape::api_group(kind);
                let message = format!("`apiVersion` is missing; that of a {kind} begins with `{group}`");
                self.broken(self.identity(kind, &shape), "manifest", Problem { message, position });
            }
            Kind::Other => {
                tracing::debug!(file = %shown(self.path), line = position.line, kind = ?shape.kind_name(),
                    "ignored: neither an object with rules nor a rule file");
            }
        }
    }

    /// A list stands or falls as a whole: what follows an error in YAML cannot be trusted.
    fn list(&mut self, document: Document<'_>, shape: &Shape) {
        let read = serde_saphyr::with_deserializer_from_str_with_options(
            document.text,
            yaml::options(document.text),
            |deserializer| TypedItems::<Manifest>::of(shape).deserialize(deserializer),
        );
        match read {
            Ok(items) => {
                for (kind, manifest, position) in items {
                    let position = Position { line: position.line + document.lines_before, ..position };
                    // The API answers such lists, and leaves out what it does not know.
                    self.manifest(kind, manifest, &[], position);
                }
            }
            Err(error) => {
                let problem = yaml::problem(document, &error);
                self.broken(None, "manifest", problem);
            }
        }
    }

    fn manifest(&mut self, kind: &str, manifest: Manifest, unknown: &[Key], position: Position) {
        let Metadata { name, namespace, labels, annotations } = manifest.metadata.unwrap_or_default();
        let id = match self.named(kind, namespace.as_deref(), name.as_deref()) {
            Ok(id) => id,
            Err(message) => return self.broken(None, "manifest", Problem { message, position }),
        };
        let annotations = annotations.into_iter().flatten().filter(|(key, _)| key != LAST_APPLIED);
        let labels = labels.into_iter().flatten().map(|(key, value)| (key, value.unwrap_or_default()));
        let mut spec = manifest.spec.unwrap_or_default();
        let (tenant, strays) = spec.tenant(kind);
        let groups = spec.groups.unwrap_or_default();
        // Whatever else an object has is none of our business.
        let unknown = unknown.iter().filter_map(|key| key.below(&["spec"]));
        let unknown = unknown.chain(strays.iter().map(<[String; 1]>::as_slice));
        let object = RuleObject {
            id,
            tenant,
            uid: None,
            // A file does not say when its object was made; what it may say is somebody else's object's time.
            created: None,
            labels: labels.collect::<Labels>(),
            annotations: annotations.map(|(key, value)| (key, value.unwrap_or_default())).collect(),
            findings: unknown::findings(unknown, &groups, self.path),
            groups,
        };
        self.contents.objects.push(Read { object, position });
    }

    fn rule_file(&mut self, mut file: Groups, unknown: &[Key], position: Position) {
        let (_, strays) = file.tenant(RULE_FILE);
        let groups = file.groups.unwrap_or_default();
        let unknown = unknown.iter().filter_map(|key| key.below(&[]));
        let unknown = unknown.chain(strays.iter().map(<[String; 1]>::as_slice));
        let object = RuleObject {
            id: self.identities.file(self.path),
            tenant: None,
            uid: None,
            created: None,
            labels: Labels::default(),
            annotations: BTreeMap::new(),
            findings: unknown::findings(unknown, &groups, self.path),
            groups,
        };
        self.contents.objects.push(Read { object, position });
    }

    fn identity(&self, kind: &str, shape: &Shape) -> Option<ObjectId> {
        self.named(kind, shape.namespace(), shape.name()).ok()
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
        let place =
            Place { file: Some(shown(self.path)), position: Some(problem.position), ..Place::default() };
        self.contents.broken.push(Broken { id, finding: Finding::error(code, problem.message).at(place) });
    }
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
