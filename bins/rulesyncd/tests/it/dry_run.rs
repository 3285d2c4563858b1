//! `--dry-run`: what is printed, and that nothing is written.

use crate::fixture::{Directory, mimir};

#[tokio::test]
async fn dry_run_prints_the_plan_and_writes_nothing() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let output = directory.output(&["--dry-run"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, "central/prod: 1 changes\n  + us.ns.o / g (1 rules) of PrometheusRule ns/o\n");
    assert!(ruler.journal().requests().iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn dry_run_prints_what_would_be_refused_and_fails() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let groups = "{name: good, rules: [{record: 'a:b', expr: up}]}, {name: syntax, rules: [{alert: A, expr: 'sum(up'}]}, \
                  {name: duration, rules: [{alert: B, expr: up, for: soon}]}";
    let manifest = format!(
        "{{apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule, metadata: {{name: o, namespace: ns}}, spec: {{groups: [{groups}]}}}}"
    );
    directory.write("rules/o.yaml", &manifest);
    let output = directory.output(&["--dry-run"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "central/prod: 2 changes\n  \
           + us.ns.o / good (1 rules) of PrometheusRule ns/o\n  \
           ! PrometheusRule ns/o: rules/o.yaml:1:211, group \"syntax\", rule 0 \"A\", expr: unclosed left parenthesis\n\
         ! PrometheusRule ns/o: rules/o.yaml:1:268, group \"duration\", rule 0 \"B\", for: `soon` is not a Prometheus duration: write \
         whole numbers with units in the order y, w, d, h, m, s, ms, such as `1h30m`\n"
    );
    assert!(ruler.journal().requests().iter().all(|request| request.method == "GET"));
}
