//! The daemon is killed again and again, and ends in the right state.

use std::collections::BTreeMap;

use crate::fixture::{Directory, mimir};

const OBJECTS: usize = 60;

fn manifest(object: usize, version: usize) -> String {
    let groups: String = (0..3)
        .map(|group| format!("    - {{name: g{group}, rules: [{{alert: A, expr: up == {version}}}]}}\n"))
        .collect();
    format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: o{object}, namespace: ns}}\nspec:\n  groups:\n{groups}"
    )
}

#[tokio::test]
async fn daemon_killed_fifty_times_during_a_sync_ends_in_the_right_state() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let file = |object: usize| format!("rules/o{object}.yaml");
    directory.remove("rules/o.yaml");
    ruler.put("prod", "theirs", "name: g\nrules: [{record: 'their:own', expr: up}]\n").unwrap();
    let mut declared: BTreeMap<usize, usize> = BTreeMap::new();
    // Pseudo-random with a fixed seed, so that a failure can be repeated.
    let mut seed: usize = 0x2545_F491;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for round in 0..50 {
        // Everything changes, so that there is always a sync to be killed in; some objects come and go.
        for object in 0..OBJECTS {
            if random(5) == 0 {
                declared.remove(&object);
                let _ = std::fs::remove_file(directory.path(&file(object)));
            } else {
                declared.insert(object, round);
                directory.write(&file(object), &manifest(object, round));
            }
        }
        ruler.journal().clear();
        let daemon = directory.start(&[]);
        let moment = 1 + random(declared.len() * 3);
        ruler.journal().wait_until(|requests| requests.len() >= moment).await;
        daemon.signal("KILL");
        assert!(!daemon.end().await.success());
    }
    let daemon = directory.start(&[]);
    daemon.in_order(declared.len()).await;
    let mut rules = ruler.rules("prod");
    assert!(rules.remove("theirs").is_some());
    let expected: Vec<String> = declared.keys().map(|object| format!("us.ns.o{object}")).collect();
    let mut found: Vec<String> = rules.keys().map(ToString::to_string).collect();
    found.sort_by_key(|name| name.trim_start_matches("us.ns.o").parse::<usize>().unwrap());
    assert_eq!(found, expected);
    for (object, version) in declared {
        let groups = &rules[&format!("us.ns.o{object}")];
        assert_eq!(groups.len(), 3);
        for group in groups.values() {
            let group = serde_json::to_value(group).unwrap();
            assert_eq!(group["rules"][0]["expr"], format!("up == {version}"));
        }
    }
}
