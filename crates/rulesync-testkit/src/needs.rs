//! Values from the environment that some tests need: such a test is `#[ignore = "needs VARIABLE…"]`, and fails with an
//! explanation where it is run without the variable. `CONTRIBUTING.md` lists them.
#![expect(clippy::panic, reason = "a test that lacks what it needs fails, and says why")]

use std::{env, path::PathBuf};

/// The directory that contains the corpus of public rules.
const SHARED: &str = "RULESYNC_SHARED";

/// Returns the value of a variable.
///
/// # Panics
/// If it is not set, or empty.
pub fn variable(name: &str) -> String {
    match env::var(name) {
        Ok(value) if !value.is_empty() => value,
        _ => panic!("this test needs {name}; CONTRIBUTING.md says what it is for"),
    }
}

/// Returns the directory of the corpus of public rules, which `RULESYNC_SHARED` contains.
///
/// # Panics
/// If the variable is not set, or there is no corpus.
pub fn corpus() -> PathBuf {
    let corpus = PathBuf::from(variable(SHARED)).join("corpus");
    assert!(corpus.is_dir(), "{SHARED} must be the absolute path of a directory with the corpus: {corpus:?}");
    corpus
}
