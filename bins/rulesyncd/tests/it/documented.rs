//! The commands with the daemon that the documentation shows have flags that exist.

use std::path::Path;
use std::process::Command;

use rulesync_testkit::transcript::{commands, documents};

/// Returns the flags of the daemon in a command.
fn flags(line: &str) -> Vec<&str> {
    let line = line.split(" #").next().unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    // `cargo run -p rulesyncd -- FLAGS`, too.
    let after = |name: &str| words.iter().position(|word| *word == name);
    let begin = after("--").filter(|_| words.contains(&"rulesyncd")).or_else(|| {
        words.first().filter(|word| **word == "rulesyncd" || word.ends_with("/rulesyncd")).map(|_| 0)
    });
    let flags = begin.map_or(&[][..], |begin| &words[begin + 1..]).iter();
    flags
        .filter(|word| word.starts_with("--"))
        .map(|flag| flag.split('=').next().unwrap_or_default())
        .collect()
}

#[test]
fn documented_flags_exist() {
    let shown = Command::new(env!("CARGO_BIN_EXE_rulesyncd")).arg("--help").output().unwrap();
    let help = String::from_utf8(shown.stdout).unwrap();
    let known: Vec<&str> = help
        .split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '.'))
        .map(|word| word.trim_end_matches('.'))
        .collect();
    let (mut problems, mut checked) = (Vec::new(), 0);
    for document in documents(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap() {
        for line in commands(&std::fs::read_to_string(&document).unwrap()) {
            for flag in flags(&line) {
                checked += 1;
                if !known.contains(&flag) {
                    problems.push(format!("{}: no flag {flag}: {line}", document.display()));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(checked > 15, "{checked} flags were found");
}

#[test]
fn documented_flags_are_found() {
    assert_eq!(flags("rulesyncd --config FILE --once   # --not"), ["--config", "--once"]);
    assert_eq!(flags("cargo run -p rulesyncd -- --config=x"), ["--config"]);
    assert_eq!(flags("cargo build --release -p rulesyncd"), [""; 0]);
}
