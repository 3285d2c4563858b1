//! Every citation of `docs/contracts` in the code names a section that exists.

use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The Rust sources below a directory, as text with comments that run on in one line.
fn sources(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines =
                text.lines().map(|line| line.trim_start().trim_start_matches(['/', '!']).trim_start());
            found.push((path.display().to_string(), lines.collect::<Vec<_>>().join(" ")));
        }
    }
}

/// The number or the quoted title after the name of a page.
fn section(after: &str) -> Option<&str> {
    let cited = after.trim_start_matches([',', ' ']);
    if let Some(title) = cited.strip_prefix('"') {
        return title.split_once('"').map(|(title, _)| title);
    }
    let end = cited.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(cited.len());
    Some(cited[..end].trim_end_matches('.')).filter(|number| !number.is_empty())
}

/// A heading's title is cited, or the number that it begins with.
fn has_section(page: &str, cited: &str) -> bool {
    let mut headings = page.lines().filter(|line| line.starts_with('#'));
    headings.any(|line| {
        let title = line.trim_start_matches(['#', ' ']);
        title == cited || title.split(' ').next().map(|number| number.trim_end_matches('.')) == Some(cited)
    })
}

#[test]
fn cited_sections_of_contracts_exist() {
    let mut found = Vec::new();
    for directory in ["crates", "bins", "examples"] {
        sources(&Path::new(ROOT).join(directory), &mut found);
    }
    let mut citations = 0;
    for (file, text) in &found {
        for name in ["ruler-api.md", "observed.md"] {
            let page = fs::read_to_string(Path::new(ROOT).join("docs/contracts").join(name)).unwrap();
            for (at, _) in text.match_indices(name) {
                assert!(text[..at].ends_with("docs/contracts/"), "{file} cites {name} without its directory");
                let cited = section(&text[at + name.len()..]);
                let cited = cited.unwrap_or_else(|| panic!("{file} cites no section of {name}"));
                assert!(has_section(&page, cited), "{file} cites {cited:?}, which {name} does not have");
                citations += 1;
            }
        }
    }
    assert!(citations > 15, "only {citations} found");
}
