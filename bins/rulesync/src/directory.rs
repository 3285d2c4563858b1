//! Files that are written into a directory: nothing outside of it is touched, whatever links are in it.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use rulesync_core::finding::Printable;

use crate::failure::Failure;
use crate::stdout::print;

/// Writes files by name into a directory, which is made if need be, and prints the name of each. A file that is there is
/// replaced as a whole, and so is a link.
pub(crate) fn write_files(
    directory: &Path,
    files: impl Iterator<Item = (String, String)>,
) -> Result<ExitCode, Failure> {
    let mut printed = Ok(ExitCode::SUCCESS);
    std::fs::create_dir_all(directory).map_err(|error| Failure::write(directory, error))?;
    for (name, text) in files {
        let path = directory.join(&name);
        if name.contains('/') {
            let reason = std::io::Error::other("a name with a slash leads out of the directory");
            return Err(Failure::write(&path, reason));
        }
        write_file(directory, &path, &text).map_err(|error| Failure::write(&path, error))?;
        // All files are written, also if nobody reads their names any more.
        printed = printed.and_then(|_| print(&format!("{}\n", Printable(path.display()))));
    }
    printed
}

fn write_file(directory: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    let mut file =
        tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
