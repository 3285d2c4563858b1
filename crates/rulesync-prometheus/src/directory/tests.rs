use rulesync_core::ruler::RulerErrorKind;
use std::collections::BTreeMap;

use super::*;

fn directory() -> (tempfile::TempDir, Directory) {
    let temporary = tempfile::tempdir().unwrap();
    let directory = Directory::new(temporary.path().to_owned());
    (temporary, directory)
}

fn files(directory: &Directory) -> BTreeMap<String, String> {
    let names = directory.file_names().unwrap();
    let text = |name: &String| fs::read_to_string(directory.path.join(name)).unwrap();
    names.iter().map(|name| (name.clone(), text(name))).collect()
}

fn marked(text: &str) -> String {
    format!("{MARK}{text}")
}

#[test]
fn stage_can_be_kept_or_reverted() {
    let (_temporary, directory) = directory();
    for (before, after) in
        [(None, Some("new")), (Some("old"), Some("new")), (Some("old"), None), (None, None)]
    {
        for keep in [true, false] {
            let live = directory.live("a/b");
            ignore_not_found(fs::remove_file(&live)).unwrap();
            if let Some(before) = before {
                fs::write(&live, marked(before)).unwrap();
            }
            directory.stage("a/b", after.map(marked).as_deref()).unwrap();
            assert_eq!(fs::read_to_string(&live).ok(), after.map(marked), "what the server reads");
            if keep { directory.keep("a/b") } else { directory.restore("a/b") }.unwrap();
            let expected = if keep { after } else { before };
            assert_eq!(
                files(&directory).into_values().collect::<Vec<_>>(),
                Vec::from_iter(expected.map(marked))
            );
        }
    }
}

#[test]
fn recover_reverts_incomplete_changes() {
    let (_temporary, directory) = directory();
    fs::write(directory.live("changed"), marked("old")).unwrap();
    fs::write(directory.live("removed"), marked("old")).unwrap();
    fs::write(directory.live("untouched"), marked("same")).unwrap();
    let before = files(&directory);
    directory.stage("changed", Some(&marked("new"))).unwrap();
    directory.stage("removed", None).unwrap();
    directory.stage("created", Some(&marked("new"))).unwrap();
    // Interrupted while the new file was being written.
    fs::write(directory.beside("torn", NEW), &MARK[..7]).unwrap();
    // Interrupted after the link was created.
    fs::hard_link(directory.live("untouched"), directory.beside("untouched", OLD)).unwrap();
    assert!(directory.recover().unwrap());
    assert_eq!(files(&directory), before);
    assert!(!directory.recover().unwrap());
}

#[test]
fn foreign_files_are_not_changed() {
    let (_temporary, directory) = directory();
    fs::write(directory.live("foreign"), "groups: []\n").unwrap();
    fs::write(directory.beside("foreign", OLD), "foreign backup").unwrap();
    fs::write(directory.beside("foreign", NEW), "foreign draft").unwrap();
    fs::create_dir(directory.live("folder")).unwrap();
    fs::create_dir(directory.beside("folder", OLD)).unwrap();
    let before = directory.file_names().unwrap().len();
    assert_eq!(directory.read("foreign").unwrap(), FileState::Foreign);
    assert_eq!(directory.read("folder").unwrap(), FileState::Foreign);
    assert_eq!(directory.read("none").unwrap(), FileState::Missing);
    assert_eq!(directory.stage("foreign", None).unwrap_err().kind().as_str(), "protected");
    assert!(!directory.recover().unwrap());
    assert_eq!(directory.file_names().unwrap().len(), before);
    assert_eq!(fs::read_to_string(directory.live("foreign")).unwrap(), "groups: []\n");
}

#[cfg(unix)]
#[test]
fn read_does_not_follow_links() {
    let (_temporary, directory) = directory();
    let target = directory.path.join("target");
    fs::write(&target, marked("rules")).unwrap();
    std::os::unix::fs::symlink(&target, directory.live("link")).unwrap();
    assert_eq!(directory.read("link").unwrap(), FileState::Foreign);
}

#[test]
fn lock_is_exclusive_and_detects_crash() {
    let (_temporary, directory) = directory();
    let (mut lock, busy) = directory.lock().unwrap().unwrap();
    assert!(!busy);
    assert!(directory.lock().unwrap().is_none());
    lock.set_busy(true);
    drop(lock);
    let (mut lock, busy) = directory.lock().unwrap().unwrap();
    assert!(busy);
    lock.set_busy(false);
    drop(lock);
    assert!(!directory.lock().unwrap().unwrap().1);
    let missing = Directory::new("/nonexistent/rules".into());
    assert_eq!(missing.lock().unwrap_err().kind().as_str(), "misconfigured");
    assert_eq!(missing.namespaces().unwrap_err().kind().as_str(), "misconfigured");
}

#[cfg(unix)]
#[test]
fn lock_rejects_links_and_special_files() {
    let (_temporary, directory) = directory();
    let (lock, foreign) = (directory.path.join(LOCK), directory.path.join("foreign"));
    fs::write(&foreign, "precious").unwrap();
    let assert_rejected = |reason: &str| {
        let Err(error) = directory.lock() else { panic!("{reason}") };
        assert_eq!(error.kind(), RulerErrorKind::Misconfigured);
        let message = error.message();
        assert!(message.starts_with(&format!("{}: {reason}", lock.display())), "{message}");
        fs::remove_file(&lock).unwrap();
    };
    std::os::unix::fs::symlink(&foreign, &lock).unwrap();
    assert_rejected("it is a symbolic link");
    std::os::unix::fs::symlink(directory.path.join("nowhere"), &lock).unwrap();
    assert_rejected("it is a symbolic link");
    fs::hard_link(&foreign, &lock).unwrap();
    assert_rejected("the file has other names");
    assert!(std::process::Command::new("mkfifo").arg(&lock).status().unwrap().success());
    assert_rejected("it is a pipe");
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "precious");
    assert!(!directory.path.join("nowhere").exists());
    let (mut lock, _) = directory.lock().unwrap().unwrap();
    lock.set_busy(true);
}

#[test]
fn read_rejects_too_large_file() {
    let (_temporary, directory) = directory();
    fs::write(directory.live("huge"), marked("groups: []\n")).unwrap();
    // A sparse file.
    OpenOptions::new().write(true).open(directory.live("huge")).unwrap().set_len(1 << 40).unwrap();
    let error = directory.read("huge").unwrap_err();
    assert_eq!(error.kind().as_str(), "unavailable");
    assert!(error.to_string().contains("huge.yaml: the file is larger than 256 MiB"), "{error}");
}
