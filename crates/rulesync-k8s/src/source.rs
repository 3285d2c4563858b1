//! The source: one watch of the Kubernetes namespaces and one or more of the rules, whose failures are reported
//! together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Event;
use kube::{Api, Client, ResourceExt};
use rulesync_core::model::Labels;
use rulesync_core::source::Closed;
use rulesync_core::{Scope, Sink, Source, SourceEvent};
use tokio::sync::{Mutex, watch as flag};
use tracing::debug;

use crate::connect::{ConnectError, KubernetesConfig, connect};
use crate::identity::identity;
use crate::resource::{KUBECTL_PREFIX, Kind, Read, Rules};
use crate::watch::{EventError, Observer, watch};

/// The objects with rules in a cluster, or in some of its Kubernetes namespaces.
///
/// If Kubernetes namespaces are configured, each of them is watched separately: this needs no permissions for the whole
/// cluster, but their labels and annotations are unknown.
#[derive(Clone)]
pub struct KubernetesSource {
    client: Client,
    config: KubernetesConfig,
}

impl fmt::Debug for KubernetesSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesSource").field("config", &self.config).finish_non_exhaustive()
    }
}

impl KubernetesSource {
    /// Creates a source for the cluster of the configuration. Sends no request.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if no client can be created from the configuration.
    pub async fn connect(config: KubernetesConfig) -> Result<Self, ConnectError> {
        Ok(Self { client: connect(&config).await?, config })
    }

    /// Creates a source with an existing client, which should have a read timeout and not retry by itself.
    pub fn from_client(client: Client, config: KubernetesConfig) -> Self {
        Self { client, config }
    }

    /// The client of the cluster.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The objects that are watched.
    pub(crate) fn config(&self) -> &KubernetesConfig {
        &self.config
    }

    /// The kinds and Kubernetes namespaces that are watched separately; without a namespace, a kind is watched in all.
    fn watched(&self) -> Vec<(&'static Kind, Option<&str>)> {
        // Removes duplicates.
        let namespaces: BTreeSet<&str> = self.config.namespaces.iter().map(String::as_str).collect();
        let namespaces: Vec<Option<&str>> =
            if namespaces.is_empty() { vec![None] } else { namespaces.into_iter().map(Some).collect() };
        let names: BTreeSet<&str> = self.config.kinds.iter().map(String::as_str).collect();
        let kinds = names.into_iter().filter_map(Kind::of);
        kinds.flat_map(|kind| namespaces.iter().map(move |namespace| (kind, *namespace))).collect()
    }

    fn watches_all_namespaces(&self) -> bool {
        self.config.namespaces.is_empty()
    }

    async fn watch_namespaces(&self, shared: &Shared) -> Result<(), Closed> {
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
        let mut observer = Namespaces { shared };
        watch(api, "namespaces", &self.config, &mut observer).await
    }

    async fn watch_rules(
        &self,
        shared: &Shared,
        kind: &'static Kind,
        namespace: Option<&str>,
        index: usize,
    ) -> Result<(), Closed> {
        let client = self.client.clone();
        let (api, suffix): (Api<Rules>, String) = match namespace {
            Some(namespace) => (Api::namespaced_with(client, namespace, &kind), format!(" in {namespace}")),
            None => (Api::all_with(client, &kind), String::new()),
        };
        let what = format!("{}{suffix}", kind.full_name());
        // Objects are sent after their Kubernetes namespaces.
        if shared.namespaces_listed.subscribe().wait_for(|listed| *listed).await.is_err() {
            return Err(Closed);
        }
        let mut observer = Objects {
            shared,
            client: &self.client,
            watch: Watch::Rules(index),
            kind,
            kind_name: kind.name.into(),
            scope: scope(kind, namespace),
            installed: Installed::Unknown,
            sent_since_empty: false,
            listed_any: false,
            timeout: self.config.list_timeout,
            look_interval: self.config.look_interval,
        };
        watch(api, &what, &self.config, &mut observer).await
    }
}

#[async_trait]
impl Source for KubernetesSource {
    async fn run(&self, sink: Sink) {
        let shared = Shared {
            sink,
            namespaces_listed: flag::Sender::new(!self.watches_all_namespaces()),
            availability: Mutex::new(Availability::default()),
        };
        let rules = self
            .watched()
            .into_iter()
            .enumerate()
            .map(|(index, (kind, namespace))| self.watch_rules(&shared, kind, namespace, index));
        let watches = async {
            let rules = join_all(rules);
            if self.watches_all_namespaces() {
                drop(futures::join!(self.watch_namespaces(&shared), rules));
            } else {
                rules.await;
            }
        };
        let identity = async {
            let identity = identity(&self.client, self.config.list_timeout).await;
            // The watches notice if the engine has stopped receiving events.
            let _ = shared.sink.send(SourceEvent::Identity(identity)).await;
        };
        // The watches end only when the engine has stopped receiving events.
        futures::join!(watches, identity);
    }

