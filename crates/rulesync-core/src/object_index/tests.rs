//! The object index: each test builds an index, applies an event and asserts its effects. There is one module for each
//! subject; its first lines state the invariant of `ARCHITECTURE.md` that it tests.

mod moves;
mod offers;
mod refused_tenants;
mod unreadable;

use crate::described_ruler::DescribedRuler;
use crate::model::labels::Labels;
use crate::policy::OnInvalid;
use crate::route::Route;
use crate::route::ValueSource;
use crate::ruler::Ruler;

use super::*;
use crate::desired::RemovalReason;
use crate::destination::Command;
use crate::finding::{Code, Finding};
use crate::model::declared::DeclaredGroup;
use crate::model::kind;
use crate::model::object::{ObjectVersion, RuleObject};
use crate::naming::AlloyNaming;
use crate::naming::Naming;
use crate::route::{ExternalLabel, Permission, Selector, Tenancy, Value};
use crate::source::Scope;
use crate::status::ObjectState;
use tokio::time::Instant;

/// An index under test, of the owner `us` with the ruler `central`. Every source is in its first run.
struct Bench {
    index: ObjectIndex,
    run: u32,
}

/// An index with these routes.
fn index(routes: &[Route]) -> Bench {
    Bench { index: ObjectIndex::new(table(routes)), run: 1 }
}

fn table(routes: &[Route]) -> RoutingTable {
    let central: Arc<dyn Ruler> = Arc::new(DescribedRuler::default());
    RoutingTable {
        owner: "us".parse().unwrap(),
        naming: Naming::Owner("us".parse().unwrap()),
        namings: HashMap::new(),
        legacy: HashMap::new(),
        routes: routes.into(),
        rulers: HashMap::from([("central".into(), central)]),
        split: HashMap::new(),
        on_invalid: OnInvalid::Group,
    }
}

/// A route of everything to a tenant.
fn to(tenant: &str) -> Route {
    Route::all(tenant, "central", Some(tenant.parse().unwrap()))
}

/// A route of everything to the tenant that an object's label `tenant` names.
fn to_the_labelled() -> Route {
    let from = ValueSource::Label("tenant".into());
    Route {
        tenant: Tenancy::Requested { from, pattern: "{value}".parse().unwrap() },
        allow: vec![Permission { values: vec!["*".into()], ..Permission::default() }],
        ..Route::all("labelled", "central", None)
    }
}

/// A tenant of `central`.
fn destination(tenant: &str) -> DestinationId {
    DestinationId { ruler: "central".into(), tenant: Some(tenant.parse().unwrap()) }
}

fn id(source: &str, name: &str) -> ObjectId {
    ObjectId::new(&source.into(), &kind::PROMETHEUS_RULE.into(), "ns", name)
}

/// An object of the source `k` with one group `g` of this expression, and these labels.
fn object(name: &str, expr: &str, labels: &[(&str, &str)]) -> RuleObject {
    let group = serde_json::json!({"name": "g", "rules": [{"record": "r", "expr": expr}]});
    let groups: Vec<DeclaredGroup> = vec![serde_json::from_value(group).unwrap()];
    RuleObject { labels: labels.iter().copied().collect(), ..RuleObject::new(id("k", name), groups) }
}

impl Bench {
    /// Adds objects that are known already.
    fn with(mut self, objects: &[RuleObject]) -> Self {
        for object in objects {
            self.upsert(object.clone());
        }
        self
    }

    fn upsert(&mut self, object: RuleObject) -> Effects {
        self.index.upsert(object, self.run, Instant::now(), true)
    }

    fn malformed(&mut self, source: &str, name: &str, hides: bool) -> Effects {
        let finding = Finding::error(Code::Yaml, "line 3 makes no sense");
        let unreadable = Unreadable { version: ObjectVersion::default(), finding };
        self.index.malformed(&id(source, name), unreadable, hides, self.run)
    }

    fn delete(&mut self, source: &str, name: &str) -> Effects {
        self.index.delete(&id(source, name))
    }

    fn namespace(&mut self, name: &str, labels: Option<&[(&str, &str)]>) -> Effects {
        let input = labels.map(|labels| NamespaceMetadata {
            labels: labels.iter().copied().collect(),
            annotations: Labels::default(),
        });
        self.index.namespace(&"k".into(), name.into(), input, Instant::now())
    }

