//! Explanations with the real Kubernetes client and the real ruler client.

use rulesync_core::explain::{
    DestinationFilter, ObjectExplanation, Ownership, RequirementSubject, RouteVerdict, StoredState,
};
use rulesync_core::status::ObjectState;

use crate::road::{Road, object, servers};

async fn explained(road: &Road, name: &str) -> ObjectExplanation {
    let mut answer = road.running.engine.explain(name.parse().unwrap()).await.unwrap();
    assert_eq!((answer.objects.len(), answer.running), (1, true), "{answer:?}");
    answer.objects.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_follows_the_labels_of_a_kubernetes_namespace() {
    let (kube, ruler) = servers().await;
    kube.apply(object(0, 1, "up")).unwrap();
    let road = Road::new(kube, ruler).await;
    road.running.in_order(1).await.unwrap();
    let fine = explained(&road, "prometheusrule/team-a/o0").await;
    assert_eq!(fine.routes[0].verdict, RouteVerdict::Taken, "{fine:?}");
    assert_eq!(fine.destinations[0].groups[0].stored, Some(StoredState::Equal), "{fine:?}");
    let namespace = fine.destinations[0].namespace.clone();

    road.kube.label_namespace("team-a", [("team", Some("b"))]).unwrap();
    let is_left = |status: &rulesync_core::status::Status| {
        status.objects.iter().all(|object| object.state == ObjectState::NotSelected)
    };
    road.running.until(is_left).await.unwrap();
    let left = explained(&road, "team-a/o0").await;
    let unmet: Vec<_> = left.routes[0].requirements.iter().filter(|it| it.met == Some(false)).collect();
    let [unmet] = unmet.as_slice() else { panic!("{left:?}") };
    assert_eq!(unmet.subject, RequirementSubject::NamespaceSelector);
    assert_eq!((&*unmet.wanted, unmet.actual.as_deref()), ("team=a", Some("b")));

    let whose =
        road.running.engine.explain_namespace(&namespace, DestinationFilter::default()).await.unwrap();
    assert_eq!(whose.namespaces[0].ownership, Ownership::Own);
    assert_eq!(whose.namespaces[0].object.as_deref(), Some("PrometheusRule team-a/o0"));
    road.running.stop().await.unwrap();
}
