//! One module: what it defines, what it imports, and which paths its code names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The segments of a path: `["crate", "model", "Group"]`.
pub(crate) type Segments = Vec<String>;

/// The place of a module among the modules of its crate.
pub(crate) type ModuleIndex = usize;

/// A module, whether it has a file of its own or stands within its parent's.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    pub(crate) parent: Option<ModuleIndex>,
    pub(crate) children: BTreeMap<String, ModuleIndex>,
    pub(crate) names: Names,
}

/// What the code of a module says, without that of its children.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The items that it defines.
    pub(crate) items: BTreeSet<String>,
    pub(crate) imports: Vec<Import>,
    /// The paths in expressions, types, patterns, attributes and macro calls.
    pub(crate) paths: BTreeSet<Segments>,
}

/// One leaf of a `use`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Segments,
    pub(crate) name: ImportedName,
}

/// The name under which an import is known in its module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ImportedName {
    One(String),
    /// `use path::*`.
    All,
    /// `use path::Trait as _`.
    None,
}
