//! What is asked of a ruler, in which order, and what ends the work on a namespace.

use async_trait::async_trait;
use mockall::Sequence;
use mockall::predicate::eq;

use super::*;
use crate::desired::tests::group;
use crate::leadership::LeaderTerm;
use crate::model::encoded::EncodedGroup;
use crate::observed::Listing;
use crate::plan::Reason;

/// What a ruler is asked, of the namespace and tenant that all changes here have.
#[mockall::automock]
trait Server: Send + Sync + 'static {
    fn put(&self, group: &str) -> Result<(), RulerError>;
    fn delete(&self, group: &str) -> Result<(), RulerError>;
}

#[derive(Debug)]
struct Asks(MockServer);

#[async_trait]
impl Ruler for Asks {
    async fn list(&self, _: Option<&TenantId>, _: &mut Listing<'_>) -> Result<(), RulerError> {
        unreachable!("changes are carried out without a look")
    }

    async fn write_group(
        &self,
        _: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        let group = &group.decode()?;
        assert_eq!(namespace, "us.ns.o");
        self.0.put(&group.name)
    }

    async fn delete_group(
        &self,
        _: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        assert_eq!(namespace, "us.ns.o");
        self.0.delete(group)
    }
}

fn change(action: Action) -> Change {
    Change { namespace: "us.ns.o".into(), object: None, action, reason: Reason::Missing, held: None }
}

fn put(name: &str) -> Change {
    change(Action::Put(group(name, "1")))
}

fn delete(name: &str) -> Change {
    change(Action::DeleteGroup(name.into()))
}

fn limit() -> RulerError {
    RulerError::limit("too many groups".to_owned())
}

fn unavailable() -> RulerError {
    RulerError::unavailable("no answer")
}

/// Expects that a group is written next, and answers so.
fn writes(server: &mut MockServer, order: &mut Sequence, name: &'static str, error: Option<RulerError>) {
    let answer = move |_: &str| error.clone().map_or(Ok(()), Err);
    server.expect_put().with(eq(name)).times(1).in_sequence(order).returning(answer);
}

fn deletes(server: &mut MockServer, order: &mut Sequence, name: &'static str, error: Option<RulerError>) {
    let answer = move |_: &str| error.clone().map_or(Ok(()), Err);
    server.expect_delete().with(eq(name)).times(1).in_sequence(order).returning(answer);
}

fn budgeted(server: MockServer) -> LimitedRuler {
    LimitedRuler { ruler: Arc::new(Asks(server)), concurrency: ConcurrencyLimit::new(4) }
}

fn leading() -> Stops {
    Stops { stop: CancellationToken::new(), leadership: Leadership::always() }
}

