use super::*;

fn code(effect: Option<Effect>) -> Option<u16> {
    match effect {
        Some(Effect::Answer(canned)) => Some(canned.status.as_u16()),
        _ => None,
    }
}

/// The status that a fault answers a request of tenant `t1` with.
fn status_for(faults: &Faults, method: Method, target: &str) -> Option<u16> {
    let request = Request::builder().method(method).uri(target).header("x-scope-orgid", "t1").body(());
    code(faults.effect_on(&request.expect("a request")).1)
}

#[test]
fn fault_with_count_is_used_up_by_matching_requests() {
    let faults = Faults::new();
    faults.inject(Fault::status(503, "").on_method(Method::POST).on_path("ns1").times(2));
    assert_eq!(status_for(&faults, Method::GET, "/rules/ns1"), None);
    assert_eq!(status_for(&faults, Method::POST, "/rules/ns2"), None);
    assert_eq!(status_for(&faults, Method::POST, "/rules/ns1"), Some(503));
    assert_eq!(status_for(&faults, Method::POST, "/rules/ns1"), Some(503));
    assert_eq!(status_for(&faults, Method::POST, "/rules/ns1"), None);
    assert!(faults.lock().faults.is_empty());
}

#[test]
fn fault_of_one_tenant_does_not_affect_others() {
    let faults = Faults::new();
    faults.inject(Fault::status(500, "").on_tenant("t2"));
    assert_eq!(status_for(&faults, Method::GET, "/"), None);
    faults.inject(Fault::status(503, "").on_tenant("t1"));
    assert_eq!(status_for(&faults, Method::GET, "/"), Some(503));
}

#[test]
fn faults_add_up_delays_and_use_only_the_first_answer() {
    let faults = Faults::new();
    faults.inject(Fault::latency(Duration::from_millis(2)));
    faults.inject(Fault::status(500, "").times(1));
    faults.inject(Fault::latency(Duration::from_millis(3)));
    faults.inject(Fault::status(502, "").times(1));
    let (delay, effect) = faults.effect_on(&Request::new(()));
    assert_eq!((delay, code(effect)), (Duration::from_millis(5), Some(500)));
    assert_eq!(status_for(&faults, Method::GET, "/"), Some(502));
    assert_eq!(status_for(&faults, Method::GET, "/"), None);
}

#[tokio::test(start_paused = true)]
async fn fault_above_a_rate_spares_requests_within_it() {
    let faults = Faults::new();
    faults.inject(Fault::status(429, "").above(2, 3).when(|method, _| *method == Method::PATCH));
    let spared = |n: usize| (0..n).filter(|_| status_for(&faults, Method::PATCH, "/").is_none()).count();
    assert_eq!(spared(5), 3);
    assert_eq!(status_for(&faults, Method::GET, "/"), None);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(spared(5), 2);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(spared(5), 3, "no more than the burst is saved up");
}

#[test]
fn fault_has_no_effect_after_removal() {
    let faults = Faults::new();
    let id = faults.inject(Fault::hang());
    assert!(faults.remove(id));
    assert!(!faults.remove(id));
    assert!(faults.effect_on(&Request::new(())).1.is_none());
}
