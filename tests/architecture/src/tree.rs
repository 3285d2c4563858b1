//! The modules of a crate, read from its files as the compiler would find them.

use std::path::{Path, PathBuf};

use crate::module::{Module, ModuleIndex};
use crate::scan::{Body, Child, scan};

/// A crate: a library or a binary, with all its modules.
#[derive(Debug, Default)]
pub struct Crate {
    pub(crate) modules: Vec<Module>,
}

/// Why a crate could not be read.
#[derive(Debug)]
pub struct ReadError {
    file: PathBuf,
    reason: String,
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.reason)
    }
}

impl std::error::Error for ReadError {}

impl Crate {
    /// Reads the crate whose root is this file: a `lib.rs` or a `main.rs`.
    ///
    /// # Errors
    /// A file cannot be read, is not Rust, or is missing for a `mod`.
    pub fn read(root: &Path) -> Result<Self, ReadError> {
        Self::read_with(root, &|path| std::fs::read_to_string(path).ok())
    }

    /// Reads a crate of texts; `None` says that there is no such file.
    pub(crate) fn read_with(root: &Path, text: &dyn Fn(&Path) -> Option<String>) -> Result<Self, ReadError> {
        let mut files = Files { text, modules: Vec::new() };
        let directory = root.parent().unwrap_or(Path::new("")).to_owned();
        let items = files.parse(root)?;
        files.add(Place { file: root.to_owned(), directory, parent: None }, items)?;
        Ok(Self { modules: files.modules })
    }
}

struct Files<'a> {
    text: &'a dyn Fn(&Path) -> Option<String>,
    modules: Vec<Module>,
}

/// Where a module stands.
struct Place {
    file: PathBuf,
    /// Where the files of its children are.
    directory: PathBuf,
    parent: Option<ModuleIndex>,
}

impl Files<'_> {
    fn parse(&self, path: &Path) -> Result<Vec<syn::Item>, ReadError> {
        let error = |reason: String| ReadError { file: path.to_owned(), reason };
        let text = (self.text)(path).ok_or_else(|| error("cannot be read".to_owned()))?;
        let file = syn::parse_file(&text).map_err(|e| error(e.to_string()))?;
        Ok(file.items)
    }

    fn add(&mut self, place: Place, items: Vec<syn::Item>) -> Result<ModuleIndex, ReadError> {
        let (names, children) = scan(items);
        let index = self.modules.len();
        let Place { file, directory, parent } = place;
        self.modules.push(Module { file: file.clone(), parent, names, ..Module::default() });
        for Child { name, body } in children {
            let place = |file: PathBuf, directory: PathBuf| Place { file, directory, parent: Some(index) };
            let child = match body {
                Body::Inline(items) => self.add(place(file.clone(), directory.join(&name)), items)?,
                Body::File(path) => {
                    let (file, directory) =
                        self.find(&place(file.clone(), directory.clone()), &name, path)?;
                    let items = self.parse(&file)?;
                    self.add(place(file, directory), items)?
                }
            };
            self.modules[index].children.insert(name, child);
        }
        Ok(index)
    }

    /// Returns the file of a child, and where the files of its own children are.
    fn find(
        &self,
        parent: &Place,
        name: &str,
        path: Option<String>,
    ) -> Result<(PathBuf, PathBuf), ReadError> {
        if let Some(path) = path {
            let file = parent.file.parent().unwrap_or(Path::new("")).join(path);
            let directory = file.parent().unwrap_or(Path::new("")).to_owned();
            return Ok((file, directory));
        }
        let directory = parent.directory.join(name);
        let candidates = [parent.directory.join(format!("{name}.rs")), directory.join("mod.rs")];
        match candidates.into_iter().find(|file| (self.text)(file).is_some()) {
            Some(file) => Ok((file, directory)),
            None => {
                Err(ReadError { file: parent.file.clone(), reason: format!("no file for `mod {name};`") })
            }
        }
    }
}
