//! What objects from files are called.

use std::ffi::OsStr;
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
    /// What is put in front of paths that people read.
    root: Arc<str>,
}

impl Identities {
    pub(crate) fn new(source: &Arc<str>) -> Self {
        Self {
            source: Arc::clone(source),
            kinds: KINDS.map(Arc::from),
            rule_file: RULE_FILE.into(),
            root: "".into(),
        }
    }

    /// The same, with paths shown as they are below this one.
    pub(crate) fn shown_below(self, root: &Path) -> Self {
        Self { root: root.display().to_string().into(), ..self }
    }

    /// A path within the source as it is shown to people.
    pub(crate) fn shown(&self, path: &Path) -> String {
        // A source may be one file.
        if Path::new(&*self.root).file_name() == Some(path.as_os_str()) {
            return self.root.to_string();
        }
        let path = shown(path);
        match self.root.strip_suffix('/').unwrap_or(&self.root) {
            "" | "." => path,
            root => format!("{root}/{path}"),
        }
    }

    /// An object of one of [`KINDS`]; without a namespace it is in `default`, as kubectl would have it.
    pub(crate) fn object(&self, kind: &str, namespace: Option<&str>, name: &str) -> ObjectId {
        let kind = self.kinds.iter().find(|known| ***known == *kind).unwrap_or(&self.rule_file);
        ObjectId::new(&self.source, kind, namespace.unwrap_or("default"), name)
    }

    /// A file, by its path within the source: a plain rule file, or whatever stands in a file that cannot be read.
    pub(crate) fn file(&self, path: &Path) -> ObjectId {
        let parts: Vec<&[u8]> = path.iter().map(OsStr::as_encoded_bytes).collect();
        self.rule_file_of(&parts.join(&b'/'))
    }

    /// A plain rule file that says its own name in place of its path.
    pub(crate) fn rule_file(&self, name: &str) -> ObjectId {
        self.rule_file_of(name.as_bytes())
    }

    fn rule_file_of(&self, name: &[u8]) -> ObjectId {
        ObjectId::new(&self.source, &self.rule_file, FILE_NAMESPACE, &encode(name))
    }

    /// An identity as it is written down: `{kind} {namespace}/{name}`.
    pub(crate) fn parse(&self, text: &str) -> Option<ObjectId> {
        let (kind, rest) = text.split_once(' ')?;
        let (namespace, name) = rest.split_once('/')?;
        let mut kinds = self.kinds.iter().chain([&self.rule_file]);
        let kind = kinds.find(|known| ***known == *kind)?;
        Some(ObjectId::new(&self.source, kind, namespace, name))
    }
}

/// A path as it is shown to people, with `/` on every system.
pub(crate) fn shown(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// A path as a name that every ruler holds: bytes outside of `A-Za-z0-9.-` become `_XX`, in hexadecimal.
fn encode(path: &[u8]) -> String {
    let mut name = String::new();
    for &byte in path {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') {
            name.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(name, "_{byte:02X}");
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
        assert_eq!(identities.rule_file("team a/node_x.yaml"), id, "a name is written as a path is");
        for id in [id, identities.object("LoggingRule", Some("n"), "a.b")] {
            assert_eq!(identities.parse(&id.to_string()), Some(id));
        }
        assert_eq!(identities.parse("Service n/a"), None);
    }

    #[test]
    fn shows_files_as_their_source_was_named() {
        let identities = || Identities::new(&"files".into());
        for (root, expected) in [
            ("", "t/a.yaml"),
            (".", "t/a.yaml"),
            ("rules/", "rules/t/a.yaml"),
            ("/etc/rules", "/etc/rules/t/a.yaml"),
        ] {
            assert_eq!(identities().shown_below(Path::new(root)).shown(Path::new("t/a.yaml")), expected);
        }
        assert_eq!(
            identities().shown_below(Path::new("rules/a.yaml")).shown(Path::new("a.yaml")),
            "rules/a.yaml"
        );
    }

    proptest! {
        #[test]
        fn a_name_tells_its_path(parts in proptest::collection::vec("[^/\0]{1,12}", 1..4)) {
            // A component that the path would swallow is not a file's name.
            prop_assume!(parts.iter().all(|part| part != "." && part != ".."));
            let path: PathBuf = parts.iter().collect();
            let name = Identities::new(&"files".into()).file(&path).name().to_owned();
            prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{}", name);
            prop_assert_eq!(decode(&name), parts.join("/"));
        }
    }
}