    fn reroute(&mut self, table: RoutingTable, fresh: &[&str]) -> Effects {
        let fresh: Vec<DestinationId> = fresh.iter().map(|tenant| destination(tenant)).collect();
        self.index.reroute(table, &fresh, Instant::now())
    }
}

/// Returns a short form of the effects.
fn effects(effects: &Effects) -> Vec<String> {
    let protections =
        effects.protections.iter().map(|id| format!("protection of {} may have changed", id.name()));
    let commands = effects.commands.iter().map(|(destination, command)| match command {
        Command::Upsert { namespace, object, .. } => {
            format!("{destination} gets {namespace} ({} groups)", object.groups.len())
        }
        Command::HandOver { namespace, .. } => {
            format!("{destination} reports when it has written {namespace}")
        }
        Command::Remove { namespace, .. } => format!("{destination} drops {namespace}"),
        other => format!("{destination}: {other:?}"),
    });
    let handovers = effects
        .handovers
        .iter()
        .map(|handover| format!("{} drops {} later", handover.destination, handover.namespace));
    protections.chain(commands).chain(handovers).collect()
}

const NOTHING: [&str; 0] = [];

mod changes {
    use super::*;

    #[test]
    fn unchanged_object_has_no_effects() {
        let of = |expr: &str, labels: &[(&str, &str)]| object("o", expr, labels);
        let mut bench = index(&[to("t")]).with(&[of("1", &[])]);
        assert_eq!(effects(&bench.upsert(of("1", &[]))), NOTHING);
        assert_eq!(effects(&bench.upsert(of("2", &[]))), ["central/t gets us.ns.o (1 groups)"]);
        assert_eq!(effects(&bench.upsert(of("2", &[]))), NOTHING);
        bench.index.forget_contents();
        assert_eq!(effects(&bench.upsert(of("2", &[]))), ["central/t gets us.ns.o (1 groups)"]);
    }

    #[test]
    fn new_routing_table_sends_commands_only_where_something_changes() {
        let mut bench = index(&[to("t")]).with(&[object("o", "1", &[])]);
        assert_eq!(effects(&bench.reroute(table(&[to("t")]), &[])), NOTHING);
        let more = effects(&bench.reroute(table(&[to("t"), to("u")]), &["u"]));
        assert_eq!(more, ["central/u gets us.ns.o (1 groups)"]);
        let commands = effects(&bench.reroute(table(&[to("t"), to("u")]), &["t"]));
        assert_eq!(commands, ["central/t gets us.ns.o (1 groups)"], "it knows nothing yet");
        let label = ExternalLabel {
            name: "cluster".into(),
            value: Value::Constant("a".into()),
            add_if_absent: false,
        };
        let labelled = [Route { external_labels: vec![label], ..to("t") }, to("u")];
        let otherwise = effects(&bench.reroute(table(&labelled), &[]));
        assert_eq!(otherwise, ["central/t gets us.ns.o (1 groups)"]);
    }

    #[test]
    fn findings_are_reported_once() {
        let mut bench = index(&[to("t")]);
        assert_eq!(bench.malformed("k", "o", false).findings.len(), 1);
        assert_eq!(bench.malformed("k", "o", false).findings.len(), 0);
        bench.upsert(object("o", "1", &[]));
        assert_eq!(bench.malformed("k", "o", false).findings.len(), 1, "it was readable in between");
    }

    #[test]
    fn routing_table_that_reads_other_annotations_needs_objects_again() {
        let by = |key: &str| Route {
            tenant: Tenancy::Requested {
                from: ValueSource::Annotation(key.into()),
                pattern: "{value}".parse().unwrap(),
            },
            allow: vec![Permission { values: vec!["*".into()], ..Permission::default() }],
            ..Route::all("by", "central", None)
        };
        let (plain, one, two) = (table(&[to("t")]), table(&[by("a")]), table(&[by("a"), by("b")]));
        assert!(one.reads_more_than(&plain) && two.reads_more_than(&one));
        assert!(!plain.reads_more_than(&one) && !one.reads_more_than(&two));
        assert!(!one.reads_more_than(&one));
    }
}

mod snapshots {
    use super::*;

