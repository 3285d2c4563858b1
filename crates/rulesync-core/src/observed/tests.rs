use super::*;
use crate::model::language::QueryLanguage;

fn group(name: &str, limit: i64) -> Group {
    Group { name: name.to_owned(), limit, ..Group::default() }
}

#[test]
fn namespace_with_a_group_that_cannot_be_read_is_named_as_foreign_where_it_might_be_adopted() {
    let previous = Observed::default();
    let adoptable = |_: &str| NamespaceClass::Adoptable;
    let mut listing = Listing::new(StoredFields::ALL, &adoptable, &previous).naming_foreign(true);
    listing.add("them", &group("g", 0));
    listing.unreadable("them", "h", "odd");
    let listed = listing.into_listed();
    assert!(listed.foreign.contains("them") && listed.adoptable.len() == 1);
}

#[test]
fn listing_ignores_foreign_namespaces() {
    let previous = Observed::default();
    let owned =
        |ns: &str| if ns.starts_with("us.") { NamespaceClass::Managed } else { NamespaceClass::Foreign };
    let mut listing = Listing::new(StoredFields::ALL, &owned, &previous);
    assert!(!listing.wants("them") && !listing.wants("others"));
    listing.add("them", &group("g", 0));
    listing.unreadable("them", "h", "odd");
    assert!(listing.wants("us.a"));
    listing.add("us.a", &group("g", 0));
    assert_eq!(listing.foreign_namespaces(), 2);
    assert!(listing.unreadable_groups().is_empty());
    let observed = listing.into_observed();
    assert_eq!(observed.groups(), 1);
    assert!(observed.has_namespace("us.a") && !observed.has_namespace("them"));
}

#[test]
fn unchanged_document_is_reused_until_a_write() {
    let owned = |_: &str| NamespaceClass::Managed;
    let document = Fingerprint::of_bytes(b"text");
    let nothing = Observed::default();
    let mut first = Listing::new(StoredFields::ALL, &owned, &nothing);
    assert!(!first.unchanged("a", document));
    first.add("a", &group("g", 1));
    first.read_from("a", document);
    let mut observed = first.into_observed();
    let mut second = Listing::new(StoredFields::ALL, &owned, &observed);
    assert!(second.unchanged("a", document));
    assert_eq!(second.into_observed(), observed);
    observed.set(&"a".into(), "g", None);
    assert!(!Listing::new(StoredFields::ALL, &owned, &observed).unchanged("a", document));
}

#[test]
fn document_is_read_again_if_it_differs_or_its_content_is_wanted() {
    let owned = |_: &str| NamespaceClass::Managed;
    let (document, other) = (Fingerprint::of_bytes(b"text"), Fingerprint::of_bytes(b"other"));
    let mut observed = Observed::default();
    for namespace in ["a", "b"] {
        observed.set(&namespace.into(), "g", None);
        observed.namespaces.get_mut(namespace).unwrap().document = Some(document);
    }
    let suspects = HashSet::from([("b".into(), "g".into())]);
    let takes = |observed: &Observed, namespace: &str, document| {
        Listing::new(StoredFields::ALL, &owned, observed).suspecting(&suspects).unchanged(namespace, document)
    };
    assert!(takes(&observed, "a", document));
    assert!(
        !takes(&observed, "a", other) && !takes(&observed, "b", document) && !takes(&observed, "c", document)
    );
    observed.forget_document("a");
    assert!(!takes(&observed, "a", document));
}

#[test]
fn namespace_counts_as_read_until_a_write_or_a_recheck() {
    let mut observed = Observed::default();
    observed.set(&"a".into(), "g", None);
    assert!(!observed.is_read("a"));
    observed.all_read();
    assert!(observed.is_read("a") && !observed.is_read("b"));
    observed.mark_unread("a");
    assert!(!observed.is_read("a"));
    observed.all_read();
    observed.set(&"a".into(), "h", None);
    assert!(!observed.is_read("a"));
    observed.all_read();
    observed.remove("a", "h");
    assert!(!observed.is_read("a"));
}

#[test]
fn namespace_is_copied_from_another_state_even_if_it_is_missing_there() {
    let (mut here, mut there) = (Observed::default(), Observed::default());
    here.set(&"a".into(), "old", None);
    here.set(&"gone".into(), "g", None);
    there.set(&"a".into(), "new", None);
    here.adopt(&"a".into(), &mut there);
    here.adopt(&"gone".into(), &mut there);
    let namespaces: Vec<_> = here.namespaces().map(|(name, groups)| (&**name, groups)).collect();
    assert_eq!(namespaces, [("a", vec!["new"])]);
    assert_eq!(there, Observed::default());
}

#[test]
fn claim_is_read_from_its_own_group_only_and_unreadable_groups_are_reported() {
    let classify =
        |namespace: &str| if namespace == "us" { NamespaceClass::Claim } else { NamespaceClass::Managed };
    let (previous, claim) = (Observed::default(), OwnerClaim { cluster: "c".into(), installation: None });
    let claim = claim.group(&"us".parse().unwrap(), QueryLanguage::PromQl);
    let mut listing = Listing::new(StoredFields::ALL, &classify, &previous);
    listing.add("us", &claim);
    listing.add("us", &group("by hand", 0));
    listing.unreadable("us.a", "g", "odd");
    let [unreadable] = listing.unreadable_groups() else { panic!("{:?}", listing.unreadable_groups()) };
    assert_eq!((unreadable.to_string().as_str(), unreadable.reason.as_str()), ("us.a/g", "odd"));
    let listed = listing.into_listed();
    assert!(listed.claim.is_some(), "of the two, the claim");
    assert_eq!(listed.observed.groups(), 1);
}

#[test]
fn removing_the_last_group_removes_the_namespace() {
    let mut observed = Observed::default();
    observed.set(&"a".into(), "g", None);
    observed.remove("a", "g");
    assert_eq!(observed, Observed::default());
}
