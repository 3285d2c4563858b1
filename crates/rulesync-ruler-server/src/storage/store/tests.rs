use super::*;
use crate::model::group::StoredRule;

fn group(name: &str, expr: &str) -> StoredGroup {
    let rule = StoredRule { record: "r".to_owned(), expr: expr.to_owned(), ..StoredRule::default() };
    StoredGroup { name: name.to_owned(), rules: vec![rule], ..StoredGroup::default() }
}

fn loaded(store: &mut Store) -> Vec<String> {
    let mut names: Vec<String> = store
        .loaded("t")
        .into_iter()
        .flat_map(|(ns, groups)| {
            groups.into_values().map(move |e| format!("{ns}/{}={}", e.group.name, e.group.rules[0].expr))
        })
        .collect();
    names.sort();
    names
}

#[test]
fn store_counts_groups_and_drops_empty_namespaces() {
    let mut store = Store::new(Duration::ZERO, false);
    store.put("t", "a", group("1", "up"));
    store.put("t", "a", group("1", "down"));
    store.put("t", "a", group("2", "up"));
    store.put("t", "b", group("1", "up"));
    assert_eq!(store.tenant("t").map(|t| t.count), Some(3));
    assert!(store.remove("t", "a", "1"));
    assert!(!store.remove("t", "a", "1"));
    assert!(!store.remove("u", "a", "1"));
    assert_eq!(store.group_names("t", "a"), ["2"]);
    assert!(store.remove("t", "a", "2"));
    assert!(store.group_names("t", "a").is_empty());
    assert_eq!(loaded(&mut store), ["b/1=up"]);
    store.remove("t", "b", "1");
    assert_eq!(store.tenants().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn store_loads_changes_after_the_delay() {
    let mut store = Store::new(Duration::from_secs(15), false);
    store.put("t", "a", group("1", "up"));
    tokio::time::advance(Duration::from_secs(10)).await;
    store.put("t", "a", group("2", "up"));
    assert!(loaded(&mut store).is_empty());
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(loaded(&mut store), ["a/1=up"]);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(loaded(&mut store), ["a/1=up", "a/2=up"]);
}

#[test]
fn store_is_frozen_until_poison_is_removed() {
    let mut store = Store::new(Duration::ZERO, false);
    store.put("t", "a", group("1", "up"));
    store.put("t", "x", group("p", "\tup\n== 0"));
    assert!(store.tenant("t").is_some_and(Tenant::is_frozen));
    store.put("t", "a", group("1", "down"));
    store.remove("t", "a", "1");
    store.put("t", "a", group("2", "up"));
    assert_eq!(loaded(&mut store), ["a/1=up"]);
    store.put("t", "x", group("p", "cured"));
    assert!(!store.tenant("t").is_some_and(Tenant::is_frozen));
    assert_eq!(loaded(&mut store), ["a/2=up", "x/p=cured"]);
}

#[test]
fn store_is_frozen_by_invalid_file_names() {
    for (maps_to_files, frozen) in [(true, true), (false, false)] {
        for namespace in [".", &"é".repeat(43)] {
            let mut store = Store::new(Duration::ZERO, maps_to_files);
            store.put("t", namespace, group("1", "up"));
            assert_eq!(store.tenant("t").is_some_and(Tenant::is_frozen), frozen, "{namespace}");
        }
        let mut store = Store::new(Duration::ZERO, maps_to_files);
        store.put("t", &"é".repeat(42), group("1", "up"));
        assert!(!store.tenant("t").is_some_and(Tenant::is_frozen));
    }
}
