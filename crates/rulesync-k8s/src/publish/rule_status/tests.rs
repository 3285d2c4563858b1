use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::publish::samples;

/// 22:32:02 on 27 November 2026.
const NOW: u64 = 1_795_818_722;

fn owner() -> Owner {
    "prod".parse().unwrap()
}

#[test]
fn rule_status_shows_what_a_ruler_refuses() {
    let (object, written) = render(&samples::refused(), &owner()).unwrap().at(None, NOW);
    assert_snapshot!(serde_saphyr::to_string(&object).unwrap());
    assert_eq!(crate::publish::Written::of_metadata(&object.metadata), Some(written));
}

#[test]
fn rule_status_is_for_kinds_of_clusters_that_have_no_status_of_their_own() {
    for kind in ["LoggingRule", "RuleFile"] {
        assert_eq!(render(&samples::status(json!({"kind": kind})), &owner()), None);
    }
}
