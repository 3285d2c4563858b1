//! From files to a [`Listing`], some at a time.

use rulesync_core::{Fingerprint, Listing, RulerError};

use crate::batch::blocking;
use crate::directory::{Directory, Held};
use crate::rule_file::parse;

/// So many files are read before their groups are handed over.
const AT_ONCE: usize = 64;

/// Hands the groups of all files of ours over. Those of foreign namespaces are not read.
pub(crate) async fn list(directory: &Directory, listing: &mut Listing<'_>) -> Result<(), RulerError> {
    let reading = directory.clone();
    let mut namespaces = blocking(move || reading.namespaces()).await?;
    namespaces.retain(|namespace| listing.wants(namespace));
    for some in namespaces.chunks(AT_ONCE) {
        let (reading, some) = (directory.clone(), some.to_vec());
        let read = move || {
            let file = |namespace: String| reading.read(&namespace).map(|held| (namespace, held));
            some.into_iter().map(file).collect::<Result<Vec<_>, RulerError>>()
        };
        for (namespace, held) in blocking(read).await? {
            if let Held::Ours(text) = held {
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

/// What stands for the groups of a file in which none can be told apart: it must be known that something is there.
const UNKNOWN: &str = "?";

/// The names of the groups of a file that somebody damaged, as far as they can be seen.
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
    use rulesync_core::{Keeps, NamespaceClass, Observed};

    use super::*;
    use crate::rule_file::MARK;

    #[tokio::test]
    async fn only_files_of_ours_are_listed_and_damage_is_no_absence() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = Directory::new(temporary.path().to_owned());
        let write = |name: &str, text: &str| std::fs::write(temporary.path().join(name), text).unwrap();
        for index in 0..AT_ONCE * 2 {
            write(&format!("us.{index}.yaml"), &format!("{MARK}groups:\n- name: g\n  rules: []\n"));
        }
        write("us.theirs.yaml", "groups:\n- name: g\n  rules: []\n");
        write("other.yaml", &format!("{MARK}groups:\n- name: g\n  rules: []\n"));
        write("us.damaged.yaml", &format!("{MARK}groups:\n- name: g\n  rules: [\n- name: \"h\"\n"));
        write("us.ruined.yaml", &format!("{MARK}\u{0}"));
        let ours = |name: &str| {
            if name.starts_with("us.") { NamespaceClass::Managed } else { NamespaceClass::Foreign }
        };
        let nothing = Observed::default();
        let mut listing = Listing::new(Keeps::ALL, &ours, &nothing);
        list(&directory, &mut listing).await.unwrap();
        let mut unreadable: Vec<&str> =
            listing.unreadable_groups().iter().map(|(name, _)| name.as_str()).collect();
        unreadable.sort_unstable();
        assert_eq!(unreadable, ["us.damaged/g", "us.damaged/h", "us.ruined/?"]);
        assert_eq!(listing.foreign_namespaces(), 1);
        let first = listing.into_observed();
        assert_eq!(first.groups(), AT_ONCE * 2 + 3);
        assert!(!first.has_namespace("us.theirs"));
        let mut again = Listing::new(Keeps::ALL, &ours, &first);
        list(&directory, &mut again).await.unwrap();
        assert_eq!(again.into_observed(), first);
    }
}
