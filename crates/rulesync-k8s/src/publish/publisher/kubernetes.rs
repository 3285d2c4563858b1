//! Writes to a cluster: one request each, whose answer is as small as it can be, and what its failure means.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use http::{Request, StatusCode};
use k8s_openapi::api::events::v1::Event;
use kube::Client;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::client::Body;
use kube::core::ObjectMeta;
use kube::core::request::Error as RequestError;
use kube::core::{Request as Requests, Resource, Status};
use rulesync_core::Owner;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::published::Annotation;
use super::sink::{Failure, FailureKind, Listed, Page, Sink};
use super::write::{Collection, Output, Write};
use crate::crd::{LoggingRule, LoggingRuleStatus, RuleStatus, api_version};
use crate::failure::describe;
use crate::publish::draft::Written;
use crate::publish::reason::Reason;
use crate::publish::report::Report;
use crate::publish::{OWNER_LABEL, STATE_LABEL, field_manager, logging_rule};
use crate::resource::{Rules, annotations_where};
use managed::{Manager, managers_of_state};

mod managed;

/// The time for a request.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What annotations that rulesync writes begin with.
const OWN_PREFIX: &str = "rulesync.dev/";

/// The number of objects in a page of a list: the metadata of each is some kilobytes.
const PAGE: u32 = 250;

/// A cluster, with the names under which an installation writes to it.
pub(super) struct Cluster {
    client: Client,
    field_manager: String,
    selector: String,
}

impl Cluster {
    pub(super) fn new(client: Client, owner: &Owner) -> Self {
        Self { client, field_manager: field_manager(owner), selector: format!("{OWNER_LABEL}={owner}") }
    }

    /// Sends a request and returns the body of its answer. `what` names the objects and the verb.
    async fn send(
        &self,
        (verb, what): (&str, &str),
        request: Result<Request<Vec<u8>>, RequestError>,
    ) -> Result<Vec<u8>, Failure> {
        let refused = |reason: String| Failure { kind: FailureKind::Refused, reason, retry_after: None };
        let request = request.map_err(|error| refused(format!("cannot {verb} {what}: {error}")))?;
        let response = async {
            let response = self.client.send(request.map(Body::from)).await?;
            let (head, body) = response.into_parts();
            Ok::<_, kube::Error>((head, body.collect_bytes().await?))
        };
        let unreachable =
            |reason: String| Failure { kind: FailureKind::Unreachable, reason, retry_after: None };
        let (head, body) = match tokio::time::timeout(TIMEOUT, response).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(unreachable(describe(verb, what, &[], &error))),
            Err(_) => {
                return Err(unreachable(format!("cannot {verb} {what}: no response within {TIMEOUT:?}")));
            }
        };
        if head.status.is_success() {
            return Ok(body.into());
        }
        let status = serde_json::from_slice::<Status>(&body).unwrap_or_default();
        let asked =
            head.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = asked.or_else(|| {
            let seconds = status.details.as_ref()?.retry_after_seconds;
            (seconds > 0).then(|| u64::from(seconds))
        });
        let kind = kind_of(head.status, &status);
        let told = Status { code: head.status.as_u16(), message: message(&status, &body), ..status };
        // An apply needs a permission to create where there is no object, and the server says which one is missing.
        let missing = if told.message.contains("cannot create resource") { "create" } else { verb };
        let reason = describe(verb, what, &[missing], &kube::Error::Api(Box::new(told)));
        Err(Failure { kind, reason, retry_after: retry_after.map(Duration::from_secs) })
    }

    fn apply(&self) -> PatchParams {
        PatchParams::apply(&self.field_manager)
    }
}

