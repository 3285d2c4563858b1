//! The declarations of a file, and the part of them that is stored for the next process.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rulesync_core::finding::Position;
use rulesync_core::{Finding, ObjectId, RuleObject};
use serde::{Deserialize, Serialize};

use super::digest::digest_of;
use crate::identity::{Identities, display_path};

/// The declaration of an object in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Declaration {
    /// The object can be read.
    Readable {
        digest: u64,
        /// The positions in the file. If the file declares the object more than once, the first is used.
        positions: Vec<Position>,
    },
    /// The object is, or was, in this file, and cannot be read.
    Broken {
        finding: Box<Finding>,
        /// Set if the declaration represents unknown objects.
        hides: bool,
        /// Set if the object is no longer in the file, but the file is not trusted.
        missing: bool,
    },
}

impl Declaration {
    pub(super) fn position(&self) -> Option<Position> {
        match self {
            Self::Readable { positions, .. } => positions.first().copied(),
            Self::Broken { finding, .. } => finding.location.position,
        }
    }

    /// Returns `true` if the object was not found, but may still be in the file.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Broken { missing: true, .. })
    }

    /// The positions of further declarations of the object in the file.
    pub(super) fn repeated(&self) -> impl Iterator<Item = Position> {
        let positions = match self {
            Self::Readable { positions, .. } => positions.as_slice(),
            Self::Broken { .. } => &[],
        };
        positions.iter().skip(1).copied()
    }
}

/// The declarations of a file.
#[derive(Debug, Default)]
pub(super) struct FileDeclarations {
    declarations: BTreeMap<ObjectId, Declaration>,
    /// The objects whose rules may be in rulers because of this file: those that it declares and, while it is not
    /// understood, those that it declared before.
    declared: BTreeSet<ObjectId>,
    /// Set if the file was ever understood as a whole, or its declarations are known from an earlier process.
    is_known: bool,
    /// Set if every document in the file is understood.
    pub(super) understood: bool,
    /// Set if the file may have declared unknown objects.
    hides: bool,
}

/// The declarations of a file that were known before it is read.
#[derive(Debug, Default)]
pub(super) struct Previous {
    pub(super) declared: BTreeSet<ObjectId>,
    /// Set if `declared` is complete.
    pub(super) is_known: bool,
}

impl FileDeclarations {
    pub(super) fn of<'a>(objects: impl Iterator<Item = (&'a RuleObject, Position)>) -> Self {
        let mut this = Self::default();
        for (object, position) in objects {
            let digest = digest(object);
            let declaration = this
                .declarations
                .entry(object.id.clone())
                .or_insert_with(|| Declaration::Readable { digest, positions: Vec::new() });
            if let Declaration::Readable { positions, .. } = declaration {
                positions.push(position);
            }
            this.declared.insert(object.id.clone());
        }
        this
    }

    /// Adds an object that is in the file and cannot be read.
    pub(super) fn add_broken(&mut self, id: &ObjectId, finding: &Finding) {
        self.insert_broken(id, finding, false);
    }

    /// Adds an object that was in the file and may still be, in a part that is not understood.
    pub(super) fn add_missing(&mut self, id: &ObjectId, finding: &Finding) {
        self.insert_broken(id, finding, true);
    }

    fn insert_broken(&mut self, id: &ObjectId, finding: &Finding, missing: bool) {
        let broken = Declaration::Broken { finding: Box::new(finding.clone()), hides: false, missing };
        self.declarations.insert(id.clone(), broken);
        self.declared.insert(id.clone());
    }

    /// Adds a declaration of the file itself, which represents unknown objects that may have been in it. The file's own
    /// rule objects become broken too, because their remaining rules may be only a part of the earlier ones.
    pub(super) fn add_unknown(&mut self, file: &ObjectId, finding: &Finding) {
        self.hides = true;
        let of_file = |id: &&ObjectId| id.kind() == file.kind();
        let parts: Vec<ObjectId> = self.declarations.keys().filter(of_file).cloned().collect();
        for id in parts.iter().chain([file]) {
            let broken =
                Declaration::Broken { finding: Box::new(finding.clone()), hides: true, missing: false };
            self.declarations.insert(id.clone(), broken);
        }
    }

    /// Adds an object that only carries findings and does not count as declared.
    pub(super) fn add_notice(&mut self, notice: &RuleObject, position: Option<Position>) {
        let positions = position.into_iter().collect();
        let readable = Declaration::Readable { digest: digest(notice), positions };
        self.declarations.insert(notice.id.clone(), readable);
    }

    /// Takes over earlier declarations that the current contents do not settle.
    pub(super) fn inherit(&mut self, previous: Previous) {
        self.is_known = self.understood || previous.is_known;
        if !self.understood {
            self.declared.extend(previous.declared);
        }
    }

    /// The entries to store for the next process: the objects, and [`UNKNOWN`] if there may be others.
    pub(super) fn remembered(&self) -> impl Iterator<Item = String> {
        let unknown = (!self.is_known && self.hides).then(|| UNKNOWN.to_owned());
        self.declared.iter().map(ToString::to_string).chain(unknown)
    }

    pub(super) fn previous(&self) -> Previous {
        Previous { declared: self.declared.clone(), is_known: self.is_known }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &ObjectId> {
        self.declarations.keys()
    }

    pub(super) fn declares(&self, id: &ObjectId) -> bool {
        self.declarations.contains_key(id)
    }

    pub(super) fn declarations(&self) -> impl Iterator<Item = (&ObjectId, &Declaration)> {
        self.declarations.iter()
    }

    /// The declared objects that can be read.
    pub(super) fn readable(&self) -> impl Iterator<Item = &ObjectId> {
        let readable = |(id, declaration): &(&ObjectId, &Declaration)| {
            matches!(declaration, Declaration::Readable { .. }) && self.declared.contains(*id)
        };
        self.declarations.iter().filter(readable).map(|(id, _)| id)
    }
}

/// The declarations of files as stored for the next process: the objects by path. A file with unknown objects has the
/// entry [`UNKNOWN`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Declared(BTreeMap<String, BTreeSet<String>>);

/// Represents objects of unknown names.
const UNKNOWN: &str = "?";

impl Declared {
    pub(super) fn of<'a>(files: impl Iterator<Item = (&'a Path, &'a FileDeclarations)>) -> Self {
        let all = files.map(|(path, file)| (display_path(path), file.remembered().collect::<BTreeSet<_>>()));
        Self(all.filter(|(_, objects)| !objects.is_empty()).collect())
    }

    pub(super) fn forget(&mut self, path: &Path) {
        self.0.remove(&display_path(path));
    }

    pub(super) fn previous(&self, path: &Path, identities: &Identities) -> Previous {
        let objects = self.0.get(&display_path(path));
        Previous {
            declared: objects.into_iter().flatten().filter_map(|text| identities.parse(text)).collect(),
            is_known: objects.is_none_or(|objects| !objects.contains(UNKNOWN)),
        }
    }
}

/// A digest that detects changes of an object within this process.
fn digest(object: &RuleObject) -> u64 {
    let RuleObject {
        id: _,
        uid,
        generation,
        created,
        labels,
        tenant,
        ruler_namespace,
        annotations,
        groups,
        findings,
        positions,
    } = object;
    let declared = (generation, tenant, ruler_namespace, groups, findings, positions);
    digest_of(&(uid, created, labels, annotations, declared))
}
