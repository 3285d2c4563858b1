//! Values that are refused, with what to do.

use super::helm::{HELM_3, HELM_4, Helm};

/// A ruler and a route to it.
const BASE: &str = "config={\"rulers\":[{\"name\":\"a\",\"type\":\"mimir\",\"address\":\"http://a\"}],\"routes\":[{\"name\":\"r\",\"ruler\":\"a\"}]}";

/// Values, and what helm 3 and helm 4 say of them.
const WRONG: [(&[&str], &str, &str); 15] = [
    (&[BASE], "owner is required", "missing property 'owner'"),
    (
        &[BASE, "owner=\"Prod_EU\""],
        "owner: Does not match pattern",
        "'/owner': 'Prod_EU' does not match pattern",
    ),
    (&["owner=\"a\""], "config: routes is required", "'/config': missing properties 'rulers', 'routes'"),
    (
        &[BASE, "owner=\"a\"", "config.routes=[]"],
        "config.routes: Array must have at least 1",
        "'/config/routes': minItems: got 0, want 1",
    ),
    (
        &[BASE, "owner=\"a\"", "config.leader_election={\"enabled\":false}"],
        "config.leader_election.enabled does not match: true",
        "'/config/leader_election/enabled': value must be true",
    ),
    (
        &[BASE, "owner=\"a\"", "replica=3"],
        "Additional property replica is not allowed",
        "additional properties 'replica' not allowed",
    ),
    (
        &[BASE, "owner=\"a\"", "config.owner=\"b\""],
        "config: Additional property owner",
        "'/config': additional properties 'owner' not allowed",
    ),
    (
        &[BASE, "owner=\"a\"", "config.route=[]"],
        "config: Additional property route",
        "'/config': additional properties 'route' not allowed",
    ),
    (
        &[BASE, "owner=\"a\"", "existingSecret=\"x\""],
        "config: Must have at most 0",
        "'/config': maxProperties",
    ),
    (
        &["existingConfigMap=\"a\"", "existingSecret=\"x\""],
        "existingSecret: String length",
        "'/existingSecret': maxLength",
    ),
    (&["existingSecret=\"x\"", "rbac.leaseName=\"-\""], "rbac.leaseName", "'/rbac/leaseName'"),
    (
        &[BASE, "owner=\"a\"", "serviceMonitor.enabled=true", "podMonitor.enabled=true"],
        "podMonitor.enabled does not match: false",
        "'/podMonitor/enabled': value must be false",
    ),
    (
        &[BASE, "owner=\"a\"", "config.sources=[{\"type\":\"kubernetes\",\"namespaces\":[\"x\"]}]"],
        "config.sources[0].namespaces: set watch.namespaces instead",
        "config.sources[0].namespaces: set watch.namespaces instead",
    ),
    (
        &[BASE, "owner=\"a\"", "config.sources=[{\"type\":\"files\",\"path\":\"/x\"}]"],
        "set replicas to 1",
        "set replicas to 1",
    ),
    (
        &[BASE, "owner=\"a\"", "prometheusRule={\"enabled\":true,\"disabled\":[\"Nope\"]}"],
        "there is no alert Nope; there are RulesyncDown,",
        "there is no alert Nope; there are RulesyncDown,",
    ),
];

fn refuses(helm: &Helm, said: impl Fn(&(&[&str], &'static str, &'static str)) -> &'static str) {
    for wrong in &WRONG {
        let values: Vec<&str> = wrong.0.iter().flat_map(|value| ["--set-json", value]).collect();
        let error = helm.template(None, &values).expect_err(&values.join(" "));
        assert!(error.contains(said(wrong)), "{values:?}: {error}");
    }
    let right = ["--set-json", BASE, "--set-json", "owner=\"a\""];
    helm.template(None, &right).unwrap();
    let old = helm.template(None, &[&right[..], &["--kube-version", "1.24"]].concat()).unwrap_err();
    assert!(old.contains("chart requires kubeVersion: >=1.25"), "{old}");
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM3_BINARY, a helm 3"]
fn chart_refuses_wrong_values_with_helm_3() {
    refuses(&Helm::of(HELM_3), |wrong| wrong.1);
}

#[test]
#[ignore = "needs RULESYNC_E2E_HELM4_BINARY, a helm 4"]
fn chart_refuses_wrong_values_with_helm_4() {
    refuses(&Helm::of(HELM_4), |wrong| wrong.2);
}
