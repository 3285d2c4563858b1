//! Paths of the Kubernetes API.

use percent_encoding::percent_decode_str;

use super::resource::qualify;

/// The target of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Version,
    /// `/readyz`, `/livez` or `/healthz`, by name.
    Health(String),
    CoreVersions,
    Groups,
    Group(String),
    Resources {
        group: String,
        version: String,
    },
    /// `/openapi/v3`, and the document of one version of a group.
    OpenApi,
    OpenApiOf {
        group: String,
        version: String,
    },
    Objects(Target),
    Unknown,
}

/// One object or a collection of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Target {
    /// The resource as named in permissions: `plural`, or `plural/subresource`.
    pub(crate) fn resource(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.plural),
            None => self.plural.clone(),
        }
    }

    /// The resource with its group: `plural.group`, or `plural.group/subresource`.
    pub(crate) fn qualified(&self) -> String {
        let qualified = qualify(&self.plural, &self.group);
        match &self.subresource {
            Some(subresource) => format!("{qualified}/{subresource}"),
            None => qualified,
        }
    }

    /// Returns `true` if a test means this resource: by its plural name, with or without its group, or by `*`.
    pub(crate) fn is(&self, resource: &str) -> bool {
        resource == "*" || resource == self.resource() || resource == self.qualified()
    }
}

/// Parses a path as sent.
pub(crate) fn route(path: &str) -> Route {
    let segments: Vec<String> = path
        .trim_matches('/')
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["version"] => Route::Version,
        [health @ ("readyz" | "livez" | "healthz")] => Route::Health((*health).to_owned()),
        ["openapi", "v3"] => Route::OpenApi,
        ["openapi", "v3", "api", version] => {
            Route::OpenApiOf { group: String::new(), version: (*version).to_owned() }
        }
        ["openapi", "v3", "apis", group, version] => {
            Route::OpenApiOf { group: (*group).to_owned(), version: (*version).to_owned() }
        }
        ["api"] => Route::CoreVersions,
        ["apis"] => Route::Groups,
        ["api", version] => Route::Resources { group: String::new(), version: (*version).to_owned() },
        ["api", version, rest @ ..] => objects("", version, rest),
        ["apis", group] => Route::Group((*group).to_owned()),
        ["apis", group, version] => {
            Route::Resources { group: (*group).to_owned(), version: (*version).to_owned() }
        }
        ["apis", group, version, rest @ ..] => objects(group, version, rest),
        _ => Route::Unknown,
    }
}

fn objects(group: &str, version: &str, rest: &[&str]) -> Route {
    let (namespace, rest) = match rest {
        // The path of a namespace continues with the objects in it, or with a subresource of the namespace itself.
        ["namespaces", namespace, plural, more @ ..] if !matches!(*plural, "status" | "finalize") => {
            (Some((*namespace).to_owned()), [&[*plural], more].concat())
        }
        rest => (None, rest.to_vec()),
    };
    let (plural, name, subresource) = match rest.as_slice() {
        [plural] => (plural, None, None),
        [plural, name] => (plural, Some(name), None),
        [plural, name, subresource] => (plural, Some(name), Some(subresource)),
        _ => return Route::Unknown,
    };
    let owned = |text: &&str| (*text).to_owned();
    Route::Objects(Target {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: owned(plural),
        namespace,
        name: name.map(owned),
        subresource: subresource.map(owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> (String, Option<String>, Option<String>, Option<String>) {
        match route(path) {
            Route::Objects(t) => {
                (format!("{}/{}/{}", t.group, t.version, t.plural), t.namespace, t.name, t.subresource)
            }
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn route_parses_paths() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(target("/api/v1/namespaces"), ("/v1/namespaces".to_owned(), None, None, None));
        assert_eq!(target("/api/v1/namespaces/a"), ("/v1/namespaces".to_owned(), None, some("a"), None));
        assert_eq!(
            target("/api/v1/namespaces/a/status"),
            ("/v1/namespaces".to_owned(), None, some("a"), some("status"))
        );
        assert_eq!(target("/apis/g/v1/rules"), ("g/v1/rules".to_owned(), None, None, None));
        assert_eq!(
            target("/apis/g/v1/namespaces/a/rules/b%2Ec/status"),
            ("g/v1/rules".to_owned(), some("a"), some("b.c"), some("status"))
        );
        assert_eq!(route("/apis/g/v1"), Route::Resources { group: "g".to_owned(), version: "v1".to_owned() });
        assert_eq!(route("/readyz"), Route::Health("readyz".to_owned()));
        assert_eq!(route("/apis/g/v1/a/b/c/d"), Route::Unknown);
        assert_eq!(route("/metrics"), Route::Unknown);
    }
}
