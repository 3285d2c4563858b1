use super::*;
use crate::model::group::Rule;

pub(crate) fn group(name: &str, expr: &str) -> DesiredGroup {
    let rule = Rule { record: "r".into(), expr: expr.into(), ..Rule::default() };
    let group = Group { name: name.into(), rules: vec![rule], ..Group::default() };
    DesiredGroup::encode(&group, &StoredFields::ALL, LeftOut::default()).unwrap()
}

pub(crate) fn object(name: &str, created: Option<i64>, groups: Vec<DesiredGroup>) -> DesiredObject {
    DesiredObject {
        id: ObjectId::new(&"s".into(), &"K".into(), "ns", name),
        created,
        groups: groups.into(),
        refused: Box::default(),
        legacy_names: Box::default(),
        enforced: Arc::default(),
        findings: Box::default(),
        advice: Box::default(),
        seen: Instant::now(),
    }
}

#[test]
fn oldest_object_owns_the_namespace_and_the_next_one_follows() {
    let namespace: RulerNamespace = "us.ns.o".into();
    let mut desired = Desired::default();
    let (young, old) = (object("young", Some(2), vec![group("g", "1")]), object("old", Some(1), vec![]));
    desired.upsert(&namespace, young.clone());
    assert_eq!((desired.groups(), desired.rules()), (1, 1));
    desired.upsert(&namespace, old.clone());
    assert_eq!(desired.winner(&namespace).unwrap().id, old.id);
    assert_eq!(desired.groups(), 0);
    desired.remove(&namespace, &old.id, RemovalReason::Deleted);
    assert_eq!(desired.winner(&namespace).unwrap().id, young.id);
    assert_eq!(desired.groups(), 1);
    assert!(!desired.was_removed(&namespace));
    desired.remove(&namespace, &young.id, RemovalReason::Deleted);
    assert!(desired.was_removed(&namespace));
    desired.remove(&namespace, &young.id, RemovalReason::Deleted);
    assert_eq!(desired.groups(), 0);
}

#[test]
fn removing_an_object_does_not_affect_the_owner_or_protection_of_its_namespace() {
    let namespace: RulerNamespace = "us.ns.o".into();
    let (one, other) = (object("one", None, vec![]), object("other", None, vec![]));
    let mut desired = Desired::default();
    desired.upsert(&namespace, one.clone());
    desired.remove(&namespace, &other.id, RemovalReason::Moved);
    assert!(!desired.was_removed(&namespace));
    desired.protect(&namespace, &one.id, Some(HeldReason::Unreadable.into()));
    desired.protect(&namespace, &other.id, Some(HeldReason::Moving.into()));
    desired.upsert(&namespace, one.clone());
    assert_eq!(desired.protected(&namespace), Some(HeldReason::Moving));
    desired.protect(&namespace, &one.id, None);
    assert_eq!(desired.protected(&namespace), Some(HeldReason::Moving));
    desired.protect(&namespace, &other.id, None);
    assert_eq!(desired.protected(&namespace), None);
}

#[test]
fn removal_of_an_object_that_was_never_seen_is_recorded() {
    let namespace: RulerNamespace = "us.ns.o".into();
    let object = object("o", None, vec![]).id;
    let mut desired = Desired::default();
    desired.remove(&namespace, &object, RemovalReason::Moved);
    assert_eq!(desired.removed(&namespace).unwrap().because, RemovalReason::Moved);
    desired.forget_removed(&namespace);
    assert!(!desired.was_removed(&namespace), "it is gone from the ruler");
    desired.remove(&namespace, &object, RemovalReason::Moved);
    desired.retain_removed(|namespace| namespace == "us.ns.o");
    assert!(desired.was_removed(&namespace));
    desired.retain_removed(|_| false);
    assert!(!desired.was_removed(&namespace));
}

#[test]
fn legacy_names_lead_to_the_namespace_until_their_object_is_removed() {
    let namespace: RulerNamespace = "us.ns.o".into();
    let named =
        |legacy: &str| DesiredObject { legacy_names: [legacy.into()].into(), ..object("o", None, vec![]) };
    let mut desired = Desired::default();
    desired.upsert(&namespace, named("a-ns-o-1"));
    desired.upsert(&namespace, named("a-ns-o-1"));
    assert_eq!(desired.successor("a-ns-o-1"), Some(&namespace));
    assert!(!desired.was_removed("a-ns-o-1") && desired.knows("a-ns-o-1") && !desired.knows("a-ns-o-2"));
    desired.upsert(&namespace, named("a-ns-o-2"));
    assert_eq!(desired.successor("a-ns-o-1"), Some(&namespace), "the object was re-created");
    desired.remove(&namespace, &named("").id, RemovalReason::Deleted);
    for legacy in ["a-ns-o-1", "a-ns-o-2"] {
        assert_eq!(desired.removed(legacy).unwrap().because, RemovalReason::Deleted);
        assert_eq!(desired.successor(legacy), None);
    }
}

#[test]
fn totals_count_the_objects_that_own_their_namespaces() {
    let (one, other): (RulerNamespace, RulerNamespace) = ("us.ns.o".into(), "us.ns.p".into());
    let mut desired = Desired::default();
    desired.upsert(&one, object("o", Some(1), vec![group("g", "1"), group("h", "1")]));
    desired.upsert(&other, object("p", Some(1), vec![group("g", "1")]));
    desired.upsert(&one, object("later", Some(2), vec![group("g", "1")]));
    assert_eq!((desired.groups(), desired.rules()), (3, 3));
    let longer = DesiredGroup { rules: 5, ..group("h", "2") };
    desired.upsert(&one, object("o", Some(1), vec![group("g", "1"), longer]));
    assert_eq!((desired.groups(), desired.rules()), (3, 7));
    desired.remove(&one, &object("o", None, vec![]).id, RemovalReason::Deleted);
    assert_eq!((desired.groups(), desired.rules()), (2, 2));
}
