//! Which file takes which names from which other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::module::{Import, ImportedName, Module, ModuleIndex};
use crate::tree::Crate;

/// The imports that are being followed, each by its module and its number there: they may lead back to themselves.
type Followed = BTreeSet<(ModuleIndex, usize)>;

/// What a path leads to: a name may be a module's and an item's.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    module: Option<ModuleIndex>,
    /// The item, and the module that defines it.
    item: Option<(ModuleIndex, String)>,
}

impl Found {
    fn module(module: ModuleIndex) -> Self {
        Self { module: Some(module), item: None }
    }

    fn add(&mut self, other: Self) {
        self.module = self.module.or(other.module);
        self.item = self.item.take().or(other.item);
    }
}

/// The names that one file takes from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrow {
    /// The file that uses the names.
    pub from: PathBuf,
    /// The file that defines them.
    pub to: PathBuf,
    /// The names, in alphabetical order.
    pub names: BTreeSet<String>,
}

impl std::fmt::Display for Arrow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        write!(f, "{} -> {}: {}", self.from.display(), self.to.display(), names.join(", "))
    }
}

impl Crate {
    /// Returns what the files of the crate take from each other.
    #[must_use]
    pub fn arrows(&self) -> Vec<Arrow> {
        let mut arrows: BTreeMap<(&PathBuf, &PathBuf), BTreeSet<String>> = BTreeMap::new();
        for (index, module) in self.modules.iter().enumerate() {
            let imports = module.names.imports.iter().map(|import| &import.path);
            for path in imports.chain(&module.names.paths) {
                let Some((definer, name)) = self.resolve(index, path, &mut BTreeSet::new()).item else {
                    continue;
                };
                let to = &self.modules[definer].file;
                if *to != module.file {
                    arrows.entry((&module.file, to)).or_default().insert(name);
                }
            }
        }
        let arrow = |((from, to), names): ((&PathBuf, &PathBuf), _)| Arrow {
            from: from.clone(),
            to: to.clone(),
            names,
        };
        arrows.into_iter().map(arrow).collect()
    }

    /// Follows a path that stands in a module.
    fn resolve(&self, module: ModuleIndex, path: &[String], followed: &mut Followed) -> Found {
        let Some((first, mut rest)) = path.split_first() else { return Found::default() };
        let mut found = match first.as_str() {
            "crate" => Found::module(0),
            "self" => Found::module(module),
            "super" => self.modules[module].parent.map(Found::module).unwrap_or_default(),
            name => self.look_up(module, name, followed),
        };
        while let (Some((name, after)), Some(inside)) = (rest.split_first(), found.module) {
            found = match name.as_str() {
                "super" => self.modules[inside].parent.map(Found::module).unwrap_or_default(),
                name => self.look_up(inside, name, followed),
            };
            rest = after;
        }
        found
    }

