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
fn a_change_is_kept_or_taken_back() {
    let (_temporary, directory) = directory();
    for (before, after) in
        [(None, Some("new")), (Some("old"), Some("new")), (Some("old"), None), (None, None)]
    {
        for keep in [true, false] {
            let live = directory.live("a/b");
            gone(fs::remove_file(&live)).unwrap();
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
fn what_a_crash_left_is_taken_back() {
    let (_temporary, directory) = directory();
    fs::write(directory.live("changed"), marked("old")).unwrap();
    fs::write(directory.live("removed"), marked("old")).unwrap();
    fs::write(directory.live("untouched"), marked("same")).unwrap();
    let before = files(&directory);
    directory.stage("changed", Some(&marked("new"))).unwrap();
    directory.stage("removed", None).unwrap();
    directory.stage("created", Some(&marked("new"))).unwrap();
    // Broken off while it was being written, before anything else happened.
    fs::write(directory.beside("torn", NEW), &MARK[..7]).unwrap();
    // Broken off after the link was made.
    fs::hard_link(directory.live("untouched"), directory.beside("untouched", OLD)).unwrap();
    assert!(directory.recover().unwrap());
    assert_eq!(files(&directory), before);
    assert!(!directory.recover().unwrap());
}

#[test]
fn foreign_files_are_left_alone() {
    let (_temporary, directory) = directory();
    fs::write(directory.live("theirs"), "groups: []\n").unwrap();
    fs::write(directory.beside("theirs", OLD), "their backup").unwrap();
    fs::write(directory.beside("theirs", NEW), "their draft").unwrap();
    fs::create_dir(directory.live("folder")).unwrap();
    fs::create_dir(directory.beside("folder", OLD)).unwrap();
    let before = directory.file_names().unwrap().len();
    assert_eq!(directory.read("theirs").unwrap(), Held::Foreign);
    assert_eq!(directory.read("folder").unwrap(), Held::Foreign);
    assert_eq!(directory.read("none").unwrap(), Held::Nothing);
    assert_eq!(directory.stage("theirs", None).unwrap_err().class(), "protected");
    assert!(!directory.recover().unwrap());
    assert_eq!(directory.file_names().unwrap().len(), before);
    assert_eq!(fs::read_to_string(directory.live("theirs")).unwrap(), "groups: []\n");
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let (_temporary, directory) = directory();
    let target = directory.path.join("target");
    fs::write(&target, marked("ours?")).unwrap();
    std::os::unix::fs::symlink(&target, directory.live("link")).unwrap();
    assert_eq!(directory.read("link").unwrap(), Held::Foreign);
}

#[test]
fn one_at_a_time_and_a_crash_shows() {
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
    assert_eq!(missing.lock().unwrap_err().class(), "misconfigured");
    assert_eq!(missing.namespaces().unwrap_err().class(), "misconfigured");
}

#[cfg(unix)]
#[test]
fn a_lock_that_leads_to_another_file_is_refused() {
    let (_temporary, directory) = directory();
    let (lock, theirs) = (directory.path.join(LOCK), directory.path.join("theirs"));
    fs::write(&theirs, "precious").unwrap();
    let refused = |reason: &str| {
        let Err(RulerError::Misconfigured { message }) = directory.lock() else { panic!("{reason}") };
        assert!(message.starts_with(&format!("{}: {reason}", lock.display())), "{message}");
        fs::remove_file(&lock).unwrap();
    };
    std::os::unix::fs::symlink(&theirs, &lock).unwrap();
    refused("it is a symbolic link");
    std::os::unix::fs::symlink(directory.path.join("nowhere"), &lock).unwrap();
    refused("it is a symbolic link");
    fs::hard_link(&theirs, &lock).unwrap();
    refused("the file has other names");
    assert!(std::process::Command::new("mkfifo").arg(&lock).status().unwrap().success());
    refused("it is a pipe");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "precious");
    assert!(!directory.path.join("nowhere").exists());
    let (mut lock, _) = directory.lock().unwrap().unwrap();
    lock.set_busy(true);
}

#[test]
fn a_file_of_ours_that_has_grown_beyond_measure_is_not_read() {
    let (_temporary, directory) = directory();
    fs::write(directory.live("huge"), marked("groups: []\n")).unwrap();
    // Without content: it takes no space.
    OpenOptions::new().write(true).open(directory.live("huge")).unwrap().set_len(1 << 40).unwrap();
    let error = directory.read("huge").unwrap_err();
    assert_eq!(error.class(), "unavailable");
    assert!(error.to_string().contains("huge.yaml: the file is larger than 256 MiB"), "{error}");
}
