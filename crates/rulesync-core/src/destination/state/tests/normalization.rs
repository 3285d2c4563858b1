//! Normalization is learned only from own writes: a difference counts as the server's only if it was read back right
//! after a write.

use super::*;
use crate::model::capabilities::{Capabilities, Normalization};

const DECLARED: &str = "sum(up) by (job)";
const PRINTED: There<'_> = ("us.ns.o", "g", "sum by (job) (up)");

/// A destination whose ruler may print expressions in another form.
fn respelled() -> Bench {
    let normalization = Normalization::Respells { oldest: StoredFields::ALL };
    let capabilities = Capabilities::default().with_normalization(normalization);
    let ruler = DescribedRuler::new(capabilities);
    destination_with(|shared| shared.ruler = Arc::new(ruler)).declared("o", &[("g", DECLARED)])
}

#[tokio::test(start_paused = true)]
async fn normalization_is_learned_after_two_writes() {
    let mut bench = respelled().listed(&[]);
    let mut requests = vec![bench.work().len()];
    for _ in 0..4 {
        bench.list(&[PRINTED]);
        requests.push(bench.work().len());
    }
    assert_eq!(requests, [1, 1, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn normalization_ignores_forms_that_somebody_else_wrote() {
    let mut bench = respelled().listed(&[("us.ns.o", "g", DECLARED)]);
    bench.list(&[PRINTED]);
    assert_eq!(bench.work(), ["PUT us.ns.o/g"], "nothing was written before it was read");
    bench.list(&[PRINTED]);
    assert_eq!(bench.work(), ["PUT us.ns.o/g"], "the first list after a write");
    bench.list(&[PRINTED]);
    assert_eq!(bench.work(), NOTHING, "the second one");
    // Another change by somebody is repaired.
    bench.list(&[("us.ns.o", "g", "sum by (job) (down)")]);
    assert_eq!(bench.work(), ["PUT us.ns.o/g"]);
}
