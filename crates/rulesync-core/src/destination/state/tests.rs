//! The bookkeeping of a destination: each test builds a destination, sends it commands and lists, and asserts the
//! requests that follow. There is one module for each subject; its first lines state the invariant of `ARCHITECTURE.md`
//! that it tests.

mod claims;
mod delete_guard;
mod legacy_names;
mod lists;
mod moves;
mod normalization;
mod progress;
mod refusals;
mod reports;
mod snapshots;
mod stored_versions;
mod takeover;

use std::collections::HashSet;
use std::time::Duration;

use super::*;
use crate::apply::{Applied, Report};
use crate::claim::{CLAIM_GROUP, Claimant, OwnerClaim};
use crate::described_ruler::DescribedRuler;
use crate::desired::{DesiredGroup, RemovalReason};
use crate::destination::{RecordRequests, Retirement, Unrecognized};
use crate::leadership::Leadership;
use crate::metrics::Metrics;
use crate::model::capabilities::StoredFields;
use crate::model::group::{Group, Rule};
use crate::model::kind::PROMETHEUS_RULE;
use crate::model::language::QueryLanguage::PromQl;
use crate::model::object::ObjectId;
use crate::naming::NamespaceClassifier;
use crate::observed::{Listing, Observed};
use crate::outcome::Reporters;
use crate::plan::{Action, Deletes, Reason};

/// A namespace, a group and its expression. In the claim's namespace `us` the expression is the cluster of the claim.
type There<'a> = (&'a str, &'a str, &'a str);

/// A destination under test, of the owner `us`, where anything may be deleted.
struct Bench {
    state: State,
    /// Groups whose writes are refused.
    refused: HashSet<&'static str>,
    /// Groups whose writes fail.
    failing: HashSet<&'static str>,
    failing_deletes: bool,
}

/// A retirement because no route leads to the destination any more, whose window is over.
fn no_route() -> Retirement {
    Retirement::NoRoute { until: Instant::now() }
}

/// This installation, in a cluster of this identity.
fn cluster(name: &str) -> Option<Arc<Claimant>> {
    Claimant::of(Some(&name.into()), None).map(Arc::new)
}

/// A destination that writes no claims.
fn destination() -> Bench {
    destination_with(|_| {})
}

fn destination_with(change: impl FnOnce(&mut Shared)) -> Bench {
    let mut shared = Shared {
        release_deletes: false,
        ruler: Arc::new(DescribedRuler::default()),
        classifier: Arc::new(NamespaceClassifier::of("us".parse().unwrap())),
        record_requests: RecordRequests::default(),
        unrecognized: Unrecognized::default(),
        leadership: Leadership::always(),
        claims: false,
        reporters: Reporters::default(),
        metrics: Metrics::default(),
        approval: Approval::Everything,
        bodies: false,
        evaluates: false,
        progressed: Arc::default(),
    };
    change(&mut shared);
    let id = DestinationId { ruler: "central".into(), tenant: Some("t".parse().unwrap()) };
    let mut state = State::new(id, &shared);
    state.declarations_sent();
    let mut bench = Bench { state, refused: HashSet::new(), failing: HashSet::new(), failing_deletes: false };
    bench.allow(true, true);
    bench
}

fn group(name: &str, expr: &str) -> Group {
    let rule = Rule { record: "r".into(), expr: expr.into(), ..Rule::default() };
    Group { name: name.into(), rules: vec![rule], ..Group::default() }
}

fn id(name: &str) -> ObjectId {
    ObjectId::new(&"s".into(), &PROMETHEUS_RULE.into(), "ns", name)
}

fn namespace(name: &str) -> RulerNamespace {
    format!("us.ns.{name}").into()
}

