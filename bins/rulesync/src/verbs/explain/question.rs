//! What is asked: an object by its name, the only object of a file, or a ruler namespace.

use std::path::{Path, PathBuf};

use rulesync_core::explain::{DestinationFilter, ObjectRef};

use crate::failure::Failure;

/// What is to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// The objects of a name.
    Object(ObjectRef),
    /// The only object of a file; `-` is standard input.
    File(PathBuf),
    /// A ruler namespace.
    Namespace(String, DestinationFilter),
}

impl Question {
    /// Returns the question of the command line.
    pub(super) fn of(
        object: Option<String>,
        namespace: Option<String>,
        ruler: Option<String>,
        tenant: Option<String>,
    ) -> Result<Self, Failure> {
        match (object, namespace) {
            (Some(_), None) if ruler.is_some() || tenant.is_some() => {
                let message = "--ruler and --tenant go with --ruler-namespace: an object is explained at all its destinations";
                Err(Failure::Usage(message.to_owned()))
            }
            (_, Some(namespace)) => Ok(Self::Namespace(namespace, DestinationFilter { ruler, tenant })),
            (Some(object), None) => Self::about(&object),
            (None, None) => {
                Err(Failure::Usage("explain what? Give an object or --ruler-namespace".to_owned()))
            }
        }
    }

    /// A file that exists is meant as one, whatever objects are named like.
    fn about(object: &str) -> Result<Self, Failure> {
        let path = Path::new(object);
        if object == "-" || path.is_file() || rulesync_fs::is_inherited(path) {
            return Ok(Self::File(path.to_owned()));
        }
        match object.parse() {
            Ok(object) => Ok(Self::Object(object)),
            Err(error) => Err(Failure::Usage(format!(
                "{error}, or the path of a file with one object; no such file exists"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_is_about_a_file_if_there_is_one() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("api.yaml");
        std::fs::write(&file, "").unwrap();
        let asked = |object: &str| Question::of(Some(object.to_owned()), None, None, None);
        assert_eq!(asked(file.to_str().unwrap()).unwrap(), Question::File(file));
        assert_eq!(asked("-").unwrap(), Question::File("-".into()));
        assert_eq!(asked("shop/api").unwrap(), Question::Object("shop/api".parse().unwrap()));
        for odd in ["api", "a/b/c/d", "/nowhere/api.yaml/"] {
            assert!(matches!(asked(odd), Err(Failure::Usage(_))), "{odd}");
        }
    }
}
