//! What one file declares, and what is remembered of it for the next process.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rulesync_core::{Finding, ObjectId, Position, RuleObject};
use serde::{Deserialize, Serialize};

use super::digest_of;
use crate::identity::{Identities, shown};

/// What a file says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Declaration {
    /// This is its content.
    Readable {
        digest: u64,
        /// Where in the file; more than one if the file declares it more than once, and then the first counts.
        positions: Vec<Position>,
    },
    /// It is, or was, in this file, and cannot be read.
    Broken {
        finding: Box<Finding>,
        /// Whether nobody knows which objects it stands for.
        hides: bool,
        /// Whether the file no longer shows it, and is only not believed.
        missing: bool,
    },
}

impl Declaration {
    pub(super) fn position(&self) -> Option<Position> {
        match self {
            Self::Readable { positions, .. } => positions.first().copied(),
            Self::Broken { finding, .. } => finding.place.position,
        }
    }

    /// Whether the file only may still hold the object.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Broken { missing: true, .. })
    }

    /// Where the file declares the object once more.
    pub(super) fn repeated(&self) -> impl Iterator<Item = Position> {
        let positions = match self {
            Self::Readable { positions, .. } => positions.as_slice(),
            Self::Broken { .. } => &[],
        };
        positions.iter().skip(1).copied()
    }
}

/// What a file declares.
#[derive(Debug, Default)]
pub(super) struct FileDeclarations {
    declarations: BTreeMap<ObjectId, Declaration>,
    /// The objects whose rules may be in rulers because of this file: what it declares, and while it is not understood
    /// also what it declared before.
    declared: BTreeSet<ObjectId>,
    /// Whether it was ever understood as a whole, or what it declared was known from before.
    is_known: bool,
    /// Whether every document in it is understood.
    pub(super) understood: bool,
    /// Whether it may stand for objects of unknown names.
    hides: bool,
}

/// What is known of a file before it is read.
#[derive(Debug, Default)]
pub(super) struct Before {
    pub(super) declared: BTreeSet<ObjectId>,
    /// Whether that is all it declared.
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

    /// An object is there and is not readable.
    pub(super) fn break_object(&mut self, id: &ObjectId, finding: &Finding) {
        self.insert_broken(id, finding, false);
    }

    /// An object was there and may still be, in what is not understood.
    pub(super) fn miss_object(&mut self, id: &ObjectId, finding: &Finding) {
        self.insert_broken(id, finding, true);
    }

    fn insert_broken(&mut self, id: &ObjectId, finding: &Finding, missing: bool) {
        let broken = Declaration::Broken { finding: Box::new(finding.clone()), hides: false, missing };
        self.declarations.insert(id.clone(), broken);
        self.declared.insert(id.clone());
    }

    /// Objects of unknown names may have been in the file, and stand behind its own name. Rules that it still has may be
    /// only a part of those that it had.
    pub(super) fn hide_behind(&mut self, file: &ObjectId, finding: &Finding) {
        self.hides = true;
        let of_file = |id: &&ObjectId| id.kind() == file.kind();
        let parts: Vec<ObjectId> = self.declarations.keys().filter(of_file).cloned().collect();
        for id in parts.iter().chain([file]) {
            let broken =
                Declaration::Broken { finding: Box::new(finding.clone()), hides: true, missing: false };
            self.declarations.insert(id.clone(), broken);
        }
    }

    /// There is something to say of the file, which declares nothing.
    pub(super) fn notice(&mut self, notice: &RuleObject, position: Option<Position>) {
        let positions = position.into_iter().collect();
        let readable = Declaration::Readable { digest: digest(notice), positions };
        self.declarations.insert(notice.id.clone(), readable);
    }

    /// Takes over what was known before and is not settled by what the file says now.
    pub(super) fn remember(&mut self, before: Before) {
        self.is_known = self.understood || before.is_known;
        if !self.understood {
            self.declared.extend(before.declared);
        }
    }

    /// What is remembered of it for the next process: its objects, and whether there may be others.
    pub(super) fn remembered(&self) -> impl Iterator<Item = String> {
        let unknown = (!self.is_known && self.hides).then(|| UNKNOWN.to_owned());
        self.declared.iter().map(ToString::to_string).chain(unknown)
    }

    pub(super) fn before(&self) -> Before {
        Before { declared: self.declared.clone(), is_known: self.is_known }
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

    /// The objects that it declares and that can be read.
    pub(super) fn readable(&self) -> impl Iterator<Item = &ObjectId> {
        let readable = |(id, declaration): &(&ObjectId, &Declaration)| {
            matches!(declaration, Declaration::Readable { .. }) && self.declared.contains(*id)
        };
        self.declarations.iter().filter(readable).map(|(id, _)| id)
    }
}

/// What files declare, for the next process: by path, the objects. A file whose objects are not known is there with
/// [`UNKNOWN`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Declared(BTreeMap<String, BTreeSet<String>>);

/// Stands for objects of unknown names.
const UNKNOWN: &str = "?";

impl Declared {
    pub(super) fn of<'a>(files: impl Iterator<Item = (&'a Path, &'a FileDeclarations)>) -> Self {
        let all = files.map(|(path, file)| (shown(path), file.remembered().collect::<BTreeSet<_>>()));
        Self(all.filter(|(_, objects)| !objects.is_empty()).collect())
    }

    pub(super) fn forget(&mut self, path: &Path) {
        self.0.remove(&shown(path));
    }

    pub(super) fn before(&self, path: &Path, identities: &Identities) -> Before {
        let objects = self.0.get(&shown(path));
        Before {
            declared: objects.into_iter().flatten().filter_map(|text| identities.parse(text)).collect(),
            is_known: objects.is_none_or(|objects| !objects.contains(UNKNOWN)),
        }
    }
}

/// Tells a changed object from a repeated one within this process.
fn digest(object: &RuleObject) -> u64 {
    let RuleObject { id: _, uid, created, labels, tenant, annotations, groups, findings, positions } = object;
    digest_of(&(uid, created, labels, tenant, annotations, groups, findings, positions))
}
