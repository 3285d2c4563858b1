//! A cluster in memory: stores what is written, with the times of all requests, and fails on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::events::v1::Event;
use kube::core::ObjectMeta;
use rulesync_core::Owner;
use tokio::time::Instant;

use crate::crd::{LoggingRuleStatus, RuleStatus};
use crate::publish::draft::Written;
use crate::publish::publisher::published::Annotation;
use crate::publish::publisher::sink::{Failure, FailureKind, Listed, Page, Sink};
use crate::publish::publisher::write::{Collection, Output, Write};
use crate::publish::reason::Reason;
use crate::publish::report::Report;
use crate::publish::{OWNER_LABEL, STATE_LABEL, logging_rule};

/// Whether a request fails: of what it is, such as `rule_status` or `event`, and its Kubernetes namespace.
type Fault = Box<dyn Fn(&str, &str) -> Option<FailureKind> + Send>;

/// A cluster in memory. Clones are the same cluster.
#[derive(Clone, Default)]
pub(super) struct MemoryCluster(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    rule_statuses: BTreeMap<(String, String), RuleStatus>,
    reports: BTreeMap<(String, String), Report>,
    logging_rules: BTreeMap<(String, String), LoggingRuleStatus>,
    /// Each with those who have written it.
    annotations: BTreeMap<(String, String), (Reason, Vec<Owner>)>,
    events: BTreeMap<(String, String), Event>,
    requests: Vec<(Instant, String)>,
    /// The number of items on a page of a list; 2 if none is set.
    page: Option<usize>,
    fault: Option<Fault>,
}

/// What an installation writes to a cluster.
pub(super) struct OwnersSink {
    pub(super) cluster: MemoryCluster,
    pub(super) owner: Owner,
}

impl MemoryCluster {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap()
    }

    /// Sets which requests fail.
    pub(super) fn fail(&self, fault: impl Fn(&str, &str) -> Option<FailureKind> + Send + 'static) {
        self.lock().fault = Some(Box::new(fault));
    }

    pub(super) fn set_page(&self, items: usize) {
        self.lock().page = Some(items);
    }

    pub(super) fn heal(&self) {
        self.lock().fault = None;
    }

    /// Returns the requests since the last call, such as `write rule_status ns/o.us`.
    pub(super) fn requests(&self) -> Vec<String> {
        self.times().into_iter().map(|(_, request)| request).collect()
    }

    /// Returns the requests since the last call with their times.
    pub(super) fn times(&self) -> Vec<(Instant, String)> {
        std::mem::take(&mut self.lock().requests)
    }

    /// Returns the number of requests since the last call that begin with each of these texts.
    pub(super) fn counts<const N: usize>(&self, beginnings: [&str; N]) -> [usize; N] {
        let requests = self.requests();
        beginnings.map(|beginning| requests.iter().filter(|request| request.starts_with(beginning)).count())
    }

    /// Returns the state of the `RuleStatus` of this name in the Kubernetes namespace `ns`.
    pub(super) fn state(&self, name: &str) -> Option<String> {
        let memory = self.lock();
        let status = memory.rule_statuses.get(&("ns".to_owned(), name.to_owned()))?;
        status.metadata.labels.as_ref()?.get(STATE_LABEL).cloned()
    }

    /// Returns the status of the condition `Ready` of the `RuleStatus` of this name.
    pub(super) fn ready(&self, name: &str) -> Option<String> {
        let memory = self.lock();
        let status = memory.rule_statuses.get(&("ns".to_owned(), name.to_owned()))?.status.as_ref()?;
        Some(status.conditions.iter().find(|condition| condition.type_ == "Ready")?.status.clone())
    }

    /// Returns the `RuleStatus` of this name.
    pub(super) fn rule_status(&self, name: &str) -> Option<RuleStatus> {
        self.lock().rule_statuses.get(&("ns".to_owned(), name.to_owned())).cloned()
    }

    /// Returns the UIDs that the Events about an object have.
    pub(super) fn regarding(&self, object: &str) -> Vec<String> {
        let memory = self.lock();
        let regarding = memory.events.values().filter_map(|event| event.regarding.clone());
        regarding.filter(|it| it.name.as_deref() == Some(object)).filter_map(|it| it.uid).collect()
    }

    /// Returns the names of all `RuleStatus` objects.
    pub(super) fn names(&self) -> Vec<String> {
        self.lock().rule_statuses.keys().map(|(_, name)| name.clone()).collect()
    }

    /// Returns the reasons of the Events about an object.
    pub(super) fn told(&self, object: &str) -> Vec<String> {
        let memory = self.lock();
        let is_about = |event: &&Event| {
            event.regarding.as_ref().is_some_and(|regarding| regarding.name.as_deref() == Some(object))
        };
        let mut events: Vec<&Event> = memory.events.values().filter(is_about).collect();
        events.sort_by_key(|event| event.event_time.clone().map(|time| time.0));
        events.iter().map(|event| event.reason.clone().unwrap()).collect()
    }

    pub(super) fn annotation(&self, name: &str) -> Option<Reason> {
        self.lock().annotations.get(&("ns".to_owned(), name.to_owned())).map(|(state, _)| *state)
    }

    pub(super) fn reports(&self) -> usize {
        self.lock().reports.len()
    }

    pub(super) fn logging_rules(&self) -> usize {
        self.lock().logging_rules.len()
    }

    /// Deletes all `RuleStatus` objects, by hand or with their definition.
    pub(super) fn delete_all(&self) {
        self.lock().rule_statuses.clear();
    }

    async fn request(&self, verb: &str, kind: &str, namespace: &str, name: &str) -> Result<(), Failure> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let mut memory = self.lock();
        memory.requests.push((Instant::now(), format!("{verb} {kind} {namespace}/{name}")));
        match memory.fault.as_ref().and_then(|fault| fault(kind, namespace)) {
            Some(failure) => Err(of_kind(failure)),
            None => Ok(()),
        }
    }
}

