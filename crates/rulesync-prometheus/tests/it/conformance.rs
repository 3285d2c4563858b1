//! The conformance suite for both variants.

use rulesync_prometheus::Variant;
use rulesync_testkit::conformance::{self, Tenants};

use crate::setup::Setup;

#[tokio::test]
async fn conformance_of_prometheus() {
    let setup = Setup::new(Variant::Prometheus).await;
    conformance::all(&*setup.ruler, &Tenants { one: None, other: None }).await;
    assert_eq!(setup.files().len(), 0, "no files are left");
}

#[tokio::test]
async fn conformance_of_vmalert() {
    let setup = Setup::new(Variant::Vmalert).await;
    conformance::all(&*setup.ruler, &Tenants { one: None, other: None }).await;
    assert_eq!(setup.files().len(), 0, "no files are left");
}
