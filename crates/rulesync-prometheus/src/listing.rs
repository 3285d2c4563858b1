//! Reads the rule files into a [`Listing`], in chunks.

use rulesync_core::model::Fingerprint;
use rulesync_core::{Listing, RulerError};

use crate::batch::blocking;
use crate::directory::{Directory, FileState};
use crate::rule_file::parse;

/// The number of files that are read before their groups are added.
const CHUNK_FILES: usize = 64;

/// Adds the groups of all owned files. Files of foreign namespaces are not read.
pub(crate) async fn list(directory: &Directory, listing: &mut Listing<'_>) -> Result<(), RulerError> {
    let reading = directory.clone();
    let mut namespaces = blocking(move || reading.namespaces()).await?;
    namespaces.retain(|namespace| listing.wants(namespace));
    for some in namespaces.chunks(CHUNK_FILES) {
        let (reading, some) = (directory.clone(), some.to_vec());
        let read = move || {
            let file = |namespace: String| reading.read(&namespace).map(|state| (namespace, state));
            some.into_iter().map(file).collect::<Result<Vec<_>, RulerError>>()
        };
        for (namespace, state) in blocking(read).await? {
            if let FileState::Owned(text) = state {
                add(listing, &namespace, &text);
            }
        }
    }
    Ok(())
}

fn add(listing: &mut Listing<'_>, namespace: &str, text: &[u8]) {
    let document = Fingerprint::of_bytes(text);
    if listing.unchanged(namespace, document) {
        return;
    }
    match parse(text) {
        Ok(groups) => {
            groups.iter().for_each(|group| listing.add(namespace, group));
            listing.read_from(namespace, document);
        }
        Err(error) => {
            for group in group_names(text) {
                listing.unreadable(namespace, &group, error.to_string());
            }
        }
    }
}

/// The placeholder for the groups of a file without recognizable groups: the listing must show that something exists.
const UNKNOWN: &str = "?";

/// The recognizable names of groups in a damaged file.
fn group_names(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let name = |line: &str| {
        let name = line.strip_prefix("  - name:").or_else(|| line.strip_prefix("- name:"))?.trim();
        Some(name.trim_matches(['"', '\'']).to_owned()).filter(|name| !name.is_empty())
    };
    let names: Vec<String> = text.lines().filter_map(name).collect();
    if names.is_empty() { vec![UNKNOWN.to_owned()] } else { names }
}

#[cfg(test)]
mod tests {
    use rulesync_core::naming::NamespaceClass;
    use rulesync_core::ruler::StoredFields;
    use rulesync_core::testing::Observed;

    use super::*;
    use crate::rule_file::MARK;

    #[tokio::test]
    async fn list_contains_owned_files_only_including_damaged_ones() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Directory::new(temporary.path().to_owned());
        let write = |name: &str, text: &str| std::fs::write(temporary.path().join(name), text).unwrap();
        for index in 0..CHUNK_FILES * 2 {
            write(&format!("us.{index}.yaml"), &format!("{MARK}groups:\n- name: g\n  rules: []\n"));
        }
        write("us.foreign.yaml", "groups:\n- name: g\n  rules: []\n");
        write("other.yaml", &format!("{MARK}groups:\n- name: g\n  rules: []\n"));
        write("us.damaged.yaml", &format!("{MARK}groups:\n- name: g\n  rules: [\n- name: \"h\"\n"));
        write("us.ruined.yaml", &format!("{MARK}\u{0}"));
        let class = |name: &str| {
            if name.starts_with("us.") { NamespaceClass::Managed } else { NamespaceClass::Foreign }
        };
        let nothing = Observed::default();
        let mut listing = Listing::new(StoredFields::ALL, &class, &nothing);
        list(&directory, &mut listing).await.unwrap();
        let mut unreadable: Vec<String> =
            listing.unreadable_groups().iter().map(ToString::to_string).collect();
        unreadable.sort_unstable();
        assert_eq!(unreadable, ["us.damaged/g", "us.damaged/h", "us.ruined/?"]);
        assert_eq!(listing.foreign_namespaces(), 1);
        let first = listing.into_observed();
        assert_eq!(first.groups(), CHUNK_FILES * 2 + 3);
        assert!(!first.has_namespace("us.foreign"));
        let mut again = Listing::new(StoredFields::ALL, &class, &first);
        list(&directory, &mut again).await.unwrap();
        assert_eq!(again.into_observed(), first);
    }
}
