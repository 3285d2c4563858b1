//! Routing by method and path, with the names in the path decoded once or, as some servers do, twice.

use http::Method;

use crate::{
    escape::{unescape, whole_path_escape},
    model::kind::ConfigRoutes,
};

/// The operation of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    List,
    ListNamespace {
        namespace: String,
    },
    Get {
        namespace: String,
        group: String,
    },
    Post {
        namespace: String,
    },
    DeleteNamespace {
        namespace: String,
    },
    Delete {
        namespace: String,
        group: String,
    },
    StateRules,
    StateAlerts,
    BuildInfo,
    TenantLimits,
    /// The rules of all tenants.
    AllTenants,
    /// The names of all tenants.
    TenantNames,
    DeleteTenant,
    /// The path is not clean; contains the clean path.
    Moved(String),
    /// The path exists, but not with this method.
    MethodNotAllowed,
    NotFound,
    /// Not a valid path.
    Malformed,
    /// A name cannot be decoded a second time.
    BadEscape(String),
}

/// The routes of a server.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    pub(crate) config: ConfigRoutes,
    pub(crate) prometheus_prefix: String,
    pub(crate) legacy_prefix: String,
    pub(crate) config_enabled: bool,
    pub(crate) double_decode: bool,
}

impl Routes {
    /// Finds the route of a request; `path` is as sent.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Route {
        let Some(once) = unescape(path) else { return Route::Malformed };
        let routed = if self.double_decode { once.as_str() } else { path };
        if let Some(clean) = cleaned(routed) {
            // A path decoded for routing is encoded again in the answer.
            return Route::Moved(if self.double_decode { whole_path_escape(&clean) } else { clean });
        }
        if let Some(rest) = self.config_path(routed) {
            return self.config_route(method, rest);
        }
        let prometheus =
            |path: &str| self.state_prefixes().any(|prefix| routed == format!("{prefix}/api/v1/{path}"));
        let (found, allowed) = if prometheus("rules") {
            (Route::StateRules, Method::GET)
        } else if prometheus("alerts") {
            (Route::StateAlerts, Method::GET)
        } else if self.build_info_path().is_some_and(|path| path == routed) {
            (Route::BuildInfo, Method::GET)
        } else if self.config == ConfigRoutes::UnderPrometheus && routed == "/api/v1/user_limits" {
            (Route::TenantLimits, Method::GET)
        } else if self.config == ConfigRoutes::LokiAndLegacy {
            return Route::NotFound;
        } else if routed == "/ruler/rule_groups" {
            (Route::AllTenants, Method::GET)
        } else if self.config == ConfigRoutes::UnderPrometheus && routed == "/ruler/tenants" {
            (Route::TenantNames, Method::GET)
        } else if routed == "/ruler/delete_tenant_config" {
            (Route::DeleteTenant, Method::POST)
        } else {
            return Route::NotFound;
        };
        if *method == allowed { found } else { Route::MethodNotAllowed }
    }

    fn state_prefixes(&self) -> impl Iterator<Item = &str> {
        // With the API disabled, only Mimir's ruler still has state routes.
        let off = !self.config_enabled && self.config != ConfigRoutes::UnderPrometheus;
        let legacy = (self.config == ConfigRoutes::TopAndLegacy).then_some(self.legacy_prefix.as_str());
        std::iter::once(self.prometheus_prefix.as_str()).chain(legacy).filter(move |_| !off)
    }

    fn build_info_path(&self) -> Option<String> {
        match self.config {
            ConfigRoutes::UnderPrometheus => {
                Some(format!("{}/api/v1/status/buildinfo", self.prometheus_prefix))
            }
            ConfigRoutes::TopAndLegacy => None,
            ConfigRoutes::LokiAndLegacy => Some("/loki/api/v1/status/buildinfo".to_owned()),
        }
    }

    /// The rest of a configuration API path after `…/rules`.
    fn config_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        if !self.config_enabled {
            return None;
        }
        let strip = |prefix: &str, tail: &str| {
            let rest = path.strip_prefix(prefix)?.strip_prefix(tail)?;
            (rest.is_empty() || rest.starts_with('/')).then_some(rest)
        };
        match self.config {
            ConfigRoutes::UnderPrometheus => strip(&self.prometheus_prefix, "/config/v1/rules"),
            ConfigRoutes::TopAndLegacy => {
                strip("", "/api/v1/rules").or_else(|| strip(&self.legacy_prefix, "/rules"))
            }
            ConfigRoutes::LokiAndLegacy => {
                strip("/loki", "/api/v1/rules").or_else(|| strip(&self.legacy_prefix, "/rules"))
            }
        }
    }

    fn config_route(&self, method: &Method, rest: &str) -> Route {
        let segments: Vec<&str> = rest.split('/').skip(1).collect();
        if segments.iter().any(|segment| segment.is_empty()) {
            return Route::NotFound;
        }
        let mut names = Vec::new();
        for segment in &segments {
            match unescape(segment) {
                Some(name) => names.push(name),
                None => return Route::BadEscape((*segment).to_owned()),
            }
        }
        let mut names = names.into_iter();
        match (names.next(), names.next(), names.next()) {
            (None, ..) => match *method {
                Method::GET => Route::List,
                _ => Route::MethodNotAllowed,
            },
            (Some(namespace), None, _) => match *method {
                Method::GET => Route::ListNamespace { namespace },
                Method::POST => Route::Post { namespace },
                Method::DELETE => Route::DeleteNamespace { namespace },
                _ => Route::MethodNotAllowed,
            },
            (Some(namespace), Some(group), None) => match *method {
                Method::GET => Route::Get { namespace, group },
                Method::DELETE => Route::Delete { namespace, group },
                _ => Route::MethodNotAllowed,
            },
            _ => Route::NotFound,
        }
    }
}

/// The path without `.`, `..` and empty segments, if it contains any. A trailing slash stays.
fn cleaned(path: &str) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let mut clean = format!("/{}", kept.join("/"));
    if path.ends_with('/') && clean != "/" {
        clean.push('/');
    }
    (clean != path).then_some(clean)
}

#[cfg(test)]
mod tests;