    /// Finds a name in the scope of a module.
    fn look_up(&self, module: ModuleIndex, name: &str, followed: &mut Followed) -> Found {
        let Module { names, children, .. } = &self.modules[module];
        let defined = names.items.contains(name);
        let mut found =
            Found { module: children.get(name).copied(), item: defined.then(|| (module, name.to_owned())) };
        let explicit =
            |import: &Import| matches!(&import.name, ImportedName::One(known_as) if known_as == name);
        for (number, import) in names.imports.iter().enumerate().filter(|(_, import)| explicit(import)) {
            if !followed.insert((module, number)) {
                continue;
            }
            let target = self.resolve(module, &import.path, followed);
            followed.remove(&(module, number));
            let is_of_another_crate = target == Found::default();
            found.add(target);
            // What comes from another crate is taken from the module that hands it on.
            if is_of_another_crate {
                found.add(Found { module: None, item: Some((module, name.to_owned())) });
            }
        }
        if found == Found::default() {
            let globs = |import: &Import| import.name == ImportedName::All;
            for (number, import) in names.imports.iter().enumerate().filter(|(_, import)| globs(import)) {
                if !followed.insert((module, number)) {
                    continue;
                }
                if let Some(inside) = self.resolve(module, &import.path, followed).module {
                    found.add(self.look_up(inside, name, followed));
                }
                followed.remove(&(module, number));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    /// Returns the arrows of a crate with these files, the first of which is its root.
    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let texts: BTreeMap<&Path, &str> =
            files.iter().map(|(path, text)| (Path::new(*path), *text)).collect();
        let text = |path: &Path| texts.get(path).map(|text| (*text).to_owned());
        let read = Crate::read_with(Path::new(files[0].0), &text).unwrap();
        read.arrows().iter().map(Arrow::to_string).collect()
    }

    #[test]
    fn arrows_follow_imports_and_paths() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "use crate::b::{One, self, inner::Two as Other}; fn f(x: b::Three) { super::b::four(); Other::new() }",
            ),
            ("b.rs", "pub struct One; pub struct Three; pub fn four() {} pub mod inner { pub struct Two; }"),
        ];
        assert_eq!(arrows(&files), ["a.rs -> b.rs: One, Three, Two, four"]);
    }

    #[test]
    fn arrows_go_to_the_module_that_defines_a_name_not_to_one_that_exports_it_again() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use b::Two as Renamed; pub use b::*;"),
            ("a.rs", "use crate::{One, Renamed};"),
            ("b/mod.rs", "mod c; pub use c::{One, Two};"),
            ("b/c.rs", "pub struct One; pub enum Two {}"),
        ];
        let expected = ["a.rs -> b/c.rs: One, Two", "b/mod.rs -> b/c.rs: One, Two", "lib.rs -> b/c.rs: Two"];
        assert_eq!(arrows(&files), expected);
    }

    #[test]
    fn arrows_go_to_the_module_that_hands_on_what_is_of_another_crate() {
        let files = [
            ("lib.rs", "mod a; pub use std::sync::Arc; use std::fmt;"),
            ("a.rs", "use std::fmt; use crate::Arc; fn f(x: Arc<()>) -> fmt::Result {}"),
        ];
        assert_eq!(arrows(&files), ["a.rs -> lib.rs: Arc"]);
    }

    #[test]
    fn arrows_through_a_glob_are_those_of_the_names_that_are_used() {
        let files = [
            ("lib.rs", "mod a; mod b; pub fn at_root() {} pub fn unused() {}"),
            ("a.rs", "use super::*; use b::*; fn f() { at_root(); used(); unknown(); }"),
            ("b.rs", "pub fn used() {} pub fn unused() {}"),
        ];
        assert_eq!(arrows(&files), ["a.rs -> b.rs: used", "a.rs -> lib.rs: at_root"]);
    }

    #[test]
    fn arrows_leave_out_what_is_compiled_for_tests_only() {
        let files = [
            (
                "lib.rs",
                "mod a; #[cfg(all(test, unix))] mod no_such_file; #[cfg(test)] use a::One;
                 #[cfg(test)] impl X { fn f() { a::two() } } impl Y { #[cfg(test)] fn f() { a::two() } } #[cfg(not(test))] fn g() { a::three() }",
            ),
            ("a.rs", "pub struct One; pub fn two() {} pub fn three() {}"),
        ];
        assert_eq!(arrows(&files), ["lib.rs -> a.rs: three"]);
    }

    #[test]
    fn arrows_come_from_macro_calls_and_attributes_too() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                r#"use crate::b; fn f() { println!("{} {}", b::one(), self.b::<T>().three()); }
                   #[derive(Serialize)] struct S { #[serde(with = "crate::b::two", default)] x: u8 }
                   macro_rules! m { () => { $crate::b::four() }; }"#,
            ),
            ("b.rs", "pub fn one() {} pub mod two {} pub fn three() {} pub fn four() {}"),
        ];
        assert_eq!(arrows(&files), ["a.rs -> b.rs: four, one"]);
    }

    #[test]
    fn arrows_tell_a_module_from_a_function_of_the_same_name() {
        let files = [
            ("lib.rs", "mod process; pub use process::process; mod user;"),
            ("process.rs", "pub fn process() {} pub struct Process;"),
            ("user.rs", "use crate::process; fn f() -> process::Process { process() }"),
        ];
        assert_eq!(
            arrows(&files),
            ["lib.rs -> process.rs: process", "user.rs -> process.rs: Process, process"]
        );
    }

    #[test]
    fn arrows_of_an_import_that_leads_back_to_itself_end() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub use crate::b::*;"),
            ("b.rs", "pub use crate::a::*; fn f() { x() }"),
        ];
        assert_eq!(arrows(&files), Vec::<String>::new());
    }

    #[test]
    fn arrows_need_every_file_of_a_module() {
        let text = |path: &Path| (path == Path::new("src/lib.rs")).then(|| "mod gone;".to_owned());
        let error = Crate::read_with(Path::new("src/lib.rs"), &text).unwrap_err();
        assert_eq!(error.to_string(), "src/lib.rs: no file for `mod gone;`");
        let text = |_: &Path| Some("mod {}".to_owned());
        let error = Crate::read_with(Path::new("src/lib.rs"), &text).unwrap_err();
        assert_eq!(error.to_string(), "src/lib.rs: expected identifier");
    }

    #[test]
    fn arrows_find_modules_where_a_path_says() {
        let files = [
            ("src/lib.rs", "#[path = \"other/name.rs\"] mod a; mod b { mod c; fn f() { super::a::one() } }"),
            ("src/other/name.rs", "pub fn one() { crate::b::c::two() }"),
            ("src/b/c.rs", "pub fn two() {}"),
        ];
        let expected = ["src/lib.rs -> src/other/name.rs: one", "src/other/name.rs -> src/b/c.rs: two"];
        assert_eq!(arrows(&files), expected);
    }
}
