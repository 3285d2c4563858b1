//! The names of objects for a ruler's namespaces: valid in Kubernetes, and different for different namespaces. Pure.

use std::collections::BTreeSet;

use rulesync_core::model::Fingerprint;
use rulesync_core::naming::{FILE_NAMESPACE, Naming};

/// The name of an object with its Kubernetes namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The longest name of an object.
const MAX_BYTES: usize = 253;

/// The number of digits of a hash at the end of a name.
const HASH: usize = 8;

/// Returns a name for each of these namespaces, which are all different. Those that `naming` has made have the names that
/// they were made of; the others are in the Kubernetes namespace `default`.
pub(crate) fn object_names(namespaces: &[&str], naming: Option<&Naming>, default: &str) -> Vec<ObjectName> {
    let made = |namespace: &str| {
        let named = naming?.parse(namespace).filter(|named| named.namespace != FILE_NAMESPACE)?;
        Some(ObjectName { namespace: named.namespace.to_owned(), name: named.name.to_owned() })
    };
    let mut taken: BTreeSet<ObjectName> = namespaces.iter().filter_map(|namespace| made(namespace)).collect();
    let name = |namespace: &&str| {
        made(namespace).unwrap_or_else(|| {
            let valid = valid(namespace);
            let mut name = ObjectName { namespace: default.to_owned(), name: valid.clone() };
            // A name that was changed could be that of another: a hash of the namespace tells them apart.
            if valid != **namespace || taken.contains(&name) {
                let hash = &Fingerprint::of_bytes(namespace.as_bytes()).to_string()[..HASH];
                let end = valid.len().min(MAX_BYTES - HASH - 1);
                name.name = format!("{}-{hash}", valid[..end].trim_end_matches(['-', '.']));
            }
            taken.insert(name.clone());
            name
        })
    };
    namespaces.iter().map(name).collect()
}

/// Returns a valid name that is like a text: lower-case letters, digits, hyphens and dots, with a letter or digit on both
/// sides of each dot and at both ends.
fn valid(text: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '.') => c,
        _ => '-',
    };
    let text: String = text.chars().map(plain).collect();
    let labels = text.split('.').map(|label| label.trim_matches('-')).filter(|label| !label.is_empty());
    let name = labels.collect::<Vec<_>>().join(".");
    match name.is_empty() {
        true => "rules".to_owned(),
        false => name[..name.len().min(MAX_BYTES)].trim_end_matches(['-', '.']).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(namespaces: &[&str]) -> Vec<String> {
        let naming = Naming::Owner("us".parse().unwrap());
        let names = object_names(namespaces, Some(&naming), "rules");
        names.into_iter().map(|name| format!("{}/{}", name.namespace, name.name)).collect()
    }

    #[test]
    fn names_are_those_that_namespaces_were_made_of() {
        assert_eq!(
            names(&["us.shop.api", "node", "us.shop.web.v2"]),
            ["shop/api", "rules/node", "shop/web.v2"]
        );
    }

    #[test]
    fn names_of_other_namespaces_are_valid_and_different() {
        let names = names(&["Infra/Nodes", "infra-nodes", "infra/nodes", "größe", "..", "us._file.a.yaml"]);
        assert_eq!(names[1], "rules/infra-nodes");
        assert!(
            names[0].starts_with("rules/infra-nodes-") && names[2].starts_with("rules/infra-nodes-"),
            "{names:?}"
        );
        assert!(names[3].starts_with("rules/gr--e-") && names[4].starts_with("rules/rules-"), "{names:?}");
        assert!(names[5].starts_with("rules/us.file.a.yaml-"), "{names:?}");
    }

    proptest! {
        #[test]
        fn names_are_valid_and_different_whatever_the_namespaces(
            namespaces in proptest::collection::btree_set("([a-cA-C./_%-]|\\PC){1,8}|[a-z./]{250,300}", 1..40),
        ) {
            let namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
            let names = object_names(&namespaces, None, "rules");
            let different: BTreeSet<&ObjectName> = names.iter().collect();
            prop_assert_eq!(different.len(), namespaces.len(), "{:?}", names);
            for ObjectName { name, .. } in &names {
                let plain = |label: &str| {
                    !label.is_empty()
                        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                };
                prop_assert!(name.len() <= MAX_BYTES && name.split('.').all(plain), "{}", name);
            }
        }
    }
}
