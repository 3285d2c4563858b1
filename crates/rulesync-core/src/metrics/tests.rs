use super::*;

#[test]
fn metric_names_are_those_of_the_readme() {
    let metrics = Metrics::default();
    metrics.observe_request("central", "POST", "namespace", "202", Duration::from_millis(3));
    let write =
        WriteLabels { ruler: "central".into(), tenant: "prod".into(), operation: "put_group", result: "ok" };
    let writes = metrics.writes.handle(write);
    writes.inc();
    let mut text = String::new();
    metrics.encode(&mut text).unwrap();
    for expected in [
        r#"rulesync_build_info{version="0.1.0"} 1"#,
        "rulesync_leader 1",
        r#"rulesync_ruler_request_duration_seconds_count{ruler="central",method="POST",route="namespace",code="202"} 1"#,
        r#"rulesync_writes_total{ruler="central",tenant="prod",operation="put_group",result="ok"} 1"#,
        "rulesync_propagation_seconds_count 0",
        "rulesync_config_last_reload_successful 1",
    ] {
        assert!(text.lines().any(|line| line == expected), "{expected} in\n{text}");
    }
}

fn encoded(metrics: &Metrics) -> String {
    let mut text = String::new();
    metrics.encode(&mut text).unwrap();
    text
}

#[test]
fn series_exist_until_the_last_holder_drops_them() {
    let metrics = Metrics::default();
    let labels = || DestinationLabels { ruler: "r".into(), tenant: "gone".into() };
    let (one, other) = (metrics.deletes_held.handle(labels()), metrics.deletes_held.handle(labels()));
    one.inc();
    drop(one);
    assert!(encoded(&metrics).contains(r#"rulesync_deletes_held{ruler="r",tenant="gone"} 1"#));
    drop(other);
    metrics.observe_request("r", "GET", "list", "200", Duration::from_millis(3));
    assert!(!encoded(&metrics).contains("gone"));
    assert!(encoded(&metrics).contains(r#"ruler="r""#));
    metrics.forget_ruler("r");
    assert!(!encoded(&metrics).contains(r#"ruler="r""#));
}

#[test]
fn series_are_limited_whatever_tenants_authors_request() {
    let metrics = Metrics::default();
    let destination =
        |n: usize| DestinationId { ruler: "r".into(), tenant: Some(format!("t{n}").parse().unwrap()) };
    let all: Vec<DestinationLabels> =
        (0..MAX_DESTINATIONS + 100).map(|n| metrics.join(&destination(n))).collect();
    assert_eq!(all[MAX_DESTINATIONS - 1].tenant, format!("t{}", MAX_DESTINATIONS - 1));
    assert!(all[MAX_DESTINATIONS..].iter().all(|labels| labels.tenant == OVERFLOW));
    assert!(OVERFLOW.parse::<crate::TenantId>().is_err());
    all.iter().for_each(|labels| metrics.leave(labels));
    assert_eq!(metrics.join(&destination(0)).tenant, "t0");
}
