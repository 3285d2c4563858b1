//! The source: a watch of the Kubernetes namespaces and one or several of the rules, and what they have to say
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
use crate::resource::{KUBECTL, Kind, Read, Rules};
use crate::watch::{Observer, Trouble, watch};

/// The objects with rules of a cluster, or of some of its namespaces.
///
/// With a list of namespaces each is watched on its own, no permission for the whole cluster is needed, and a
/// Kubernetes namespace is known by its name only.
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
    /// A source over the cluster that the configuration names. The API server need not be there yet.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if it is not clear how to reach the cluster.
    pub async fn connect(config: KubernetesConfig) -> Result<Self, ConnectError> {
        Ok(Self { client: connect(&config).await?, config })
    }

    /// A source over a client made elsewhere, which should not retry by itself and should bound the time it reads.
    pub fn from_client(client: Client, config: KubernetesConfig) -> Self {
        Self { client, config }
    }

    /// What is watched on its own: each kind, in each namespace or everywhere.
    fn parts(&self) -> Vec<(&'static Kind, Option<&str>)> {
        // Naming one twice is no reason to watch it twice.
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

    async fn watch_namespaces(&self, together: &Together) -> Result<(), Closed> {
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(self.client.clone());
        let mut observer = Namespaces { together };
        watch(api, "namespaces", &self.config, &mut observer).await
    }

    async fn watch_rules(
        &self,
        together: &Together,
        kind: &'static Kind,
        namespace: Option<&str>,
        part: usize,
    ) -> Result<(), Closed> {
        let client = self.client.clone();
        let (api, place): (Api<Rules>, String) = match namespace {
            Some(namespace) => (Api::namespaced_with(client, namespace, &kind), format!(" in {namespace}")),
            None => (Api::all_with(client, &kind), String::new()),
        };
        let what = format!("{}{place}", kind.full_name());
        // Objects are told after the namespaces they are in.
        if together.namespaces.clone().wait_for(|listed| *listed).await.is_err() {
            return Err(Closed);
        }
        let mut observer = Objects {
            together,
            client: &self.client,
            part,
            of: kind,
            kind: kind.name.into(),
            scope: scope(kind, namespace),
            state: Installed::Unknown,
            sent_since_empty: false,
            listed_any: false,
            patience: self.config.list_timeout,
            look_interval: self.config.look_interval,
        };
        watch(api, &what, &self.config, &mut observer).await
    }
}

#[async_trait]
impl Source for KubernetesSource {
    async fn run(&self, sink: Sink) {
        let parts = self.parts();
        let (listed, namespaces) = flag::channel(!self.watches_all_namespaces());
        let states = Mutex::new(States::default());
        let together = Together { sink, namespaces, listed, states };
        let rules = parts
            .into_iter()
            .enumerate()
            .map(|(part, (kind, namespace))| self.watch_rules(&together, kind, namespace, part));
        let watches = async {
            let rules = join_all(rules);
            if self.watches_all_namespaces() {
                drop(futures::join!(self.watch_namespaces(&together), rules));
            } else {
                rules.await;
            }
        };
        let told = together.sink.clone();
        let identity = async {
            let identity = identity(&self.client, self.config.list_timeout).await;
            // Nobody listening is for the watches to notice.
            let _ = told.send(SourceEvent::Identity(identity)).await;
        };
        // They end only when the engine has stopped receiving events.
        futures::join!(watches, identity);
    }

    fn scopes(&self) -> Vec<Scope> {
        let namespaces = self.watches_all_namespaces().then_some(Scope::Namespaces);
        let parts = self.parts().into_iter().map(|(kind, namespace)| scope(kind, namespace));
        namespaces.into_iter().chain(parts).collect()
    }

    fn identifies(&self) -> bool {
        true
    }
}

/// The scope of one watch.
fn scope(kind: &Kind, namespace: Option<&str>) -> Scope {
    match namespace {
        Some(namespace) => Scope::kind_in(kind.name, namespace),
        None => Scope::kind(kind.name),
    }
}

