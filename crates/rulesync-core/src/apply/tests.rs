//! Requests to a ruler: their order, and the errors that end the work on a namespace.

use async_trait::async_trait;
use mockall::Sequence;
use mockall::predicate::eq;

use super::*;
use crate::desired::tests::group;
use crate::leadership::LeaderTerm;
use crate::model::encoded::EncodedGroup;
use crate::observed::Listing;
use crate::plan::Reason;

/// The requests to a ruler, for the namespace and tenant that all changes here have.
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
        unreachable!("changes are carried out without a list")
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

/// Expects a write of this group next, and answers it with this result.
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

/// Returns the results of the changes, as `group ok` or `group error`, and whether changes are unfinished.
async fn applied(server: MockServer, changes: Vec<Change>, stops: Stops) -> (Vec<String>, bool) {
    let report = apply(budgeted(server), None, "us.ns.o".into(), changes, stops).await;
    let results = |applied: &Applied| {
        let result = applied.result.as_ref().err().map_or("ok", |error| error.kind().as_str());
        format!("{} {result}", applied.change.group().unwrap_or_default())
    };
    (report.applied.iter().map(results).collect(), report.unfinished)
}

#[tokio::test(start_paused = true)]
async fn apply_writes_nothing_without_leadership() {
    // The mock panics at a request that nobody expects.
    let (_handle, leadership) = Leadership::elected();
    let stops = Stops { leadership, ..leading() };
    assert_eq!(applied(MockServer::new(), vec![put("g")], stops).await, (vec![], true));
    let stops = leading();
    stops.stop.cancel();
    assert_eq!(applied(MockServer::new(), vec![put("g")], stops).await, (vec![], true));
}

#[tokio::test(start_paused = true)]
async fn leadership_is_checked_after_the_wait_for_a_permit() {
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
async fn apply_stops_only_at_errors_that_concern_all_changes() {
    let (mut server, mut order) = (MockServer::new(), Sequence::new());
    let refused = RulerError::rejected("cannot parse".to_owned());
    writes(&mut server, &mut order, "a", Some(refused));
    writes(&mut server, &mut order, "b", None);
    deletes(&mut server, &mut order, "c", Some(limit()));
    writes(&mut server, &mut order, "d", Some(unavailable()));
    let changes = vec![put("a"), put("b"), delete("c"), put("d"), put("e")];
    let (results, unfinished) = applied(server, changes, leading()).await;
    let classes = [limit().kind().as_str(), unavailable().kind().as_str()];
    assert_eq!(results[1..], ["b ok", &format!("c {}", classes[0]), &format!("d {}", classes[1])]);
    assert!(unfinished, "e was not tried");
}

#[tokio::test(start_paused = true)]
async fn writes_over_a_limit_are_retried_once_after_a_delete() {
    let (mut server, mut order) = (MockServer::new(), Sequence::new());
    writes(&mut server, &mut order, "a", Some(limit()));
    deletes(&mut server, &mut order, "b", None);
    writes(&mut server, &mut order, "a", None);
    let results = applied(server, vec![put("a"), delete("b")], leading()).await;
    assert_eq!(results, (vec!["b ok".to_owned(), "a ok".to_owned()], false));
    // A write makes no room, nor does a failed delete, and after an outage nothing is retried.
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
        let (results, unfinished) = applied(server, vec![put("a"), between], leading()).await;
        assert_eq!(results.last(), Some(&format!("a {class}")), "{results:?}");
        assert_eq!(unfinished, also, "{results:?}");
    }
    let (mut server, mut order) = (MockServer::new(), Sequence::new());
    writes(&mut server, &mut order, "a", Some(limit()));
    deletes(&mut server, &mut order, "b", None);
    writes(&mut server, &mut order, "c", Some(unavailable()));
    let (results, unfinished) = applied(server, vec![put("a"), delete("b"), put("c")], leading()).await;
    assert_eq!(results.last(), Some(&format!("a {class}")), "{results:?}");
    assert!(unfinished);
}

#[tokio::test(start_paused = true)]
async fn concurrency_is_lowered_only_by_an_unavailable_ruler() {
    let allowed = async |error: Option<RulerError>| {
        let concurrency = ConcurrencyLimit::new(8);
        judge(&concurrency.acquire(None).await, error.as_ref());
        format!("{concurrency:?}")
    };
    let all = allowed(None).await;
    assert_eq!(allowed(Some(limit())).await, all);
    assert_ne!(allowed(Some(unavailable())).await, all);
}

/// A ruler that takes whole namespaces and reports no result for the last change.
#[derive(Debug)]
struct Forgetful;

#[async_trait]
impl Ruler for Forgetful {
    async fn list(&self, _: Option<&TenantId>, _: &mut Listing<'_>) -> Result<(), RulerError> {
        unreachable!("changes are carried out without a list")
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
async fn batch_without_a_result_for_a_change_leaves_it_unknown() {
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
    // Without leadership, or after a stop, no request begins.
    let (_handle, leadership) = Leadership::elected();
    let report = together(changes, Stops { leadership, ..leading() }).await;
    assert!(report.applied.is_empty() && report.unfinished);
}

#[tokio::test(start_paused = true)]
async fn ruler_without_a_delete_of_namespaces_is_asked_for_each_group() {
    let (mut server, mut order) = (MockServer::new(), Sequence::new());
    deletes(&mut server, &mut order, "a", None);
    deletes(&mut server, &mut order, "b", None);
    let namespace = change(Action::DeleteNamespace(vec!["a".into(), "b".into()]));
    assert_eq!(applied(server, vec![namespace], leading()).await, (vec![" ok".to_owned()], false));
}
