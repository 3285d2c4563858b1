//! The identities of objects that are read from files.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use rulesync_core::ObjectId;
use rulesync_core::model::{KINDS, RULE_FILE, SourceName};
use rulesync_core::naming::FILE_NAMESPACE;

/// The identities of the objects of one source of files, and the paths by which its files are displayed.
///
/// - An object has the Kubernetes namespace and name of its metadata; without a namespace it is in `default`.
/// - A plain rule file is named after its path within the source, or after the `namespace` that it declares.
#[derive(Debug, Clone)]
pub struct Identities {
    source: SourceName,
    kinds: [Arc<str>; 4],
    rule_file: Arc<str>,
    /// The prefix of displayed paths.
    root: Arc<str>,
}

impl Identities {
    /// Creates the identities of a source. Files are displayed by their paths within it.
    pub fn new(source: &SourceName) -> Self {
        Self {
            source: source.clone(),
            kinds: KINDS.map(Arc::from),
            rule_file: RULE_FILE.into(),
            root: "".into(),
        }
    }

    /// Returns the same identities, with paths displayed below `root`. If the source is a single file, that is its path.
    #[must_use]
    pub fn displayed_below(self, root: &Path) -> Self {
        Self { root: root.display().to_string().into(), ..self }
    }

    /// Returns a path within the source as it is displayed to people, with `/` as the separator.
    pub fn display_path(&self, path: &Path) -> String {
        // The source may be a single file.
        if Path::new(&*self.root).file_name() == Some(path.as_os_str()) {
            return self.root.to_string();
        }
        let path = display_path(path);
        match self.root.strip_suffix('/').unwrap_or(&self.root) {
            "" | "." => path,
            root => format!("{root}/{path}"),
        }
    }

    /// The identity of an object of one of [`KINDS`]; without a namespace it is in `default`, as in kubectl.
    pub(crate) fn object(&self, kind: &str, namespace: Option<&str>, name: &str) -> ObjectId {
        let kind = self.kinds.iter().find(|known| ***known == *kind).unwrap_or(&self.rule_file);
        ObjectId::new(&self.source, kind, namespace.unwrap_or("default"), name)
    }

    /// The identity of a file, by its path within the source: a plain rule file, or a file that cannot be read.
    pub(crate) fn file(&self, path: &Path) -> ObjectId {
        let parts: Vec<&[u8]> = path.iter().map(OsStr::as_encoded_bytes).collect();
        self.rule_file_of(&parts.join(&b'/'))
    }

    /// The identity of a plain rule file that declares a name, which replaces its path.
    pub(crate) fn rule_file(&self, name: &str) -> ObjectId {
        self.rule_file_of(name.as_bytes())
    }

    fn rule_file_of(&self, name: &[u8]) -> ObjectId {
        ObjectId::new(&self.source, &self.rule_file, FILE_NAMESPACE, &encode(name))
    }

    /// Parses an identity in its string form, `{kind} {namespace}/{name}`.
    pub(crate) fn parse(&self, text: &str) -> Option<ObjectId> {
        let (kind, rest) = text.split_once(' ')?;
        let (namespace, name) = rest.split_once('/')?;
        let mut kinds = self.kinds.iter().chain([&self.rule_file]);
        let kind = kinds.find(|known| ***known == *kind)?;
        Some(ObjectId::new(&self.source, kind, namespace, name))
    }
}

/// A path as displayed to users, with `/` as the separator on every system.
pub(crate) fn display_path(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// Encodes a path as a name that every ruler accepts: bytes outside of `A-Za-z0-9.-` become `_XX`, in hexadecimal.
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
    fn file_id_encodes_path() {
        let identities = Identities::new(&"files".into());
        let id = identities.file(Path::new("team a/node_x.yaml"));
        assert_eq!(id.to_string(), "RuleFile _file/team_20a_2Fnode_5Fx.yaml");
        assert_eq!(identities.object("PrometheusRule", None, "a").namespace(), "default");
        assert_eq!(identities.rule_file("team a/node_x.yaml"), id, "names are encoded like paths");
        for id in [id, identities.object("LoggingRule", Some("n"), "a.b")] {
            assert_eq!(identities.parse(&id.to_string()), Some(id));
        }
        assert_eq!(identities.parse("Service n/a"), None);
    }

    #[test]
    fn display_path_starts_with_root() {
        let identities = || Identities::new(&"files".into());
        for (root, expected) in [
            ("", "t/a.yaml"),
            (".", "t/a.yaml"),
            ("rules/", "rules/t/a.yaml"),
            ("/etc/rules", "/etc/rules/t/a.yaml"),
        ] {
            assert_eq!(
                identities().displayed_below(Path::new(root)).display_path(Path::new("t/a.yaml")),
                expected
            );
        }
        assert_eq!(
            identities().displayed_below(Path::new("rules/a.yaml")).display_path(Path::new("a.yaml")),
            "rules/a.yaml"
        );
    }

    proptest! {
        #[test]
        fn file_id_decodes_to_path(parts in proptest::collection::vec("[^/\0]{1,12}", 1..4)) {
            // Components that `Path` normalizes away are not file names.
            prop_assume!(parts.iter().all(|part| part != "." && part != ".."));
            let path: PathBuf = parts.iter().collect();
            let id = Identities::new(&"files".into()).file(&path);
            let name = id.name();
            prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)), "{}", name);
            prop_assert_eq!(decode(name), parts.join("/"));
        }
    }
}