/// What the watches of a source share.
struct Together {
    sink: Sink,
    /// Whether the namespaces have been listed.
    namespaces: flag::Receiver<bool>,
    listed: flag::Sender<bool>,
    states: Mutex<States>,
}

#[derive(Default)]
struct States {
    /// What is wrong with which watch.
    troubles: BTreeMap<Part, String>,
    /// Whether part of the trouble is that the kind of the objects is not there.
    kind_gone: bool,
    /// What was last said to be wrong.
    said: Option<String>,
}

/// A watch of this source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Namespaces,
    Rules(usize),
}

impl Together {
    async fn unavailable(&self, part: Part, reason: &str, kind_gone: bool) -> Result<(), Closed> {
        let mut states = self.states.lock().await;
        states.troubles.insert(part, reason.to_owned());
        states.kind_gone |= kind_gone && part != Part::Namespaces;
        self.tell(&mut states).await
    }

    async fn available(&self, part: Part) -> Result<(), Closed> {
        let mut states = self.states.lock().await;
        states.troubles.remove(&part);
        self.tell(&mut states).await
    }

    /// Says what is wrong with all watches together, if that is new.
    async fn tell(&self, states: &mut States) -> Result<(), Closed> {
        let summary = summary(&states.troubles);
        if states.said == summary {
            return Ok(());
        }
        states.said.clone_from(&summary);
        let event = match summary {
            Some(reason) if states.kind_gone => SourceEvent::KindGone { reason },
            Some(reason) => SourceEvent::Unavailable { reason },
            None => {
                states.kind_gone = false;
                SourceEvent::Available
            }
        };
        self.sink.send(event).await
    }
}

/// The reasons in one line; nothing when there is none. A few stand for all: hundreds of namespaces may be watched, and
/// what is wrong with one is wrong with most.
fn summary(troubles: &BTreeMap<Part, String>) -> Option<String> {
    const SHOWN: usize = 3;
    let mut reasons: Vec<&str> = troubles.values().map(String::as_str).take(SHOWN).collect();
    if troubles.len() > SHOWN {
        reasons.push("and so on");
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// Passes on the events of the namespaces.
struct Namespaces<'a> {
    together: &'a Together,
}

impl Observer<PartialObjectMeta<Namespace>> for Namespaces<'_> {
    async fn event(&mut self, event: Event<PartialObjectMeta<Namespace>>) -> Result<(), Trouble> {
        let sink = &self.together.sink;
        match event {
            Event::Init => sink.send(SourceEvent::SnapshotStarted(Scope::Namespaces)).await?,
            Event::InitApply(namespace) | Event::Apply(namespace) => {
                let name = namespace.name_any();
                let labels: Labels = namespace.labels().iter().collect();
                let annotations =
                    namespace.annotations().iter().filter(|(key, _)| !key.starts_with(KUBECTL)).collect();
                sink.send(SourceEvent::Namespace { name, labels, annotations }).await?;
            }
            Event::Delete(namespace) => {
                sink.send(SourceEvent::NamespaceGone { name: namespace.name_any() }).await?;
            }
            Event::InitDone => {
                sink.send(SourceEvent::SnapshotComplete(Scope::Namespaces)).await?;
                // From now on rules may be sent.
                self.together.listed.send_replace(true);
            }
        }
        Ok(())
    }

    async fn unavailable(&mut self, reason: &str, kind_gone: bool) -> Result<(), Closed> {
        self.together.unavailable(Part::Namespaces, reason, kind_gone).await
    }

    async fn available(&mut self) -> Result<(), Closed> {
        self.together.available(Part::Namespaces).await
    }
}

/// Whether the API server knows a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Installed {
    Unknown,
    No,
    Yes,
}

/// Takes the events of objects of one kind, of all namespaces or of one.
struct Objects<'a> {
    together: &'a Together,
    client: &'a Client,
    part: usize,
    of: &'static Kind,
    kind: Arc<str>,
    scope: Scope,
    state: Installed,
    /// Whether any object was sent since the last list that showed none.
    sent_since_empty: bool,
    /// Whether the list in progress has shown an object.
    listed_any: bool,
    /// How long to wait for an answer about the kind.
    patience: Duration,
    /// How often to look for it if it is not installed.
    look_interval: Duration,
}

