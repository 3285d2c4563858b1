//! Tests of walks over trees with circular links and trees that exceed limits.
#![cfg(unix)]

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

fn tree(files: &[&str]) -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    for file in files {
        let path = tree.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "123456").unwrap();
    }
    tree
}

fn list(tree: &TempDir, limits: Limits) -> (Vec<String>, Vec<String>) {
    let Listing { files, errors, unreadable, .. } =
        walk(tree.path(), limits, &FileFilter::default()).unwrap();
    assert_eq!(errors.is_empty(), unreadable.is_empty());
    let root = tree.path().display().to_string();
    (
        files.keys().map(|path| display_path(path)).collect(),
        errors.iter().map(|error| error.replace(&root, "ROOT")).collect(),
    )
}

#[test]
fn walk_visits_linked_directories_once() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let files = names.map(|name| format!("{name}/{name}.yaml"));
    let tree = tree(&files.each_ref().map(String::as_str));
    for from in names {
        for to in names.into_iter().filter(|to| *to != from) {
            symlink(format!("../{to}"), tree.path().join(from).join(format!("to-{to}"))).unwrap();
        }
    }
    // Exactly the number of names: visiting a directory twice would exceed it.
    let limits = Limits { names: 8 + 8 * 8, ..LIMITS };
    assert_eq!(list(&tree, limits), (files.to_vec(), vec![]));
    assert_eq!(
        list(&tree, Limits { names: 71, ..LIMITS }).1,
        ["ROOT: holds more than 71 names, the others are not read"]
    );
}

#[test]
fn walk_prefers_directory_to_link_and_first_link_by_name() {
    let tree = tree(&["rules/z/real.yaml", "elsewhere/deep/x.yaml", "elsewhere/y.yaml"]);
    let rules = tree.path().join("rules");
    symlink("z", rules.join("a")).unwrap();
    for name in ["m", "l"] {
        symlink("../elsewhere", rules.join(name)).unwrap();
    }
    // Below the target of `l`, and first by name.
    symlink("../elsewhere/deep", rules.join("k")).unwrap();
    // Links to ancestors: no new files, and none outside of the root.
    symlink("..", rules.join("up")).unwrap();
    symlink("../..", rules.join("z/up")).unwrap();
    let listing = walk(&rules, LIMITS, &FileFilter::default()).unwrap();
    let files: Vec<String> = listing.files.keys().map(|path| display_path(path)).collect();
    assert_eq!(files, ["k/x.yaml", "l/y.yaml", "z/real.yaml"]);
    assert_eq!(listing.errors, Vec::<String>::new());
}

#[test]
fn walk_follows_link_to_hidden_directory() {
    // As created by git-sync, and by Kubernetes for directories in a volume.
    let tree = tree(&[".worktrees/5f3a/sub/a.yaml", "..data/b.yaml"]);
    symlink(".worktrees/5f3a", tree.path().join("current")).unwrap();
    symlink("..data/b.yaml", tree.path().join("b.yaml")).unwrap();
    assert_eq!(list(&tree, LIMITS), (vec!["b.yaml".to_owned(), "current/sub/a.yaml".to_owned()], vec![]));
}

#[test]
fn walk_reports_exceeded_limits() {
    let tree = tree(&["a/b/c/deep.yaml", "a/b/flat.yaml", "one.yaml", "README"]);
    let all = ["a/b/c/deep.yaml", "a/b/flat.yaml", "one.yaml"].map(str::to_owned).to_vec();
    let just = Limits { depth: 4, names: 7, files: 3, bytes: 18 };
    assert_eq!(list(&tree, just), (all, vec![]));

    let (files, errors) = list(&tree, Limits { depth: 3, ..just });
    assert_eq!(files, ["a/b/flat.yaml", "one.yaml"]);
    assert_eq!(errors, ["a/b/c: is more than 2 directories deep"]);
    let (files, errors) = list(&tree, Limits { files: 2, ..just });
    assert_eq!(files.len(), 2);
    assert_eq!(errors, ["ROOT: holds more than 2 rule files, the others are not read"]);
    let (files, errors) = list(&tree, Limits { bytes: 17, ..just });
    assert_eq!(files.len(), 2);
    assert_eq!(errors, ["ROOT: holds more than 0 MiB of rule files, the others are not read"]);
}

#[test]
fn walk_counts_errors_beyond_the_first_five() {
    let tree = tree(&[]);
    for number in 0..12 {
        let name = format!("circle-{number:02}.yaml");
        symlink(&name, tree.path().join(&name)).unwrap();
    }
    let (_, errors) = list(&tree, LIMITS);
    assert_eq!(errors.len(), 6);
    assert_eq!(errors[5], "and 7 more");
}
