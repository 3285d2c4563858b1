//! What objects from files are called.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use rulesync_core::{FILE_NAMESPACE, KINDS, ObjectId, RULE_FILE};

/// Makes identities of one source.
#[derive(Debug, Clone)]
pub(crate) struct Identities {
    source: Arc<str>,
    kinds: [Arc<str>; 4],
    rule_file: Arc<str>,
}

impl Identities {
    pub(crate) fn new(source: &Arc<str>) -> Self {
        Self { source: Arc::clone(source), kinds: KINDS.map(Arc::from), rule_file: RULE_FILE.into() }
    }

    /// An object of one of [`KINDS`]; without a namespace it is in `default`, as kubectl would have it.
    pub(crate) fn object(&self, kind: &str, namespace: Option<&str>, name: &str) -> ObjectId {
        let kind = self.kinds.iter().find(|known| ***known == *kind).unwrap_or(&self.rule_file);
        ObjectId::new(&self.source, kind, namespace.unwrap_or("default"), name)
    }

    /// A file, by its path within the source: a plain rule file, or whatever stands in a file that cannot be read.
    pub(crate) fn file(&self, path: &Path) -> ObjectId {
        ObjectId::new(&self.source, &self.rule_file, FILE_NAMESPACE, &encode(path))
    }
}

/// A path as it is shown to people, with `/` on every system.
pub(crate) fn shown(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// A path as a name that every ruler holds: bytes outside of `A-Za-z0-9.-` become `_XX`, in hexadecimal.
fn encode(path: &Path) -> String {
    let mut name = String::new();
    for (index, part) in path.iter().enumerate() {
        let separator: &[u8] = if index > 0 { b"/" } else { b"" };
        for &byte in separator.iter().chain(part.as_encoded_bytes()) {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') {
                name.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(name, "_{byte:02X}");
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;

    fn decode(name: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = name.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            if byte == b'_' {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
                rest = &tail[2..];
            } else {
                bytes.push(byte);
                rest = tail;
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn names_files_by_their_path() {
        let identities = Identities::new(&"files".into());
        let id = identities.file(Path::new("team a/node_x.yaml"));
        assert_eq!(id.to_string(), "RuleFile _file/team_20a_2Fnode_5Fx.yaml");
        assert_eq!(identities.object("PrometheusRule", None, "a").namespace(), "default");
    }

    proptest! {
        #[test]
        fn a_name_tells_its_path(parts in proptest::collection::vec("[^/\0]{1,12}", 1..4)) {
            // A component that the path would swallow is not a file's name.
            prop_assume!(parts.iter().all(|part| part != "." && part != ".."));
            let path: PathBuf = parts.iter().collect();
            let name = encode(&path);
            prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{}", name);
            prop_assert_eq!(decode(&name), parts.join("/"));
        }
    }
}