impl Objects<'_> {
    async fn send_object(&mut self, rule: Rules) -> Result<(), Closed> {
        let sink = &self.together.sink;
        let event = match rule.read(sink.source(), &self.kind) {
            Read::Object(object) => SourceEvent::Upsert(object),
            Read::Malformed(id, finding) => SourceEvent::Malformed { id, finding, hides: false },
        };
        (self.sent_since_empty, self.listed_any) = (true, true);
        sink.send(event).await
    }

    async fn complete(&self) -> Result<(), Closed> {
        self.together.sink.send(SourceEvent::SnapshotComplete(self.scope.clone())).await
    }

    async fn tell_installed(&self, installed: bool) -> Result<(), Closed> {
        let kind = Arc::clone(&self.kind);
        self.together.sink.send(SourceEvent::Kind { kind, installed }).await
    }

    /// Confirms that the API server knows the kind. Right after a CRD was deleted, a list of its objects succeeds and is
    /// empty (docs/contracts/observed.md, "CRD deleted").
    async fn confirm_kind_exists(&self) -> Result<(), Trouble> {
        let Kind { group, version, plural, .. } = self.of;
        let waiting = format!(
            "{} seem all gone; waiting until the API server knows the kind for sure",
            self.of.full_name()
        );
        let version = format!("{group}/{version}");
        match tokio::time::timeout(self.patience, self.client.list_api_group_resources(&version)).await {
            Ok(Ok(kinds)) if kinds.resources.iter().any(|kind| kind.name == *plural) => Ok(()),
            _ => Err(Trouble::Doubtful(waiting)),
        }
    }
}

impl Observer<Rules> for Objects<'_> {
    async fn event(&mut self, event: Event<Rules>) -> Result<(), Trouble> {
        match event {
            Event::Init => {
                self.listed_any = false;
                self.together.sink.send(SourceEvent::SnapshotStarted(self.scope.clone())).await?;
            }
            Event::InitApply(rule) | Event::Apply(rule) => self.send_object(rule).await?,
            Event::Delete(rule) => {
                let id = rule.id(self.together.sink.source(), &self.kind);
                self.together.sink.send(SourceEvent::Delete(id)).await?;
            }
            Event::InitDone => {
                if self.sent_since_empty && !self.listed_any {
                    self.confirm_kind_exists().await?;
                }
                self.sent_since_empty = self.listed_any;
                if self.state == Installed::No {
                    self.tell_installed(true).await?;
                }
                self.state = Installed::Yes;
                self.complete().await?;
            }
        }
        Ok(())
    }

    async fn unavailable(&mut self, reason: &str, kind_gone: bool) -> Result<(), Closed> {
        if kind_gone && !self.of.is_expected() && self.state != Installed::Yes {
            if self.state == Installed::Unknown {
                self.state = Installed::No;
                debug!(kind = %self.of.full_name(), "not installed");
                self.tell_installed(false).await?;
                self.complete().await?;
            }
            return Ok(());
        }
        if self.state == Installed::No {
            // Nothing of it is missed. What is wrong with the API server shows at other kinds.
            return Ok(());
        }
        self.together.unavailable(Part::Rules(self.part), reason, kind_gone).await
    }

    async fn available(&mut self) -> Result<(), Closed> {
        self.together.available(Part::Rules(self.part)).await
    }

    fn rest(&self) -> Duration {
        if self.state == Installed::No { self.look_interval } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_troubles_are_told_by_a_few() {
        let of = |parts: usize| {
            let mut troubles = BTreeMap::from([(Part::Namespaces, "namespaces".to_owned())]);
            troubles.extend((0..parts).map(|part| (Part::Rules(part), format!("rules {part}"))));
            summary(&troubles)
        };
        assert_eq!(summary(&BTreeMap::new()), None);
        assert_eq!(of(1).as_deref(), Some("namespaces; rules 0"));
        assert_eq!(of(500).as_deref(), Some("namespaces; rules 0; rules 1; and so on"));
        assert_eq!(of(500), of(400), "so that one outage is told a few times, not hundreds of times");
    }
}
