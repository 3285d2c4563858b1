//! The errors of a Kubernetes API server: their messages and their `Status` objects.
//!
//! The messages are the recorded ones, because clients and users read them.

use serde_json::{Value, json};

use super::resource::{Resource, qualify};

/// An error of the API server: the contents of the `Status` object that a client receives.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code} {reason}: {message}")]
pub struct Refused {
    /// HTTP status code.
    pub code: u16,
    /// The machine-readable reason, such as `NotFound`; empty if the real server gives none.
    pub reason: String,
    /// The human-readable message.
    pub message: String,
    pub(super) details: Option<Box<Value>>,
    continue_token: Option<String>,
}

/// A field that another manager owns and an apply would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// The other manager, as named in messages.
    pub(crate) manager: String,
    /// The field, such as `.spec.groups`.
    pub(crate) path: String,
}

impl Refused {
    pub(super) fn plain(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: None, continue_token: None }
    }

    pub(super) fn with_details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// 400.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::plain(400, "BadRequest", message)
    }

    /// 400: the object says another namespace than the path.
    pub(crate) fn namespace_differs() -> Self {
        Self::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        )
    }

    /// 401: an unknown token.
    pub(crate) fn unauthorized() -> Self {
        Self::plain(401, "Unauthorized", "Unauthorized")
    }

    /// 403 by authorization.
    pub(crate) fn forbidden(
        user: &str,
        verb: &str,
        resource: (&str, &str),
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Self {
        let (group, plural) = resource;
        // Of a subresource, only the resource that is asked for has its name.
        let whole = plural.split('/').next().unwrap_or(plural);
        let qualified = qualify(whole, group);
        let subject = name.map_or_else(|| qualified.clone(), |name| format!("{qualified} \"{name}\""));
        let place = namespace.map_or_else(
            || "at the cluster scope".to_owned(),
            |namespace| format!("in the namespace \"{namespace}\""),
        );
        let message = format!(
            "{subject} is forbidden: User \"{user}\" cannot {verb} resource \"{plural}\" in API group \"{group}\" {place}"
        );
        Self::plain(403, "Forbidden", message).with_details(details(name, group, whole))
    }

    /// 403: the namespace is being deleted and accepts no new objects.
    pub(crate) fn namespace_terminating(resource: &Resource, name: &str, namespace: &str) -> Self {
        let message = format!(
            "{} \"{name}\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
            resource.qualified()
        );
        let mut details = details(Some(name), &resource.group, &resource.plural);
        details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
        Self::plain(403, "Forbidden", message).with_details(details)
    }

    /// 404 for an object of a served kind.
    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        Self::plain(404, "NotFound", format!("{} \"{name}\" not found", resource.qualified()))
            .with_details(details(Some(name), &resource.group, &resource.plural))
    }

    /// 404 for a path below a served group.
    pub(crate) fn no_such_path() -> Self {
        Self::plain(404, "NotFound", "the server could not find the requested resource")
            .with_details(json!({}))
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        Self::plain(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
        .with_details(json!({}))
    }

    /// 406.
    pub(crate) fn not_acceptable() -> Self {
        let message = "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf";
        Self::plain(406, "NotAcceptable", message)
    }

    /// 409: the object to be created exists.
    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Self {
        Self::plain(409, "AlreadyExists", format!("{} \"{name}\" already exists", resource.qualified()))
            .with_details(details(Some(name), &resource.group, &resource.plural))
    }

    /// 409: the object was modified after the client read it.
    pub(crate) fn modified(resource: &Resource, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified());
        Self::plain(409, "Conflict", message).with_details(details(
            Some(name),
            &resource.group,
            &resource.plural,
        ))
    }

    /// 409: a precondition of a delete (or the uid of an update) does not match the object.
    pub(crate) fn precondition(
        resource: &Resource,
        name: &str,
        what: &str,
        wanted: &str,
        found: &str,
    ) -> Self {
        let perhaps = if what == "UID" { "deleted and then recreated" } else { "modified" };
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). The object might have been {perhaps}",
            resource.qualified_kind()
        );
        Self::plain(409, "Conflict", message).with_details(details(
            Some(name),
            &resource.group,
            &resource.kind,
        ))
    }

    /// 409: an apply to an object with a UID where there is no object.
    pub(crate) fn uid_of_nothing(resource: &Resource, name: &str, uid: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": uid mismatch: the provided object specified uid {uid}, and no existing object was found",
            resource.qualified()
        );
        Self::plain(409, "Conflict", message).with_details(details(
            Some(name),
            &resource.group,
            &resource.plural,
        ))
    }

    /// 409: an apply that would change fields of other managers.
    pub(crate) fn apply_conflicts(conflicts: &[Conflict]) -> Self {
        let causes: Vec<Value> = conflicts
            .iter()
            .map(|conflict| {
                json!({
                    "reason": "FieldManagerConflict",
                    "message": format!("conflict with {}", conflict.manager),
                    "field": conflict.path,
                })
            })
            .collect();
        let message = match conflicts {
            [one] => format!("Apply failed with 1 conflict: conflict with {}: {}", one.manager, one.path),
            many => {
                let mut managers: Vec<&str> = many.iter().map(|c| c.manager.as_str()).collect();
                managers.sort_unstable();
                managers.dedup();
                let summaries = managers.iter().map(|manager| {
                    let own = many.iter().filter(|c| c.manager == *manager);
                    let paths: Vec<String> = own.map(|c| format!("- {}", c.path)).collect();
                    format!("conflicts with {manager}:\n{}", paths.join("\n"))
                });
                let summaries = summaries.collect::<Vec<_>>().join("\n");
                format!("Apply failed with {} conflicts: {summaries}", many.len())
            }
        };
        Self::plain(409, "Conflict", message).with_details(json!({"causes": causes}))
    }

    /// 410: a watch or list from a revision that is no longer available.
    pub(crate) fn too_old_for_watch(asked: u64, oldest: u64) -> Self {
        Self::plain(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    /// 410: an exact list at a compacted revision.
    pub(crate) fn too_old_for_list() -> Self {
        Self::plain(410, "Expired", "The resourceVersion for the provided list is too old.")
    }

    /// 410: a continue token whose snapshot is no longer available; `fresh` continues without one.
    pub(crate) fn continue_expired(fresh: String) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
        let mut refused = Self::plain(410, "Expired", message);
        refused.continue_token = Some(fresh);
        refused
    }

    /// 415: a patch format that the kind does not support.
    pub(crate) fn unsupported_patch() -> Self {
        let message = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
        Self::plain(415, "UnsupportedMediaType", message)
    }

    /// 500 with a message and no reason, as for a revision that is not a number.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::plain(500, "", message)
    }

    /// 429 of a server that has just started, and does not serve the kind yet.
    pub(crate) fn initializing() -> Self {
        Self::plain(429, "TooManyRequests", "storage is (re)initializing")
            .with_details(json!({"retryAfterSeconds": 1}))
    }

    /// 504: a revision that the server has not reached.
    pub(crate) fn too_large(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        Self::plain(504, "Timeout", message).with_details(json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }))
    }

    /// An error with the given status, for `respond` faults.
    pub(crate) fn of_code(code: u16) -> Self {
        let (reason, message) = match code {
            400 => ("BadRequest", "the server rejected our request for an unknown reason"),
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "forbidden"),
            404 => ("NotFound", "the server could not find the requested resource"),
            409 => ("Conflict", "the server reported a conflict"),
            410 => ("Expired", "The resourceVersion for the provided watch is too old."),
            500 => ("InternalError", "an error on the server has prevented the request from succeeding"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "the server was unable to return a response in the time allotted"),
            _ => ("", "the server returned the status of an injected fault"),
        };
        Self::plain(code, reason, message)
    }

    /// The `Retry-After` header in seconds, if the answer has one.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.details.as_ref()?.get("retryAfterSeconds")?.as_u64()
    }

    /// The `Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if let Some(details) = &self.details {
            status["details"] = (**details).clone();
        }
        if let Some(token) = &self.continue_token {
            status["metadata"]["continue"] = json!(token);
        }
        status
    }
}

/// The `details` of a `Status`; empty parts are omitted, as by the server.
pub(crate) fn details(name: Option<&str>, group: &str, kind: &str) -> Value {
    let mut details = json!({"kind": kind});
    if let Some(name) = name {
        details["name"] = json!(name);
    }
    if !group.is_empty() {
        details["group"] = json!(group);
    }
    details
}
