//! The contents of a file, as it was parsed.

use rulesync_core::finding::Position;
use rulesync_core::route::NamespaceMetadata;
use rulesync_core::{Finding, ObjectId, RuleObject};

/// The contents of a file, in the order of the text.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// The objects with rules.
    pub objects: Vec<ParsedObject>,
    /// The documents that could not be read.
    pub broken: Vec<BrokenDocument>,
    /// The Kubernetes namespaces.
    pub namespaces: Vec<ParsedNamespace>,
    /// The number of objects of other kinds.
    pub other_kinds: usize,
}

/// An object that was read.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParsedObject {
    /// The object, with the positions of its parts and the findings about them.
    pub object: RuleObject,
    /// The position of its beginning in the file.
    pub position: Position,
    /// The template of a Helm chart that it was rendered from, as `helm template` says in a comment.
    pub template: Option<String>,
}

/// A document that could not be read.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenDocument {
    /// The identity of the object, if that could be read.
    pub id: Option<ObjectId>,
    /// True if the document may contain rules. If not, it does not cast doubt on a file that never had any.
    pub is_rule_like: bool,
    /// The reason.
    pub finding: Finding,
    /// True if it is more likely not meant to be read: of a kind with the name of one that is, in another API, or empty, or
    /// a mapping as many files are.
    pub is_doubtful: bool,
    /// The template of a Helm chart that it was rendered from.
    pub template: Option<String>,
}

/// The manifest of a Kubernetes namespace.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParsedNamespace {
    /// Its name.
    pub name: String,
    /// Its labels and annotations.
    pub metadata: NamespaceMetadata,
}