/// What became of the changes: `group ok` or `group error`, and whether more is to be done.
async fn applied(server: MockServer, changes: Vec<Change>, stops: Stops) -> (Vec<String>, bool) {
    let report = apply(budgeted(server), None, "us.ns.o".into(), changes, stops).await;
    let said = |applied: &Applied| {
        let result = applied.result.as_ref().err().map_or("ok", |error| error.kind().as_str());
        format!("{} {result}", applied.change.group().unwrap_or_default())
    };
    (report.applied.iter().map(said).collect(), report.unfinished)
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_writes_nothing() {
    // The mock panics at a request that nobody expects.
    let (_throne, leadership) = Leadership::elected();
    let stops = Stops { leadership, ..leading() };
    assert_eq!(applied(MockServer::new(), vec![put("g")], stops).await, (vec![], true));
    let stops = leading();
    stops.stop.cancel();
    assert_eq!(applied(MockServer::new(), vec![put("g")], stops).await, (vec![], true));
}

#[tokio::test(start_paused = true)]
async fn leadership_is_looked_at_after_the_wait_for_a_turn() {
    let (handle, leadership) = Leadership::elected();
    let far = Instant::now() + Duration::from_secs(3_600);
    handle.renew(LeaderTerm { start_before: far, finish_by: far });
    let ruler =
        LimitedRuler { ruler: Arc::new(Asks(MockServer::new())), concurrency: ConcurrencyLimit::new(1) };
    let turn = ruler.concurrency.acquire(None).await;
    let stops = Stops { leadership, ..leading() };
    let work = tokio::spawn(apply(ruler, None, "us.ns.o".into(), vec![put("g")], stops));
    tokio::time::sleep(Duration::from_secs(1)).await;
    handle.step_down();
    drop(turn);
    let report = work.await.unwrap();
    assert!(report.applied.is_empty() && report.unfinished);
}

#[tokio::test(start_paused = true)]
async fn each_change_fails_alone_unless_the_others_would_meet_the_same() {
    let (mut server, mut order) = (MockServer::new(), Sequence::new());
    let refused = RulerError::rejected("cannot parse".to_owned());
    writes(&mut server, &mut order, "a", Some(refused));
    writes(&mut server, &mut order, "b", None);
    deletes(&mut server, &mut order, "c", Some(limit()));
    writes(&mut server, &mut order, "d", Some(unavailable()));
    let changes = vec![put("a"), put("b"), delete("c"), put("d"), put("e")];
    let (said, unfinished) = applied(server, changes, leading()).await;
    let classes = [limit().kind().as_str(), unavailable().kind().as_str()];
    assert_eq!(said[1..], ["b ok", &format!("c {}", classes[0]), &format!("d {}", classes[1])]);
    assert!(unfinished, "e was not tried");
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_is_tried_once_more_when_something_was_deleted() {
    let (mut server, mut order) = (MockServer::new(), Sequence::new());
    writes(&mut server, &mut order, "a", Some(limit()));
    deletes(&mut server, &mut order, "b", None);
    writes(&mut server, &mut order, "a", None);
    let said = applied(server, vec![put("a"), delete("b")], leading()).await;
    assert_eq!(said, (vec!["b ok".to_owned(), "a ok".to_owned()], false));
    // A write makes no room, nor does a delete that failed, and after an outage nothing is tried.
    let class = limit().kind().as_str();
    for (between, then, also) in [
        (put("b"), None, false),
        (delete("b"), Some(RulerError::protected("no".to_owned())), true),
        (delete("b"), Some(unavailable()), true),
    ] {
        let (mut server, mut order) = (MockServer::new(), Sequence::new());
        writes(&mut server, &mut order, "a", Some(limit()));
        match between.action {
            Action::Put(_) => writes(&mut server, &mut order, "b", then),
            _ => deletes(&mut server, &mut order, "b", then),
        }
        let (said, unfinished) = applied(server, vec![put("a"), between], leading()).await;
        assert_eq!(said.last(), Some(&format!("a {class}")), "{said:?}");
        assert_eq!(unfinished, also, "{said:?}");
    }
    let (mut server, mut order) = (MockServer::new(), Sequence::new());
    writes(&mut server, &mut order, "a", Some(limit()));
    deletes(&mut server, &mut order, "b", None);
    writes(&mut server, &mut order, "c", Some(unavailable()));
    let (said, unfinished) = applied(server, vec![put("a"), delete("b"), put("c")], leading()).await;
    assert_eq!(said.last(), Some(&format!("a {class}")), "{said:?}");
    assert!(unfinished);
}

#[tokio::test(start_paused = true)]
async fn only_a_ruler_without_room_for_the_request_is_asked_less() {
    let allowed = async |error: Option<RulerError>| {
        let concurrency = ConcurrencyLimit::new(8);
        judge(&concurrency.acquire(None).await, error.as_ref());
        format!("{concurrency:?}")
    };
    let all = allowed(None).await;
    assert_eq!(allowed(Some(limit())).await, all);
    assert_ne!(allowed(Some(unavailable())).await, all);
}

/// A ruler that is handed namespaces whole, and leaves the last change unanswered.
#[derive(Debug)]
struct Forgetful;

#[async_trait]
impl Ruler for Forgetful {
    async fn list(&self, _: Option<&TenantId>, _: &mut Listing<'_>) -> Result<(), RulerError> {
        unreachable!("changes are carried out without a look")
    }

    async fn write_group(
        &self,
        _: Option<&TenantId>,
        _: &str,
        _: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        unreachable!("namespaces are written whole")
    }

    async fn delete_group(&self, _: Option<&TenantId>, _: &str, _: &str) -> Result<(), RulerError> {
        unreachable!("namespaces are written whole")
    }

    async fn write_namespace(
        &self,
        _: Option<&TenantId>,
        _: &str,
        writes: &[Write<'_>],
    ) -> Vec<Result<(), RulerError>> {
        let found = matches!(writes[0], Write::Put { has_finding: true, .. });
        assert!(found && matches!(writes[1], Write::DeleteGroup("old")));
        vec![Ok(()); writes.len() - 1]
    }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_handed_over_whole_and_what_is_left_unanswered_is_unknown() {
    let changes = vec![put("new"), delete("old")];
    let together = |changes, stops| {
        let found = HashSet::from(["new".into()]);
        apply_together(Arc::new(Forgetful), None, "us.ns.o".into(), changes, found, stops)
    };
    let report = together(changes.clone(), leading()).await;
    let results: Vec<_> = report
        .applied
        .iter()
        .map(|applied| applied.result.as_ref().map_err(|error| error.kind().as_str()))
        .collect();
    assert_eq!((results, report.unfinished), (vec![Ok(&()), Err("unreadable")], true));
    // Whoever does not lead, and whoever is to stop, begins nothing.
    let (_throne, leadership) = Leadership::elected();
    let report = together(changes, Stops { leadership, ..leading() }).await;
    assert!(report.applied.is_empty() && report.unfinished);
}