#[async_trait]
impl Sink for Cluster {
    async fn list(
        &self,
        collection: Collection,
        namespace: Option<&str>,
        page: Option<&str>,
    ) -> Result<Page, Failure> {
        let mut params = ListParams::default().limit(PAGE);
        params.continue_token = page.map(str::to_owned);
        let of_owner = || params.clone().labels(&self.selector);
        match collection {
            Collection::RuleStatuses => {
                let request = Requests::new(RuleStatus::url_path(&(), namespace)).list_metadata(&of_owner());
                let body = self.send(("list", "rulestatuses.rulesync.dev"), request).await?;
                read(&body, of_document)
            }
            Collection::Reports => {
                let request = Requests::new(Report::url_path(&(), namespace)).list_metadata(&of_owner());
                let body = self.send(("list", "reports.openreports.io"), request).await?;
                read(&body, of_document)
            }
            Collection::LoggingRules => {
                let request = Requests::new(LoggingRule::url_path(&(), namespace)).list(&params);
                let body = self.send(("list", "loggingrules.rulesync.dev"), request).await?;
                read(&body, |WithStatus { metadata, status }| {
                    listed(metadata, status.as_ref().and_then(logging_rule::written), None)
                })
            }
            Collection::Annotated(kind) => {
                let request = Requests::new(Rules::url_path(&kind, namespace)).list_metadata(&params);
                let body = self.send(("list", &kind.full_name()), request).await?;
                read(&body, |Metadata { metadata }| {
                    let annotation = metadata.annotation(&self.field_manager);
                    listed(metadata, None, annotation)
                })
            }
        }
    }

    async fn write(&self, write: &Write) -> Result<(), Failure> {
        let namespace = Some(write.namespace());
        let sent = match write {
            Write::RuleStatus(status) => {
                let name = status.metadata.name.as_deref().unwrap_or_default();
                let requests = Requests::new(RuleStatus::url_path(&(), namespace));
                let request = requests.patch_metadata(name, &self.apply(), &Patch::Apply(status));
                self.send(("patch", "rulestatuses.rulesync.dev"), request).await
            }
            Write::Report(report) => {
                let name = report.metadata.name.as_deref().unwrap_or_default();
                let requests = Requests::new(Report::url_path(&(), namespace));
                let request = requests.patch_metadata(name, &self.apply(), &Patch::Apply(report));
                self.send(("patch", "reports.openreports.io"), request).await
            }
            Write::LoggingRule { name, status, .. } => {
                let body = json!({
                    "apiVersion": api_version(), "kind": "LoggingRule",
                    "metadata": {"namespace": namespace, "name": name}, "status": status,
                });
                let requests = Requests::new(LoggingRule::url_path(&(), namespace));
                let request = requests.patch_subresource("status", name, &self.apply(), &Patch::Apply(body));
                self.send(("patch", "loggingrules/status.rulesync.dev"), request).await
            }
            Write::Annotation { kind, name, uid, state, .. } => {
                // With its UID, an object that was deleted meanwhile is not created.
                let mut body = json!({
                    "apiVersion": kind.api_version(), "kind": kind.name,
                    "metadata": {"namespace": namespace, "name": name, "uid": uid},
                });
                if let Some(state) = state {
                    body["metadata"]["annotations"] = json!({STATE_LABEL: state.word()});
                }
                let requests = Requests::new(Rules::url_path(kind, namespace));
                let request = requests.patch_metadata(name, &self.apply(), &Patch::Apply(body));
                self.send(("patch", &kind.full_name()), request).await
            }
            Write::Delete { output, name, .. } => {
                let (path, what) = match output {
                    Output::Report => (Report::url_path(&(), namespace), "reports.openreports.io"),
                    _ => (RuleStatus::url_path(&(), namespace), "rulestatuses.rulesync.dev"),
                };
                let request = Requests::new(path).delete(name, &DeleteParams::background());
                self.send(("delete", what), request).await
            }
        };
        sent.map(drop)
    }

    async fn record(&self, event: &Event) -> Result<(), Failure> {
        let what = ("create", "events.events.k8s.io");
        let encoded = serde_json::to_vec(event).map_err(RequestError::SerializeBody);
        let params = PostParams { field_manager: Some(self.field_manager.clone()), ..PostParams::default() };
        let namespace = event.metadata.namespace.as_deref();
        let requests = Requests::new(Event::url_path(&(), namespace));
        self.send(what, encoded.and_then(|body| requests.create(&params, body))).await.map(drop)
    }
}

/// An object of which only the metadata are of interest.
#[derive(Deserialize)]
struct Metadata {
    metadata: OwnMetadata,
}

/// A `LoggingRule` without its rules.
#[derive(Deserialize)]
struct WithStatus {
    metadata: OwnMetadata,
    #[serde(default)]
    status: Option<LoggingRuleStatus>,
}

/// The metadata of an object, as far as rulesync has written them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OwnMetadata {
    #[serde(default)]
    namespace: String,
    name: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "own")]
    annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "managers_of_state")]
    managed_fields: Vec<Manager>,
}

