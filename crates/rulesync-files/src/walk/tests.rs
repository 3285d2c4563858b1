//! Trees that lead in circles or are too large, and what a look finds in them.
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

fn found(tree: &TempDir, limits: Limits) -> (Vec<String>, Vec<String>) {
    let Found { files, troubles, hidden, .. } = walk(tree.path(), limits, &FileChoice::default()).unwrap();
    assert_eq!(troubles.is_empty(), hidden.is_empty());
    let root = tree.path().display().to_string();
    (
        files.keys().map(|path| shown(path)).collect(),
        troubles.iter().map(|trouble| trouble.replace(&root, "ROOT")).collect(),
    )
}

#[test]
fn directories_that_all_lead_to_each_other_are_looked_at_once() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let files = names.map(|name| format!("{name}/{name}.yaml"));
    let tree = tree(&files.each_ref().map(String::as_str));
    for from in names {
        for to in names.into_iter().filter(|to| *to != from) {
            symlink(format!("../{to}"), tree.path().join(from).join(format!("to-{to}"))).unwrap();
        }
    }
    // As many names as there are: whoever comes through a link again sees more.
    let limits = Limits { names: 8 + 8 * 8, ..LIMITS };
    assert_eq!(found(&tree, limits), (files.to_vec(), vec![]));
    assert_eq!(
        found(&tree, Limits { names: 71, ..LIMITS }).1,
        ["ROOT: holds more than 71 names, the others are not read"]
    );
}

#[test]
fn a_directory_is_preferred_to_a_link_and_the_first_link_to_others() {
    let tree = tree(&["rules/z/real.yaml", "elsewhere/deep/x.yaml", "elsewhere/y.yaml"]);
    let rules = tree.path().join("rules");
    symlink("z", rules.join("a")).unwrap();
    for name in ["m", "l"] {
        symlink("../elsewhere", rules.join(name)).unwrap();
    }
    // Below what `l` shows, and first by name.
    symlink("../elsewhere/deep", rules.join("k")).unwrap();
    // To the directories it stands in: nothing new, and nothing beside the root.
    symlink("..", rules.join("up")).unwrap();
    symlink("../..", rules.join("z/up")).unwrap();
    let look = walk(&rules, LIMITS, &FileChoice::default()).unwrap();
    let files: Vec<String> = look.files.keys().map(|path| shown(path)).collect();
    assert_eq!(files, ["k/x.yaml", "l/y.yaml", "z/real.yaml"]);
    assert_eq!(look.troubles, Vec::<String>::new());
}

#[test]
fn a_link_to_a_hidden_directory_is_followed() {
    // As git-sync has it, and Kubernetes for directories in a volume.
    let tree = tree(&[".worktrees/5f3a/sub/a.yaml", "..data/b.yaml"]);
    symlink(".worktrees/5f3a", tree.path().join("current")).unwrap();
    symlink("..data/b.yaml", tree.path().join("b.yaml")).unwrap();
    assert_eq!(found(&tree, LIMITS), (vec!["b.yaml".to_owned(), "current/sub/a.yaml".to_owned()], vec![]));
}

#[test]
fn what_is_beyond_a_limit_is_told() {
    let tree = tree(&["a/b/c/deep.yaml", "a/b/flat.yaml", "one.yaml", "README"]);
    let all = ["a/b/c/deep.yaml", "a/b/flat.yaml", "one.yaml"].map(str::to_owned).to_vec();
    let just = Limits { depth: 4, names: 7, files: 3, bytes: 18 };
    assert_eq!(found(&tree, just), (all, vec![]));

    let (files, troubles) = found(&tree, Limits { depth: 3, ..just });
    assert_eq!(files, ["a/b/flat.yaml", "one.yaml"]);
    assert_eq!(troubles, ["a/b/c: is more than 2 directories deep"]);
    let (files, troubles) = found(&tree, Limits { files: 2, ..just });
    assert_eq!(files.len(), 2);
    assert_eq!(troubles, ["ROOT: holds more than 2 rule files, the others are not read"]);
    let (files, troubles) = found(&tree, Limits { bytes: 17, ..just });
    assert_eq!(files.len(), 2);
    assert_eq!(troubles, ["ROOT: holds more than 0 MiB of rule files, the others are not read"]);
}

#[test]
fn many_troubles_are_counted() {
    let tree = tree(&[]);
    for number in 0..12 {
        let name = format!("circle-{number:02}.yaml");
        symlink(&name, tree.path().join(&name)).unwrap();
    }
    let (_, troubles) = found(&tree, LIMITS);
    assert_eq!(troubles.len(), 6);
    assert_eq!(troubles[5], "and 7 more");
}
