//! The stored version of a group whose new version is refused, when what its route enforces has changed: it stays for a
//! window of the guard only.

use std::time::Duration;

use rulesync_core::finding::Code;
use rulesync_core::route::{ExternalLabel, Value};

use crate::world::{MemoryRuler, World, object};

const MINUTE: Duration = Duration::from_secs(60);

/// An engine whose route enforces a label since four minutes. Its object has the groups `g` and `h`; `g` is refused in
/// its new version, locally or by the ruler, and has in its stored one no label and a tenant that was allowed before.
async fn refused(ruler: &MemoryRuler, locally: bool) -> World {
    let mut world = World::start(ruler);
    let mut before = object("o", &[("g", "1"), ("h", "1")]);
    before.groups[0].source_tenants = Some(vec!["prod".to_owned()]);
    world.declare([before]).await;
    ruler.refuse("bad");
    let bad = if locally { "" } else { "bad" };
    world.source.upsert(object("o", &[("g", bad), ("h", "1")]));
    tokio::time::sleep(MINUTE).await;
    let team = Value::Constant("a".to_owned());
    let label = ExternalLabel { name: "team".to_owned(), value: team, add_if_absent: false };
    world.reload(|setup| setup.routes[0].external_labels = vec![label]).await;
    tokio::time::sleep(4 * MINUTE).await;
    world
}

fn groups(ruler: &MemoryRuler) -> Vec<String> {
    ruler.groups("prod")["us.ns.o"].keys().cloned().collect()
}

/// Whether the new version is refused locally.
const LOCALLY: [bool; 2] = [false, true];

#[tokio::test(start_paused = true)]
async fn stored_version_that_its_route_does_not_allow_stays_for_a_window_and_is_reported() {
    for locally in LOCALLY {
        let ruler = MemoryRuler::default();
        let world = refused(&ruler, locally).await;
        assert_eq!(groups(&ruler), ["g", "h"], "locally: {locally}");
        let status = world.status().await;
        let findings = &status.objects[0].destinations[0].findings;
        assert!(findings.iter().any(|finding| finding.code == Code::NotAllowed), "{findings:?}");
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn stored_version_that_its_route_does_not_allow_goes_after_a_window_alone() {
    for locally in LOCALLY {
        let ruler = MemoryRuler::default();
        let world = refused(&ruler, locally).await;
        tokio::time::sleep(3 * MINUTE).await;
        assert_eq!(groups(&ruler), ["h"], "locally: {locally}");
        assert_eq!(ruler.groups("prod")["us.ns.o"]["h"].rules[0].labels["team"], "a");
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn stored_version_that_went_comes_back_mended() {
    for locally in LOCALLY {
        let ruler = MemoryRuler::default();
        let world = refused(&ruler, locally).await;
        tokio::time::sleep(3 * MINUTE).await;
        world.source.upsert(object("o", &[("g", "mended"), ("h", "1")]));
        tokio::time::sleep(MINUTE).await;
        assert_eq!(groups(&ruler), ["g", "h"], "locally: {locally}");
        world.stop().await;
    }
}