fn of_kind(kind: FailureKind) -> Failure {
    let retry_after = (kind == FailureKind::Throttled).then_some(Duration::from_secs(7));
    Failure { kind, reason: format!("it is {}", kind.word()), retry_after }
}

impl OwnersSink {
    /// Annotates as server-side apply does: who has written the same word has it, too.
    fn annotate(
        &self,
        annotations: &mut BTreeMap<(String, String), (Reason, Vec<Owner>)>,
        place: (String, String),
        state: Option<Reason>,
    ) -> Result<(), Failure> {
        let (before, mut owners) = annotations.get(&place).cloned().unzip();
        let owners = owners.get_or_insert_default();
        owners.retain(|owner| *owner != self.owner);
        let has_others = !owners.is_empty();
        match (state, before) {
            (Some(state), before) if before != Some(state) && has_others => {
                return Err(of_kind(FailureKind::Conflict));
            }
            (Some(state), _) => {
                owners.push(self.owner.clone());
                annotations.insert(place, (state, owners.clone()));
            }
            (None, Some(before)) if has_others => drop(annotations.insert(place, (before, owners.clone()))),
            (None, _) => drop(annotations.remove(&place)),
        }
        Ok(())
    }
}

/// Returns a page of objects, which begins at a position.
fn paged<'m, T: 'm>(
    all: impl Iterator<Item = (&'m (String, String), &'m T)>,
    namespace: Option<&str>,
    page: Option<&str>,
    size: usize,
    listed: impl Fn(&(String, String), &T) -> Listed,
) -> Page {
    let from: usize = page.map_or(0, |page| page.parse().unwrap());
    let there = all.filter(|((place, _), _)| namespace.is_none_or(|namespace| namespace == place));
    let mut rest = there.skip(from);
    let items = rest.by_ref().take(size).map(|(name, value)| listed(name, value)).collect();
    Page { items, next: rest.next().map(|_| (from + size).to_string()) }
}

