//! Module circles: none in the workspace, and found where there is one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rulesync_architecture::{Circle, Crate, ReadError, circles};

#[test]
fn circles_of_modules_are_in_no_crate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let packages = packages(&root);
    assert!(
        packages.contains("crates/rulesync-core"),
        "the packages of the workspace are not found: {packages:?}"
    );
    let mut problems = Vec::new();
    for package in &packages {
        let circles = circles_of(&root.join(package)).unwrap();
        if !circles.is_empty() {
            let circles: Vec<String> = circles.iter().map(Circle::to_string).collect();
            problems.push(format!("{package} has circles:\n{}", circles.join("\n\n")));
        }
    }
    let problems = problems.join("\n\n").replace(&format!("{}/", root.display()), "");
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn circles_that_are_put_into_a_crate_are_found() {
    let package = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = package.path().join("src").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod queue;\nmod worker;\npub use queue::Queue;\n");
    write("queue.rs", "pub struct Queue;\npub(crate) const LENGTH: usize = 3;\n");
    write("worker.rs", "fn work(_: crate::Queue) -> usize { crate::queue::LENGTH }\nfn wait() {}\n");
    assert_eq!(circles_of(package.path()).unwrap(), []);

    write(
        "queue.rs",
        "pub struct Queue;\npub(crate) const LENGTH: usize = 3;\nfn end() { crate::worker::wait() }\n",
    );
    let circles = circles_of(package.path()).unwrap();
    let [circle] = &circles[..] else { panic!("{circles:?}") };
    let shown = circle.to_string().replace(&format!("{}/", package.path().display()), "");
    assert_eq!(
        shown,
        "src/queue.rs -> src/worker.rs: wait\n\
         src/worker.rs -> src/queue.rs: LENGTH, Queue"
    );
}

/// Returns the circles of a package's library and of its binaries.
fn circles_of(package: &Path) -> Result<Vec<Circle>, ReadError> {
    let mut found = Vec::new();
    for root in roots(package) {
        found.extend(circles(&Crate::read(&root)?.arrows()));
    }
    Ok(found)
}

fn roots(package: &Path) -> Vec<PathBuf> {
    let usual = ["src/lib.rs", "src/main.rs"].map(|root| package.join(root));
    let binaries = entries(&package.join("src/bin")).into_values().filter(|path| path.extension().is_some());
    usual.into_iter().filter(|root| root.is_file()).chain(binaries).collect()
}

/// Returns the directories of all packages that have sources, relative to the workspace's.
fn packages(root: &Path) -> BTreeSet<String> {
    let mut packages = BTreeSet::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for (name, path) in entries(&directory) {
            if !path.is_dir() || name.starts_with('.') || path.join("CACHEDIR.TAG").exists() {
                continue;
            }
            if path.join("Cargo.toml").is_file() && !roots(&path).is_empty() {
                let relative = path.strip_prefix(root).unwrap_or(&path);
                packages.insert(relative.to_string_lossy().into_owned());
            }
            waiting.push(path);
        }
    }
    packages
}

fn entries(directory: &Path) -> BTreeMap<String, PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return BTreeMap::new() };
    entries.flatten().map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect()
}
