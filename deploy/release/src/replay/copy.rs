//! Copies of files and directories, which keep the time of each file: Cargo builds again what seems to have changed.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Copies a file, with its mode and time.
pub(super) fn file(source: &Path, target: &Path) -> io::Result<()> {
    if let Some(directory) = target.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::copy(source, target)?;
    let modified = fs::metadata(source)?.modified()?;
    File::options().append(true).open(target)?.set_modified(modified)
}

/// Copies what is below a directory, but for the paths that `is_ignored` names, and returns whether there was anything.
pub(super) fn tree(source: &Path, target: &Path, is_ignored: &impl Fn(&str) -> bool) -> io::Result<bool> {
    let (mut waiting, mut is_copied) = (vec![String::new()], false);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(source.join(&directory))? {
            let entry = entry?;
            let name = entry.file_name().into_string().map_err(|name| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{name:?} is not in UTF-8"))
            })?;
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            // Something below an ignored directory may be an exception.
            if entry.file_type()?.is_dir() {
                waiting.push(path);
            } else if !is_ignored(&path) {
                file(&entry.path(), &target.join(&path))?;
                is_copied = true;
            }
        }
    }
    Ok(is_copied)
}