fn own<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    annotations_where(deserializer, |key| key.starts_with(OWN_PREFIX))
}

impl OwnMetadata {
    fn written(&self) -> Option<Written> {
        let (labels, annotations) = (self.labels.clone(), Some(self.annotations.clone()));
        Written::of_metadata(&ObjectMeta { labels, annotations, ..ObjectMeta::default() })
    }

    /// Returns the annotation with the state, as this field manager sees it.
    fn annotation(&self, own: &str) -> Option<Annotation> {
        let word = self.annotations.get(STATE_LABEL)?;
        if self.managed_fields.iter().any(|manager| manager.applies && manager.name == own) {
            // A word that this version does not know is replaced by one that it does.
            return Reason::of_word(word).map(Annotation::Own);
        }
        // What nobody has is anybody's.
        (!self.managed_fields.is_empty()).then_some(Annotation::Foreign)
    }
}

/// A page of objects of some form.
#[derive(Deserialize)]
struct Items<T> {
    #[serde(default)]
    metadata: ItemsMetadata,
    /// None, and not an empty list, if a list of metadata has no items.
    #[serde(default = "Option::default")]
    items: Option<Vec<T>>,
}

#[derive(Deserialize, Default)]
struct ItemsMetadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

fn read<T: DeserializeOwned>(body: &[u8], item: impl Fn(T) -> Listed) -> Result<Page, Failure> {
    let Items { metadata, items } = serde_json::from_slice(body).map_err(|error| Failure {
        kind: FailureKind::Failing,
        reason: format!("a list cannot be read: {error}"),
        retry_after: None,
    })?;
    let next = metadata.next.filter(|token| !token.is_empty());
    Ok(Page { items: items.into_iter().flatten().map(item).collect(), next })
}

fn of_document(Metadata { metadata }: Metadata) -> Listed {
    let written = metadata.written();
    listed(metadata, written, None)
}

fn listed(metadata: OwnMetadata, written: Option<Written>, annotation: Option<Annotation>) -> Listed {
    let OwnMetadata { namespace, name, .. } = metadata;
    Listed { namespace, name, written, annotation }
}

/// Returns what follows of an answer that is no success.
fn kind_of(code: StatusCode, status: &Status) -> FailureKind {
    let details = status.details.as_ref();
    let has_cause =
        |reason| details.is_some_and(|details| details.causes.iter().any(|cause| cause.reason == reason));
    let terminates = || has_cause("NamespaceTerminating");
    match code.as_u16() {
        // The path of a kind that is not served has no object that could be missing.
        404 if details.is_none_or(|details| details.name.is_empty()) => FailureKind::Absent,
        404 => FailureKind::Gone,
        403 if terminates() => FailureKind::Gone,
        403 if is_of_admission(&status.message) => FailureKind::Refused,
        403 => FailureKind::Denied,
        409 if status.reason == "AlreadyExists" => FailureKind::Exists,
        409 if has_cause("FieldManagerConflict") => FailureKind::Conflict,
        409 | 422 if is_about_uid(status) => FailureKind::Gone,
        // Others have changed it again and again while the server tried.
        409 => FailureKind::Failing,
        429 => FailureKind::Throttled,
        // Expired credentials are renewed.
        401 | 408 | 410 => FailureKind::Failing,
        400..=499 => FailureKind::Refused,
        _ => FailureKind::Failing,
    }
}

/// Returns whether a request is forbidden because of what it would write, and not because of who sends it: a webhook that
/// admits objects says no, or a quota is used up.
fn is_of_admission(message: &str) -> bool {
    message.contains("denied the request") || message.contains("exceeded quota")
}

/// Returns whether the object with the UID that was sent does not exist any more, or another one of its name does.
fn is_about_uid(status: &Status) -> bool {
    let causes = status.details.as_ref().map_or(&[][..], |details| &details.causes);
    status.message.contains("uid mismatch") || causes.iter().any(|cause| cause.field == "metadata.uid")
}

/// Returns the message of an answer.
fn message(status: &Status, body: &[u8]) -> String {
    const LONGEST: usize = 200;
    match status.message.is_empty() {
        true => String::from_utf8_lossy(body.get(..LONGEST).unwrap_or(body)).trim().to_owned(),
        false => status.message.clone(),
    }
}

#[cfg(test)]
mod tests;
