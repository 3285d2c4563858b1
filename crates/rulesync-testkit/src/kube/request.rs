//! Requests as the world understands them: verbs, and writes with their options.

use http::{HeaderMap, Method, Uri, header};
use serde_json::Value;

use super::delete_options::DeleteOptions;
use super::field_error::FieldError;
use super::intent::{Change, Intent, Unknown};
use super::json_error::describe_json_error;
use super::patch;
use super::protobuf;
use super::query::Params;
use super::refused::Refused;
use super::resource::Resource;
use super::route::{Route, Target, route};

/// The media type of server-side apply.
const APPLY: &str = "application/apply-patch+yaml";

/// The longest name of a field manager, in bytes.
const LONGEST_MANAGER: usize = 128;

/// A write, parsed from the request.
pub(crate) enum Write {
    Create(Value),
    Replace(Value),
    Patch(Change),
    Apply { config: Value, force: bool },
    Delete(DeleteOptions),
    DeleteCollection(DeleteOptions),
}

impl Write {
    pub(crate) fn read(
        verb: &str,
        resource: &Resource,
        params: &Params,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Self, Refused> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let sent = |read: Result<Value, String>| {
            read.map_err(|why| {
                Refused::bad_request(format!(
                    "the object provided is unrecognized (must be of type {}): couldn't get version/kind; {why}",
                    resource.kind,
                ))
            })
        };
        let object = || {
            if content_type.is_some_and(|sent| sent.starts_with(protobuf::MEDIA_TYPE)) {
                return sent(protobuf::read(body));
            }
            sent(serde_json::from_slice::<Value>(body).map_err(|why| {
                format!(
                    "json parse error: {} ({})",
                    describe_json_error(body, &why),
                    String::from_utf8_lossy(&body[..body.len().min(100)])
                )
            }))
        };
        match verb {
            "create" => Ok(Self::Create(object()?)),
            "update" => Ok(Self::Replace(object()?)),
            "patch" => read_patch(resource, params, headers, body),
            other => {
                let options = DeleteOptions::read(params, body)?;
                if other == "delete" {
                    Ok(Self::Delete(options))
                } else {
                    Ok(Self::DeleteCollection(options))
                }
            }
        }
    }
}

fn read_patch(
    resource: &Resource,
    params: &Params,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Write, Refused> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let invalid = |why: serde_json::Error| Refused::bad_request(format!("error decoding patch: {why}"));
    let object = || {
        let patch: Value = serde_json::from_slice(body).map_err(invalid)?;
        if patch.is_object() {
            return Ok(patch);
        }
        Err(Refused::bad_request("error decoding patch: a merge patch must be an object"))
    };
    let format = sent.split(';').next().unwrap_or_default().trim();
    let force = params.flag("force");
    if force && format != APPLY {
        let error = FieldError::forbidden("force", "may not be specified for non-apply patch");
        return Err(Refused::invalid_patch_options(error));
    }
    match format {
        APPLY => {
            if params.text("fieldManager").is_empty() {
                let error = FieldError::required_because("fieldManager", "is required for apply patch");
                return Err(Refused::invalid_patch_options(error));
            }
            // JSON is valid YAML, but parsing it as YAML is slower.
            let config = serde_json::from_slice(body).or_else(|_| {
                serde_saphyr::from_slice(body)
                    .map_err(|why| Refused::bad_request(format!("error decoding YAML: {why}")))
            })?;
            Ok(Write::Apply { config, force })
        }
        "application/merge-patch+json" => Ok(Write::Patch(Change::Merge(object()?))),
        "application/strategic-merge-patch+json" if !resource.is_custom() => {
            Ok(Write::Patch(Change::Strategic(object()?)))
        }
        "application/json-patch+json" => {
            let steps: Vec<patch::Step> = serde_json::from_slice(body).map_err(invalid)?;
            Ok(Write::Patch(Change::Steps(steps)))
        }
        _ => Err(Refused::unsupported_patch()),
    }
}

/// The verb that authorization checks.
pub(crate) fn verb(method: &Method, target: &Target, params: &Params) -> Result<&'static str, Refused> {
    let one = target.name.is_some();
    match *method {
        Method::GET if one => Ok("get"),
        Method::GET => Ok(if params.flag("watch") { "watch" } else { "list" }),
        Method::POST if !one => Ok("create"),
        Method::PUT if one => Ok("update"),
        Method::PATCH if one => Ok("patch"),
        Method::DELETE => Ok(if one { "delete" } else { "deletecollection" }),
        _ => Err(Refused::method_not_allowed()),
    }
}

/// The options of a write.
///
/// # Errors
/// 400 for an unknown value.
pub(crate) fn intent(params: &Params, headers: &HeaderMap) -> Result<Intent, Refused> {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let manager = match params.text("fieldManager") {
        "" => agent.split('/').next().filter(|value| !value.is_empty()).unwrap_or("unknown"),
        manager => manager,
    };
    if manager.len() > LONGEST_MANAGER {
        let error = FieldError::too_long("fieldManager", LONGEST_MANAGER);
        return Err(Refused::invalid_patch_options(error));
    }
    let dry_run = match params.text("dryRun") {
        "" => false,
        "All" => true,
        other => return Err(Refused::bad_request(format!("invalid dryRun option: {other:?}"))),
    };
    let unknown = match params.text("fieldValidation") {
        "" | "Warn" => Unknown::Warn,
        "Ignore" => Unknown::Ignore,
        "Strict" => Unknown::Strict,
        other => return Err(Refused::bad_request(format!("invalid fieldValidation option: {other:?}"))),
    };
    Ok(Intent {
        manager: manager.to_owned(),
        status: false,
        patches: false,
        may_create: Ok(()),
        dry_run,
        unknown,
        validate: true,
        with_status: false,
        unconditional: false,
        uid: None,
    })
}

/// The verb and the target of a request for objects.
pub(crate) fn verb_and_target(method: &Method, uri: &Uri) -> Option<(&'static str, Target)> {
    let Route::Objects(target) = route(uri.path()) else { return None };
    let params = Params::parse(uri.query().unwrap_or_default());
    verb(method, &target, &params).ok().map(|verb| (verb, target))
}
