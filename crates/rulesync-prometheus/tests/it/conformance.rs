//! The conformance suite for both variants.

use rulesync_conformance::rulers::{self, Tenants};
use rulesync_prometheus::Variant;

use crate::setup::Setup;

#[tokio::test]
async fn conformance_of_prometheus() {
    let setup = Setup::new(Variant::Prometheus).await;
    rulers::all(&*setup.ruler, &Tenants { one: None, other: None }).await;
    assert_eq!(setup.files().len(), 0, "no files are left");
}

#[tokio::test]
async fn conformance_of_vmalert() {
    let setup = Setup::new(Variant::Vmalert).await;
    rulers::all(&*setup.ruler, &Tenants { one: None, other: None }).await;
    assert_eq!(setup.files().len(), 0, "no files are left");
}
