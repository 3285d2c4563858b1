//! The way from the root of a document to one of its values.

/// A way through mappings and lists, such as `rulers[0].address`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(Vec<Step>);

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Into the value of a key.
    Key(Box<str>),
    /// Into an item of a list.
    Item(usize),
}

impl Path {
    /// Returns the path of a top-level key.
    pub(crate) fn of(key: &str) -> Self {
        Self::default().key(key)
    }

    /// Returns the path of a key below this one.
    pub(crate) fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.into()))
    }

    /// Returns the path of a dotted way below this one, such as `tls_config.ca_file`.
    pub(crate) fn keys(&self, dotted: &str) -> Self {
        dotted.split('.').fold(self.clone(), |path, key| path.key(key))
    }

    /// Returns the path of an item of the list that this one leads to.
    pub(crate) fn item(&self, index: usize) -> Self {
        self.step(Step::Item(index))
    }

    /// The steps, from the root.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Returns the paths of what contains this value, from the nearest to the root.
    pub(crate) fn parents(&self) -> impl Iterator<Item = Self> {
        (0..self.0.len()).rev().map(|length| Self(self.0[..length].to_vec()))
    }

    /// Returns the key that this path adds to `parent`, if it is the path of one of its keys.
    pub(crate) fn key_below(&self, parent: &Self) -> Option<&str> {
        match self.0.strip_prefix(parent.0.as_slice()) {
            Some([Step::Key(key)]) => Some(key),
            _ => None,
        }
    }

    /// Returns whether this path leads to `other` or to something that contains it.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_contains_itself_and_what_is_below() {
        let ruler = Path::of("rulers").item(1);
        assert!(ruler.contains(&ruler) && ruler.contains(&ruler.keys("tls_config.ca_file")));
        assert!(!ruler.contains(&Path::of("rulers").item(10)) && !ruler.contains(&Path::of("rulers")));
    }
}
