//! `ARCHITECTURE.md` names functions and files that exist.

use std::fs;
use std::path::Path;

#[test]
fn walk_names_functions_of_the_files_beside_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let (_, walk) = text.split_once("## The way of one rule").unwrap();
    let (walk, _) = walk.split_once("\n## ").unwrap();
    let rows: Vec<Vec<&str>> = walk
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains(".rs`"))
        .map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect();
    assert!(rows.len() > 20, "{rows:?}");
    for row in rows {
        let (function, file) = (row[2], row[3]);
        let source = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let defines = ["(", "<"].iter().any(|next| source.contains(&format!("fn {function}{next}")));
        assert!(defines, "{file} defines no function `{function}`");
    }
}