    fn scopes(&self) -> Vec<Scope> {
        let namespaces = self.watches_all_namespaces().then_some(Scope::Namespaces);
        let rules = self.watched().into_iter().map(|(kind, namespace)| scope(kind, namespace));
        namespaces.into_iter().chain(rules).collect()
    }

    fn identifies(&self) -> bool {
        true
    }
}

/// Returns the scope of a watch.
fn scope(kind: &Kind, namespace: Option<&str>) -> Scope {
    match namespace {
        Some(namespace) => Scope::kind_in(kind.name, namespace),
        None => Scope::kind(kind.name),
    }
}

/// State shared by the watches of a source.
struct Shared {
    sink: Sink,
    /// `true` when the Kubernetes namespaces have been listed, or need not be.
    namespaces_listed: flag::Sender<bool>,
    availability: Mutex<Availability>,
}

/// The availability of all watches.
#[derive(Default)]
struct Availability {
    /// The reasons why watches fail.
    failures: BTreeMap<Watch, String>,
    /// Set if the kind of some objects is missing.
    kind_gone: bool,
    /// The summary of the failures that was last sent, and whether it was sent as [`SourceEvent::KindGone`].
    reported: Option<(String, bool)>,
}

/// A watch of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Watch {
    Namespaces,
    /// A watch of rules, by its index.
    Rules(usize),
}

impl Shared {
    async fn unavailable(&self, watch: Watch, reason: &str, kind_gone: bool) -> Result<(), Closed> {
        let mut availability = self.availability.lock().await;
        availability.failures.insert(watch, reason.to_owned());
        availability.kind_gone |= kind_gone && watch != Watch::Namespaces;
        self.report(&mut availability).await
    }

    async fn available(&self, watch: Watch) -> Result<(), Closed> {
        let mut availability = self.availability.lock().await;
        availability.failures.remove(&watch);
        self.report(&mut availability).await
    }

    /// Sends the summary of all failures if it has changed, or if a kind is missing since.
    async fn report(&self, availability: &mut Availability) -> Result<(), Closed> {
        let summary = summary(&availability.failures);
        availability.kind_gone &= summary.is_some();
        let report = summary.map(|summary| (summary, availability.kind_gone));
        if availability.reported == report {
            return Ok(());
        }
        availability.reported.clone_from(&report);
        let event = match report {
            Some((reason, true)) => SourceEvent::KindGone { reason },
            Some((reason, false)) => SourceEvent::Unavailable { reason },
            None => SourceEvent::Available,
        };
        self.sink.send(event).await
    }
}

/// Returns the first few reasons in one line; `None` if there is none. Hundreds of Kubernetes namespaces may be watched,
/// and most of their watches fail for the same reason.
fn summary(failures: &BTreeMap<Watch, String>) -> Option<String> {
    const SHOWN: usize = 3;
    let mut reasons: Vec<&str> = failures.values().map(String::as_str).take(SHOWN).collect();
    if failures.len() > SHOWN {
        reasons.push("and so on");
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// Sends the events of the Kubernetes namespaces.
struct Namespaces<'a> {
    shared: &'a Shared,
}

impl Observer<PartialObjectMeta<Namespace>> for Namespaces<'_> {
    async fn event(&mut self, event: Event<PartialObjectMeta<Namespace>>) -> Result<(), EventError> {
        let sink = &self.shared.sink;
        match event {
            Event::Init => sink.send(SourceEvent::SnapshotStarted(Scope::Namespaces)).await?,
            Event::InitApply(namespace) | Event::Apply(namespace) => {
                let name = namespace.name_any();
                let labels: Labels = namespace.labels().iter().collect();
                let annotations = namespace
                    .annotations()
                    .iter()
                    .filter(|(key, _)| !key.starts_with(KUBECTL_PREFIX))
                    .collect();
                sink.send(SourceEvent::Namespace { name: name.into(), labels, annotations }).await?;
            }
            Event::Delete(namespace) => {
                sink.send(SourceEvent::NamespaceGone { name: namespace.name_any().into() }).await?;
            }
            Event::InitDone => {
                sink.send(SourceEvent::SnapshotComplete(Scope::Namespaces)).await?;
                self.shared.namespaces_listed.send_replace(true);
            }
        }
        Ok(())
    }

    async fn unavailable(&mut self, reason: &str, kind_gone: bool) -> Result<(), Closed> {
        self.shared.unavailable(Watch::Namespaces, reason, kind_gone).await
    }

    async fn available(&mut self) -> Result<(), Closed> {
        self.shared.available(Watch::Namespaces).await
    }
}

/// Indicates if the API server serves a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Installed {
    Unknown,
    No,
    Yes,
}

/// Sends the events of the objects of one kind, in all Kubernetes namespaces or in one.
struct Objects<'a> {
    shared: &'a Shared,
    client: &'a Client,
    watch: Watch,
    kind: &'static Kind,
    kind_name: Arc<str>,
    scope: Scope,
    installed: Installed,
    /// Set if an object was sent since the last empty list.
    sent_since_empty: bool,
    /// Set if the current list contains an object.
    listed_any: bool,
    /// The timeout of a request for the kind.
    timeout: Duration,
    /// The interval of attempts while the kind is not installed.
    look_interval: Duration,
}

