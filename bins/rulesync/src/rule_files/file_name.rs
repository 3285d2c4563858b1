//! The names of files for namespaces: two namespaces never share a file, also where a file system takes `A` for `a`, and
//! no name leads out of its directory. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use rulesync_core::model::Fingerprint;

/// The longest name before the extension; file systems take 255 bytes.
const MAX_BYTES: usize = 200;

/// Returns a file name for each of these namespaces, which are all different.
pub(crate) fn file_names(namespaces: &[&str]) -> Vec<String> {
    let plain = |namespace: &str| encoded(namespace, |_| false);
    let mut folded: BTreeMap<String, usize> = BTreeMap::new();
    for namespace in namespaces {
        *folded.entry(plain(namespace).to_ascii_lowercase()).or_default() += 1;
    }
    let name = |namespace: &&str| {
        let plain = plain(namespace);
        // Others that differ in the case of letters only: all of them have those encoded.
        let others = folded.get(&plain.to_ascii_lowercase()).is_some_and(|count| *count > 1);
        let name = if others { encoded(namespace, |byte| byte.is_ascii_uppercase()) } else { plain };
        shortened(name) + ".yaml"
    };
    namespaces.iter().map(name).collect()
}

/// Encodes what is not a letter, a digit or one of `-_.` as `%XX`, and a dot at the beginning, which would hide the file.
fn encoded(namespace: &str, also: impl Fn(u8) -> bool) -> String {
    let mut name = String::new();
    for (index, byte) in namespace.bytes().enumerate() {
        let plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && index > 0);
        if plain && !also(byte) {
            name.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

/// Cuts a name that is too long, and puts a hash of the whole at its end.
fn shortened(name: String) -> String {
    if name.len() <= MAX_BYTES {
        return name;
    }
    let hash = Fingerprint::of_bytes(name.as_bytes()).to_string();
    // A tilde is in no other name.
    format!("{}~{hash}", &name[..MAX_BYTES - hash.len() - 1])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn file_names_are_readable_and_never_lead_out_of_the_directory() {
        assert_eq!(
            file_names(&["infra", "a/b", "a%2Fb", "..", "../x", "größe", ".hidden", "node.rules"]),
            [
                "infra.yaml",
                "a%2Fb.yaml",
                "a%252Fb.yaml",
                "%2E..yaml",
                "%2E.%2Fx.yaml",
                "gr%C3%B6%C3%9Fe.yaml",
                "%2Ehidden.yaml",
                "node.rules.yaml",
            ]
        );
        assert_eq!(file_names(&["Prod", "prod", "Dev"]), ["%50rod.yaml", "prod.yaml", "Dev.yaml"]);
    }

    proptest! {
        #[test]
        fn file_names_are_different_whatever_the_namespaces(
            namespaces in proptest::collection::btree_set("([a-bA-B./%~-]|\\PC){1,8}", 1..40),
            long in "[a-z/]{150,400}",
        ) {
            let mut namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
            let longer = format!("{long}x");
            namespaces.extend([long.as_str(), longer.as_str()]);
            let names = file_names(&namespaces);
            let different: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
            prop_assert_eq!(different.len(), namespaces.len(), "{:?}", names);
            for name in names {
                prop_assert!(name.len() <= 255 && !name.contains('/') && !name.starts_with('.'), "{}", name);
            }
        }
    }
}