impl Bench {
    /// Adds a list that shows these groups.
    fn listed(mut self, there: &[There<'_>]) -> Self {
        self.list(there);
        self
    }

    /// Adds an object that declares groups of these names and expressions.
    fn declared(mut self, name: &str, groups: &[(&str, &str)]) -> Self {
        self.declare(name, groups);
        self
    }

    fn list(&mut self, there: &[There<'_>]) {
        self.list_with(there, |_| {});
    }

    fn list_with(&mut self, there: &[There<'_>], more: impl FnOnce(&mut Listing<'_>)) {
        let (previous, suspects) = self.state.begin_list(false);
        let classifier = Arc::clone(&self.state.shared.classifier);
        let classify = move |namespace: &str| classifier.classify(namespace);
        let mut listing = Listing::new(StoredFields::ALL, &classify, &previous).suspecting(&suspects);
        for (namespace, name, expr) in there {
            let group = match *name {
                CLAIM_GROUP => OwnerClaim { cluster: (*expr).into(), installation: None }
                    .group(&"us".parse().unwrap(), PromQl),
                _ => group(name, expr),
            };
            listing.add(namespace, &group);
        }
        more(&mut listing);
        let listed = listing.into_listed();
        self.state.end_list(listed);
    }

    fn declare(&mut self, name: &str, groups: &[(&str, &str)]) {
        self.declare_in(name, name, groups);
    }

    /// Adds an object to the namespace of another.
    fn declare_in(&mut self, place: &str, name: &str, groups: &[(&str, &str)]) {
        let desired = |(name, expr): &(&str, &str)| crate::desired::tests::group(name, expr);
        let claim = crate::desired::DesiredObject {
            id: id(name),
            created: None,
            groups: groups.iter().map(desired).collect(),
            refused: Box::default(),
            enforced: Arc::default(),
            findings: Box::default(),
            advice: Box::default(),
            legacy_names: Box::default(),
            seen: Instant::now(),
        };
        self.state.upsert(&namespace(place), claim, true);
    }

    fn drop(&mut self, name: &str) {
        self.state.remove(&namespace(name), &id(name), RemovalReason::Deleted);
    }

    fn allow(&mut self, known: bool, orphans: bool) {
        self.environment(|environment| environment.deletes = Deletes { takeover: false, known, orphans });
    }

    /// Changes the facts that all destinations share.
    fn environment(&mut self, change: impl FnOnce(&mut Environment)) {
        let mut environment = Environment::clone(&self.state.environment);
        change(&mut environment);
        self.state.set_environment(Arc::new(environment));
    }

    fn identify(&mut self, claimant: Option<Arc<Claimant>>) {
        self.environment(|environment| environment.claimant = Some(claimant));
    }

    /// Marks a source as suspect, or no longer.
    fn suspect(&mut self, source: &str, suspect: bool) {
        self.environment(|environment| match suspect {
            true => drop(environment.suspects.insert(source.into())),
            false => drop(environment.suspects.remove(source)),
        });
    }

    /// Deletes a Kubernetes namespace, or creates it again.
    fn kubernetes_namespace(&mut self, name: &str, gone: bool) {
        let (window, now) = (5 * MINUTE, Instant::now());
        self.environment(|environment| environment.gone_namespaces.update(name, gone, window, now));
    }

    fn missing_kinds(&mut self, kinds: &[&str]) {
        let kinds = kinds.iter().map(|kind| Arc::from(*kind)).collect();
        self.environment(|environment| environment.missing_kinds = kinds);
    }

    /// Carries out the work that is due now; returns the requests.
    fn work(&mut self) -> Vec<String> {
        let mut requests = Vec::new();
        for _ in 0..1_000 {
            self.state.judge_deletes();
            let Some((namespace, changes)) = self.state.next_job() else { return requests };
            let applied: Vec<Applied> = changes
                .into_iter()
                .map(|change| {
                    requests.push(request(&change));
                    Applied { result: self.answer(&change), change, elapsed: Duration::ZERO }
                })
                .collect();
            self.state.applied(Report { namespace, applied, unfinished: false });
        }
        panic!("there is no end to it: {requests:?}");
    }

    /// Carries out the work that is due now and after this time.
    async fn work_for(&mut self, wait: Duration) -> Vec<String> {
        let mut requests = self.work();
        tokio::time::advance(wait).await;
        requests.extend(self.work());
        requests
    }

    /// Carries out the work that is due now and after the time that deletes wait for others.
    async fn work_after_settling(&mut self) -> Vec<String> {
        self.work_for(Duration::from_secs(1)).await
    }

    fn answer(&self, change: &Change) -> Result<(), RulerError> {
        let of = |groups: &HashSet<&'static str>| change.group().is_some_and(|group| groups.contains(group));
        if !change.is_delete() && of(&self.refused) {
            return Err(RulerError::rejected("cannot parse".to_owned()));
        }
        if of(&self.failing) || (self.failing_deletes && change.is_delete()) {
            return Err(RulerError::protected("hands off".to_owned()));
        }
        Ok(())
    }
}

fn request(change: &Change) -> String {
    let namespace = &change.namespace;
    match &change.action {
        Action::Put(group) => format!("PUT {namespace}/{}", group.name),
        Action::DeleteGroup(group) => format!("DELETE {namespace}/{group}"),
        Action::DeleteNamespace(_) => format!("DELETE {namespace}"),
    }
}

const NOTHING: [&str; 0] = [];
const MINUTE: Duration = Duration::from_secs(60);
