//! The conformance suite with a real Loki. The tenants are unique to the run and are emptied afterwards.

use rulesync_conformance::rulers::{self, Tenants};
use rulesync_testkit::needs;

use crate::conformance::ruler_at;

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_LOKI, the base URL of a Loki with its ruler's API on"]
async fn conformance_of_real_loki() {
    let address = needs::variable("RULESYNC_E2E_LOKI");
    let tenant = |what| Some(format!("rulesync-e2e-{what}-{}", std::process::id()).parse().unwrap());
    let tenants = Tenants { one: tenant("one"), other: tenant("other") };
    rulers::all(&ruler_at(&address), &tenants).await;
}