impl Objects<'_> {
    async fn send_object(&mut self, rule: Rules) -> Result<(), Closed> {
        let sink = &self.shared.sink;
        let event = match rule.read(sink.source(), &self.kind_name) {
            Read::Object(object) => SourceEvent::Upsert(object),
            Read::Malformed(id, version, finding) => {
                SourceEvent::Malformed { id, version, finding, hides: false }
            }
        };
        (self.sent_since_empty, self.listed_any) = (true, true);
        sink.send(event).await
    }

    async fn complete(&self) -> Result<(), Closed> {
        self.shared.sink.send(SourceEvent::SnapshotComplete(self.scope.clone())).await
    }

    async fn send_installed(&self, installed: bool) -> Result<(), Closed> {
        let kind = Arc::clone(&self.kind_name);
        self.shared.sink.send(SourceEvent::Kind { kind, installed }).await
    }

    /// Returns an error unless the API server confirms that it serves the kind. Right after the deletion of a CRD, a list
    /// of its objects succeeds and is empty (docs/contracts/observed.md, "CRD deleted").
    async fn confirm_kind_exists(&self) -> Result<(), EventError> {
        let Kind { group, version, plural, .. } = self.kind;
        let unconfirmed = format!(
            "the list of {} is empty; waiting until the API server confirms that the kind exists",
            self.kind.full_name()
        );
        let version = format!("{group}/{version}");
        match tokio::time::timeout(self.timeout, self.client.list_api_group_resources(&version)).await {
            Ok(Ok(kinds)) if kinds.resources.iter().any(|kind| kind.name == *plural) => Ok(()),
            _ => Err(EventError::Unreliable(unconfirmed)),
        }
    }
}

impl Observer<Rules> for Objects<'_> {
    async fn event(&mut self, event: Event<Rules>) -> Result<(), EventError> {
        match event {
            Event::Init => {
                self.listed_any = false;
                self.shared.sink.send(SourceEvent::SnapshotStarted(self.scope.clone())).await?;
            }
            Event::InitApply(rule) | Event::Apply(rule) => self.send_object(rule).await?,
            Event::Delete(rule) => {
                let id = rule.id(self.shared.sink.source(), &self.kind_name);
                self.shared.sink.send(SourceEvent::Delete(id)).await?;
            }
            Event::InitDone => {
                if self.sent_since_empty && !self.listed_any {
                    self.confirm_kind_exists().await?;
                }
                self.sent_since_empty = self.listed_any;
                if self.installed == Installed::No {
                    self.send_installed(true).await?;
                }
                self.installed = Installed::Yes;
                self.complete().await?;
            }
        }
        Ok(())
    }

    async fn unavailable(&mut self, reason: &str, kind_gone: bool) -> Result<(), Closed> {
        if kind_gone && !self.kind.is_expected() && self.installed != Installed::Yes {
            if self.installed == Installed::Unknown {
                self.installed = Installed::No;
                debug!(kind = %self.kind.full_name(), "Kind not installed");
                self.send_installed(false).await?;
                self.complete().await?;
            }
            return Ok(());
        }
        if self.installed == Installed::No {
            // There are no objects of the kind. The watches of other kinds report failures of the API server.
            return Ok(());
        }
        self.shared.unavailable(self.watch, reason, kind_gone).await
    }

    async fn available(&mut self) -> Result<(), Closed> {
        self.shared.available(self.watch).await
    }

    fn min_wait(&self) -> Duration {
        if self.installed == Installed::No { self.look_interval } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_contains_first_few_reasons() {
        let of = |rules: usize| {
            let mut failures = BTreeMap::from([(Watch::Namespaces, "namespaces".to_owned())]);
            failures.extend((0..rules).map(|index| (Watch::Rules(index), format!("rules {index}"))));
            summary(&failures)
        };
        assert_eq!(summary(&BTreeMap::new()), None);
        assert_eq!(of(1).as_deref(), Some("namespaces; rules 0"));
        assert_eq!(of(500).as_deref(), Some("namespaces; rules 0; rules 1; and so on"));
        assert_eq!(of(500), of(400), "an outage of many watches is reported a few times");
    }

    #[tokio::test]
    async fn kind_that_goes_is_reported_however_many_watches_fail() {
        let (sink, mut events) = Sink::channel("k");
        let availability = Mutex::new(Availability::default());
        let shared = Shared { sink, namespaces_listed: flag::Sender::new(true), availability };
        let unavailable = async |index: usize, kind_gone: bool| {
            assert!(shared.unavailable(Watch::Rules(index), "not allowed", kind_gone).await.is_ok());
        };
        for index in 0..4 {
            unavailable(index, false).await;
        }
        // The summary is the same as before.
        unavailable(4, true).await;
        drop(shared);
        let mut kind_gone = Vec::new();
        while let Some(event) = events.next().await {
            kind_gone.push(matches!(event, SourceEvent::KindGone { .. }));
        }
        assert_eq!(kind_gone, [false, false, false, false, true]);
    }
}
