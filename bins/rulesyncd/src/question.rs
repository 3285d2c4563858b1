//! What is asked by a URL: its parameters, and the destination that its path names.

use rulesync_core::explain::{DestinationFilter, ObjectRef};
use rulesync_core::model::{DestinationId, TenantError};
use serde::Deserialize;

/// What is to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    /// Why the objects of a name are where they are, or are not.
    Object(ObjectRef),
    /// Whose a ruler namespace is, and at which destinations.
    Namespace(String, DestinationFilter),
}

/// The parameters as they are sent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    object: Option<String>,
    ruler_namespace: Option<String>,
    ruler: Option<String>,
    tenant: Option<String>,
}

impl TryFrom<Parameters> for Question {
    /// What is wrong, and what to write.
    type Error = String;

    fn try_from(parameters: Parameters) -> Result<Self, String> {
        match parameters {
            Parameters { object: Some(object), ruler_namespace: None, ruler: None, tenant: None } => {
                object.parse().map(Self::Object).map_err(|error: rulesync_core::explain::ObjectRefError| error.to_string())
            }
            Parameters { object: None, ruler_namespace: Some(namespace), ruler, tenant } => {
                Ok(Self::Namespace(namespace, DestinationFilter { ruler, tenant }))
            }
            _ => Err("write `object=NAMESPACE/NAME`, or `ruler_namespace=NAME` with `ruler` and `tenant` if only some \
                      destinations are meant"
                .to_owned()),
        }
    }
}

/// Returns the destination that a path names. Names of rulers are not empty and contain no `/`, however they are encoded.
pub(crate) fn destination(ruler: &str, tenant: Option<&str>) -> Result<DestinationId, String> {
    if ruler.is_empty() || ruler.contains('/') {
        return Err(format!("`{ruler}` is not the name of a ruler"));
    }
    let tenant = tenant.map(str::parse).transpose().map_err(|error: TenantError| error.to_string())?;
    Ok(DestinationId { ruler: ruler.into(), tenant })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_is_about_an_object_or_a_ruler_namespace() {
        let asked = |object: Option<&str>, namespace: Option<&str>, ruler: Option<&str>| {
            Question::try_from(Parameters {
                object: object.map(Into::into),
                ruler_namespace: namespace.map(Into::into),
                ruler: ruler.map(Into::into),
                tenant: None,
            })
        };
        assert_eq!(asked(Some("shop/api"), None, None), Ok(Question::Object("shop/api".parse().unwrap())));
        let filter = DestinationFilter { ruler: Some("r".into()), tenant: None };
        assert_eq!(asked(None, Some("us.a.b"), Some("r")), Ok(Question::Namespace("us.a.b".into(), filter)));
        for (object, namespace, ruler) in [
            (None, None, None),
            (Some("a/b"), Some("c"), None),
            (Some("a/b"), None, Some("r")),
            (Some("a"), None, None),
        ] {
            assert!(asked(object, namespace, ruler).is_err(), "{object:?} {namespace:?} {ruler:?}");
        }
    }

    #[test]
    fn destination_names_contain_no_slash() {
        let shown = |ruler, tenant| {
            destination(ruler, tenant)
                .map(|destination| (destination.ruler.to_string(), destination.to_string()))
        };
        assert_eq!(shown("r", Some("t")), Ok(("r".to_owned(), "r/t".to_owned())));
        assert_eq!(shown("r", None), Ok(("r".to_owned(), "r".to_owned())));
        for (ruler, tenant) in [
            ("r/t", None),
            ("", None),
            ("r", Some("")),
            ("", Some("t")),
            ("r", Some("t/u")),
            ("r", Some("t\n")),
            ("r/t", Some("u")),
            ("/", Some("t")),
        ] {
            assert!(destination(ruler, tenant).is_err(), "{ruler:?} {tenant:?}");
        }
    }
}