#[async_trait]
impl Sink for OwnersSink {
    async fn list(
        &self,
        collection: Collection,
        namespace: Option<&str>,
        page: Option<&str>,
    ) -> Result<Page, Failure> {
        let kind = collection.output().word();
        self.cluster.request("list", kind, namespace.unwrap_or_default(), page.unwrap_or_default()).await?;
        let memory = self.cluster.lock();
        let is_own = |labels: &Option<BTreeMap<String, String>>| {
            labels.as_ref().is_some_and(|labels| labels.get(OWNER_LABEL) == Some(&self.owner.to_string()))
        };
        let listed = |(namespace, name): &(String, String), written, annotation| Listed {
            namespace: namespace.clone(),
            name: name.clone(),
            written,
            annotation,
        };
        let of_document = |name: &(String, String), metadata: &ObjectMeta| {
            listed(name, Written::of_metadata(metadata), None)
        };
        let size = memory.page.unwrap_or(2);
        Ok(match collection {
            Collection::RuleStatuses => {
                let own = memory.rule_statuses.iter().filter(|(_, status)| is_own(&status.metadata.labels));
                paged(own, namespace, page, size, |name, status| of_document(name, &status.metadata))
            }
            Collection::Reports => {
                let own = memory.reports.iter().filter(|(_, report)| is_own(&report.metadata.labels));
                paged(own, namespace, page, size, |name, report| of_document(name, &report.metadata))
            }
            Collection::LoggingRules => {
                let all = memory.logging_rules.iter();
                paged(all, namespace, page, size, |name, status| {
                    listed(name, logging_rule::written(status), None)
                })
            }
            Collection::Annotated(_) => {
                paged(memory.annotations.iter(), namespace, page, size, |name, (state, owners)| {
                    let is_own = owners.contains(&self.owner);
                    let annotation = if is_own { Annotation::Own(*state) } else { Annotation::Foreign };
                    listed(name, None, Some(annotation))
                })
            }
        })
    }

    async fn write(&self, write: &Write) -> Result<(), Failure> {
        let (verb, name) = match write {
            Write::RuleStatus(status) => ("write", status.metadata.name.clone().unwrap()),
            Write::Report(report) => ("write", report.metadata.name.clone().unwrap()),
            Write::LoggingRule { name, .. } | Write::Annotation { name, .. } => ("write", name.clone()),
            Write::Delete { name, .. } => ("delete", name.clone()),
        };
        self.cluster.request(verb, write.output().word(), write.namespace(), &name).await?;
        let mut memory = self.cluster.lock();
        let place = (write.namespace().to_owned(), name);
        match write.clone() {
            Write::RuleStatus(status) => drop(memory.rule_statuses.insert(place, *status)),
            Write::Report(report) => drop(memory.reports.insert(place, *report)),
            Write::LoggingRule { status, .. } if *status == LoggingRuleStatus::default() => {
                memory.logging_rules.remove(&place);
            }
            Write::LoggingRule { status, .. } => drop(memory.logging_rules.insert(place, *status)),
            Write::Annotation { state, .. } => return self.annotate(&mut memory.annotations, place, state),
            Write::Delete { output: Output::RuleStatus, .. } => {
                memory.rule_statuses.remove(&place).ok_or_else(|| of_kind(FailureKind::Gone))?;
            }
            Write::Delete { .. } => drop(memory.reports.remove(&place)),
        }
        Ok(())
    }

    async fn record(&self, event: &Event) -> Result<(), Failure> {
        let part = |text: &Option<String>| text.clone().unwrap();
        let place = (part(&event.metadata.namespace), part(&event.metadata.name));
        self.cluster.request("create", "event", &place.0, &place.1).await?;
        let mut memory = self.cluster.lock();
        if memory.events.contains_key(&place) {
            return Err(of_kind(FailureKind::Exists));
        }
        memory.events.insert(place, event.clone());
        Ok(())
    }
}
