//! The documentation: links lead somewhere, every page is in the book, metrics and alerts are described.

mod metrics;
mod runbooks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Pages that other pages link to and that have yet to be written. Whoever writes one takes it off the list.
const RESERVED: [&str; 0] = [];

/// Documents that stand outside of the book.
const OUTSIDE: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/// Where pages of the book link to files of the repository that are not in the book.
const REPOSITORY: &str = "https://github.com/rulesync/rulesync/blob/main/";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap_or_default()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// Returns the files below a directory with this extension, relative to the root.
fn files(directory: &str, extension: &str) -> BTreeSet<String> {
    let (root, mut found) = (root(), BTreeSet::new());
    let mut waiting = vec![root.join(directory)];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.insert(path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned());
            }
        }
    }
    found
}

/// Returns the text of a document without its code.
fn prose(text: &str) -> String {
    let mut in_block = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !fence && !in_block
    });
    let lines: Vec<String> = lines
        .map(|line| {
            line.split('`').enumerate().filter(|(part, _)| part % 2 == 0).map(|(_, text)| text).collect()
        })
        .collect();
    lines.join("\n")
}

/// Returns the targets of the links of a document.
fn links(text: &str) -> Vec<String> {
    let targets = prose(text);
    let targets = targets.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).filter(|target| !target.is_empty()).collect()
}

/// Returns the anchors of a document's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut in_block = false;
    let headings = text.lines().filter(|line| {
        in_block ^= line.starts_with("```");
        !in_block && line.starts_with('#')
    });
    let anchor = |heading: &str| {
        let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let text = heading.trim_start_matches('#').trim();
        text.chars().filter(|c| kept(*c)).collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// Resolves `target` as a file that `document` links to.
fn linked(document: &str, target: &str) -> String {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn is_elsewhere(target: &str) -> bool {
    target.starts_with("https://") || target.starts_with("http://") || target.starts_with("mailto:")
}

#[test]
fn links_lead_to_files_and_headings() {
    let documents: BTreeSet<String> =
        files("docs", "md").into_iter().chain(OUTSIDE.map(str::to_owned)).collect();
    let texts: BTreeMap<&str, String> =
        documents.iter().map(|document| (&**document, read(document))).collect();
    let mut problems = Vec::new();
    for (document, text) in &texts {
        for target in links(text) {
            if is_elsewhere(&target) && !target.starts_with(REPOSITORY) {
                continue;
            }
            let (path, anchor) =
                target.split_once('#').map_or((&*target, None), |(path, anchor)| (path, Some(anchor)));
            let file = match path.strip_prefix(REPOSITORY) {
                Some(file) => file.to_owned(),
                None if path.is_empty() => (*document).to_owned(),
                None => linked(document, path),
            };
            if RESERVED.contains(&&*file) {
                continue;
            }
            let has = |anchor: &str| texts.get(&*file).is_some_and(|text| anchors(text).contains(anchor));
            if !root().join(&file).exists() || anchor.is_some_and(|anchor| !has(anchor)) {
                problems.push(format!("{document}: {target}"));
            }
        }
    }
    for page in RESERVED.iter().filter(|page| root().join(page).exists()) {
        problems.push(format!("{page} is written: take it off the list"));
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn pages_are_in_the_summary() {
    let summary = read("docs/SUMMARY.md");
    let listed: BTreeSet<String> =
        links(&summary).iter().map(|target| linked("docs/SUMMARY.md", target)).collect();
    let mut pages = files("docs", "md");
    pages.remove("docs/SUMMARY.md");
    assert_eq!(listed, pages);
}

/// Returns the names of all functions, those of tests among them.
fn functions() -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    for file in ["crates", "bins", "tests"].into_iter().flat_map(|directory| files(directory, "rs")) {
        let text = read(&file);
        let names = text.split("fn ").skip(1).filter_map(|rest| rest.split_once('('));
        functions.extend(names.map(|(name, _)| name.to_owned()));
    }
    functions
}

#[test]
fn statements_about_security_name_tests_that_exist() {
    let (functions, page) = (functions(), read("docs/operations/security.md"));
    // Names of tests are sentences; other code on the page has fewer words.
    let is_test = |code: &&str| {
        code.matches('_').count() >= 3 && code.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let tests: Vec<&str> = page.split('`').skip(1).step_by(2).filter(is_test).collect();
    assert!(tests.len() > 25, "the tests are not found: {tests:?}");
    let unknown: Vec<&&str> = tests.iter().filter(|test| !functions.contains(**test)).collect();
    assert!(unknown.is_empty(), "docs/operations/security.md names tests that do not exist: {unknown:?}");
}

#[test]
fn invariants_name_tests_that_exist() {
    let functions = functions();
    let page = read("ARCHITECTURE.md");
    let invariants = page.split_once("## Invariants").and_then(|(_, rest)| rest.split_once("\n## "));
    let rows = invariants
        .map(|(table, _)| table.lines().filter(|line| line.starts_with("| ")))
        .into_iter()
        .flatten();
    let tests: Vec<&str> = rows
        .filter_map(|row| row.trim_end_matches('|').rsplit('|').next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert!(tests.len() > 20, "the table of invariants is not found: {tests:?}");
    let unknown: Vec<&&str> = tests.iter().filter(|test| !functions.contains(**test)).collect();
    assert!(unknown.is_empty(), "ARCHITECTURE.md names tests that do not exist: {unknown:?}");
}

/// Returns the values of an attribute in HTML.
fn attributes(html: &str, name: &str) -> BTreeSet<String> {
    let attribute = format!(" {name}=\"");
    let values = html.split(&attribute).skip(1).filter_map(|rest| rest.split_once('"'));
    values.map(|(value, _)| value.replace("&amp;", "&")).collect()
}

#[test]
#[ignore = "needs RULESYNC_BOOK, the directory of the built book"]
fn links_of_the_book_lead_to_pages() {
    let book = PathBuf::from(std::env::var_os("RULESYNC_BOOK").unwrap_or_default());
    let directory = book.to_string_lossy().into_owned();
    let pages = files(&directory, "html");
    assert!(pages.iter().any(|page| page.ends_with("introduction.html")), "no book in {directory:?}");
    let reserved: Vec<String> =
        RESERVED.iter().map(|page| page.replace("docs/", "").replace(".md", ".html")).collect();
    let mut problems = Vec::new();
    for page in &pages {
        let html = read(page);
        // The page of errors is served for any address.
        if page.ends_with("404.html") {
            continue;
        }
        for target in attributes(&html, "href").union(&attributes(&html, "src")) {
            if is_elsewhere(target) || target.starts_with("javascript:") || target.starts_with("data:") {
                continue;
            }
            let (path, anchor) =
                target.split_once('#').map_or((&**target, None), |(path, anchor)| (path, Some(anchor)));
            let file = if path.is_empty() { page.clone() } else { linked(page, path) };
            let lacks = |anchor: &str| !anchor.is_empty() && !attributes(&read(&file), "id").contains(anchor);
            let is_missing = !root().join(&file).exists() || anchor.is_some_and(lacks);
            if is_missing && !reserved.iter().any(|page| file.ends_with(page)) {
                problems.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