    #[test]
    fn object_whose_destination_has_not_answered_is_pending() {
        let bench = index(&[to("t")]).with(&[object("o", "1", &[])]);
        let (report, _) = bench.index.report_of(&id("k", "o")).unwrap();
        assert_eq!(report.with_destinations(Vec::new()).state, ObjectState::Pending);
        let unrouted = index(&[]).with(&[object("o", "1", &[])]);
        let (report, _) = unrouted.index.report_of(&id("k", "o")).unwrap();
        assert_eq!(report.with_destinations(Vec::new()).state, ObjectState::NotSelected);
    }

    #[test]
    fn objects_missing_from_a_later_run_are_known_by_source() {
        let mut bench = index(&[to("t")]).with(&[object("o", "1", &[]), object("p", "1", &[])]);
        bench.malformed("k", "q", false);
        bench.malformed("other", "r", false);
        bench.run = 2;
        bench.upsert(object("o", "1", &[]));
        let missing = |bench: &Bench| -> Vec<String> {
            bench
                .index
                .missing_since("k", &Scope::Everything, 2)
                .iter()
                .map(|id| id.name().to_owned())
                .collect()
        };
        assert_eq!(missing(&bench), ["p", "q"], "objects of other sources do not count");
        bench.malformed("k", "q", false);
        assert_eq!(missing(&bench), ["p"], "an unreadable object exists all the same");
    }
}

mod kubernetes_namespaces {
    use super::*;

    /// A label that is read from the Kubernetes namespace, and left out where that has none.
    fn labelled_by_namespace() -> Route {
        let value = Value::from(ValueSource::NamespaceLabel("team".into()));
        let label = ExternalLabel { name: "team".into(), value, add_if_absent: false };
        Route { external_labels: vec![label], ..to("t") }
    }

    /// Returns the label `team` of the only rule in the commands.
    fn team(effects: &Effects) -> Option<String> {
        let [(_, Command::Upsert { object, .. })] = effects.commands.as_slice() else { return None };
        object.groups[0].body.decode().unwrap().rules[0].labels.get("team").cloned()
    }

    #[test]
    fn object_waits_while_its_source_may_send_the_kubernetes_namespace() {
        let mut bench = index(&[labelled_by_namespace()]);
        bench.namespace("elsewhere", Some(&[]));
        assert_eq!(effects(&bench.upsert(object("o", "1", &[]))), NOTHING);
        let known = bench.namespace("ns", Some(&[("team", "x")]));
        assert_eq!(team(&known).as_deref(), Some("x"));
    }

    #[test]
    fn object_does_not_wait_for_a_kubernetes_namespace_that_no_source_sends() {
        let mut bench = index(&[labelled_by_namespace()]);
        let routed = bench.upsert(object("o", "1", &[]));
        assert_eq!(effects(&routed), ["central/t gets us.ns.o (1 groups)"]);
        assert_eq!(team(&routed), None);
        // The Kubernetes namespaces of other sources do not count for this one.
        let mut bench = index(&[labelled_by_namespace()]);
        let input = Some(NamespaceMetadata::default());
        bench.index.namespace(&"another".into(), "ns".into(), input.clone(), Instant::now());
        bench.index.namespace(&"zzz".into(), "ns".into(), input, Instant::now());
        assert_eq!(effects(&bench.upsert(object("o", "1", &[]))).len(), 1);
    }

    #[test]
    fn object_follows_changes_of_its_kubernetes_namespace() {
        let of_team = Route {
            namespace_selector: serde_json::from_str::<Selector>(r#"{"match_labels":{"team":"x"}}"#).unwrap(),
            ..to("t")
        };
        let mut bench = index(&[of_team]);
        bench.upsert(object("o", "1", &[]));
        assert_eq!(effects(&bench.namespace("ns2", Some(&[("team", "x")]))), NOTHING);
        let gets = ["central/t gets us.ns.o (1 groups)"];
        assert_eq!(effects(&bench.namespace("ns", Some(&[("team", "x")]))), gets);
        assert_eq!(effects(&bench.namespace("ns", Some(&[("team", "x")]))), NOTHING);
        assert_eq!(effects(&bench.namespace("ns", Some(&[("team", "y")]))), ["central/t drops us.ns.o"]);
        bench.namespace("ns", Some(&[("team", "x")]));
        assert_eq!(effects(&bench.namespace("ns", None)), ["central/t drops us.ns.o"], "it is gone");
    }
}
