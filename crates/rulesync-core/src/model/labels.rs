//! Labels of objects and Kubernetes namespaces, in little memory: an engine holds thousands of these sets.

use std::fmt;

/// An immutable set of labels in one allocation. Lookups scan, which is right for the handful an object has.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Labels(Box<str>);

/// The separator between keys and values: no label contains it, because Kubernetes allows only printable characters.
const SEPARATOR: char = '\0';

impl Labels {
    /// Returns the value of a label, if it exists.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find_map(|(k, v)| (k == key).then_some(v))
    }

    /// Iterates over all labels, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut parts = self.0.split_terminator(SEPARATOR);
        std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
    }

    /// Returns whether there are no labels.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(labels: I) -> Self {
        let mut pairs: Vec<(K, V)> = labels.into_iter().collect();
        pairs.retain(|(k, v)| !k.as_ref().contains(SEPARATOR) && !v.as_ref().contains(SEPARATOR));
        pairs.sort_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()));
        let mut text = String::new();
        for (key, value) in &pairs {
            text.push_str(key.as_ref());
            text.push(SEPARATOR);
            text.push_str(value.as_ref());
            text.push(SEPARATOR);
        }
        Self(text.into_boxed_str())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn labels_equal_the_map_they_are_made_of(map: BTreeMap<String, String>) {
            let map: BTreeMap<String, String> = map.into_iter().filter(|(k, v)| !k.contains('\0') && !v.contains('\0')).collect();
            let labels: Labels = map.iter().collect();
            prop_assert_eq!(labels.is_empty(), map.is_empty());
            for (key, value) in &map {
                prop_assert_eq!(labels.get(key), Some(value.as_str()));
            }
            let back: BTreeMap<String, String> = labels.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            prop_assert_eq!(back, map);
        }
    }
}
