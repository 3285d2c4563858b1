//! The pages of an engine that runs, with objects whose names are hostile.

mod hostile;
mod many;
pub(crate) mod running;
mod snapshots;

use axum::http::StatusCode;
use running::{Answer, Running};

/// An object that is in order, one that the ruler refuses, and one that goes nowhere.
const OBJECTS: &str = r#"
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: good, namespace: shop, labels: {team: a}}
spec: {groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: bad, namespace: shop, labels: {team: a}}
spec: {groups: [{name: g, rules: [{alert: A, expr: "sum(rate(x[5m]) > 3"}]}]}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: elsewhere, namespace: shop}
spec: {groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]}
"#;

#[tokio::test]
async fn pages_lead_to_each_other() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    let mut waiting = vec!["/".to_owned()];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = running.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        waiting.extend(answer.links(&path));
    }
    for path in
        ["/objects/files/PrometheusRule/shop/bad", "/destinations/central/prod", "/config", "/metrics"]
    {
        assert!(seen.contains(path), "{path} is not among {seen:?}");
    }
}

#[tokio::test]
async fn first_page_is_text_for_programs() {
    let running = Running::start("").await;
    let answer = running.ask("GET", "/", &[("accept", "*/*")], "").await;
    assert!(answer.body.starts_with("rulesyncd\n"), "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.header("vary"), "accept");
}

#[tokio::test]
async fn answers_forbid_whatever_is_inline_or_from_elsewhere() {
    let running = Running::start("").await;
    for path in ["/", "/objects", "/nowhere", "/-/healthy", "/metrics", "/api/v1/status", "/api/nowhere"] {
        let answer = running.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        for inline in ["<style", " style=", " onclick", "<script>", "javascript:"] {
            assert!(!answer.body.contains(inline), "{path} has {inline}");
        }
    }
}

#[tokio::test]
async fn objects_are_filtered_by_the_url() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    let names = async |query: &str| {
        let body = running.get(&format!("/objects{query}")).await.body;
        ["good", "bad", "elsewhere"]
            .into_iter()
            .filter(|name| body.contains(&format!("<bdi>{name}</bdi>")))
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (query, wanted) in [
        ("", "good bad elsewhere"),
        ("?state=refused", "bad"),
        ("?state=problem", "bad"),
        ("?state=not_selected", "elsewhere"),
        ("?tenant=prod", "good bad"),
        ("?tenant=other", ""),
        ("?q=SHOP%2Fgo", "good"),
        ("?q=&state=&tenant=&page=", "good bad elsewhere"),
        ("?namespace=pay", ""),
        ("?page=2", ""),
    ] {
        assert_eq!(names(query).await, wanted, "{query}");
    }
    for query in ["?state=bad", "?page=0", "?page=x", "?unknown=1", "?evaluation=x", "?state=a&state=b"] {
        let answer = running.get(&format!("/objects{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.body.contains("<h1>No such list</h1>"), "{query}: {}", answer.body);
    }
}

#[tokio::test]
async fn pages_of_what_is_not_there_say_so() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    for path in [
        "/objects/files/PrometheusRule/shop/missing",
        "/objects/other/PrometheusRule/shop/good",
        "/objects/files/AlertingRule/shop/good",
        "/destinations/central",
        "/destinations/central/other",
        "/destinations/none/prod",
        "/nowhere",
        "/assets/0000000000000000.css",
    ] {
        assert_eq!(running.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn actions_need_the_token_of_a_form() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    let page = running.get("/destinations/central/prod").await.body;
    let token = page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let path = "/actions/sync/destinations/central/prod";
    let form = ("content-type", "application/x-www-form-urlencoded");
    for body in ["", "token=", "token=0000", &format!("token={token}0"), &format!("token={token}&more=1")] {
        let answer = running.ask("POST", path, &[form], body).await;
        assert!(
            matches!(
                answer.status,
                StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY
            ),
            "{body}: {}",
            answer.status
        );
    }
    let body = format!("token={token}");
    let elsewhere = [form, ("origin", "http://evil.example"), ("host", "here")];
    assert_eq!(running.ask("POST", path, &elsewhere, &body).await.status, StatusCode::FORBIDDEN);
    let done = running.ask("POST", path, &[form], &body).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let to = Answer::resolve(path, done.header("location"));
    assert_eq!(to, "/destinations/central/prod?sync=now");
    assert!(running.get(&to).await.body.contains("The ruler is being listed and compared."));
    let release = "/actions/release-deletes/destinations/central/prod";
    let released = running.ask("POST", release, &[form], &body).await;
    assert_eq!(
        Answer::resolve(release, released.header("location")),
        "/destinations/central/prod?released=0"
    );
    let nowhere = running.ask("POST", "/actions/sync/destinations/none", &[form], &body).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn actions_are_off_without_the_flag() {
    let running = Running::start_without_admin(OBJECTS).await;
    running.settled(3).await;
    assert!(!running.get("/destinations/central/prod").await.body.contains("<form class=\"action\""));
    let form = ("content-type", "application/x-www-form-urlencoded");
    let answer = running.ask("POST", "/actions/sync/destinations/central/prod", &[form], "token=").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body.contains("--web.enable-admin-api"), "{}", answer.body);
}

#[tokio::test]
async fn object_page_compares_what_is_sent_with_what_the_ruler_has() {
    let object = |expr: &str| {
        format!(
            "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: o, namespace: shop, labels: {{team: a}}}}\n\
             spec: {{groups: [{{name: g, rules: [{{alert: A, expr: \"{expr}\"}}]}}]}}\n"
        )
    };
    let running = Running::start(&object("first == 1")).await;
    running.settled(1).await;
    let path = "/objects/files/PrometheusRule/shop/o";
    let same = running.get(path).await.body;
    assert!(same.contains("the ruler has the same") && !same.contains("compare=now"), "{same}");
    // The ruler keeps the first version of a group that it refuses.
    running.declare(&object("sum(second"));
    running.until(|states| states.counts().1 == 1).await;
    let refused = running.get(path).await;
    assert!(refused.body.contains("the ruler has another version"), "{}", refused.body);
    let compare = refused.links(path).into_iter().find(|link| link.ends_with("?compare=now")).unwrap();
    let compared = running.get(&compare).await.body;
    for text in ["As it is sent", "sum(second", "As the ruler has it", "first == 1"] {
        assert!(compared.contains(text), "{text} is not in {compared}");
    }
}

#[tokio::test]
async fn problems_are_shown_with_the_expression_and_a_caret() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    for path in ["/", "/objects/files/PrometheusRule/shop/bad"] {
        let body = running.get(path).await.body;
        let code = body
            .split("<code dir=\"ltr\">")
            .nth(1)
            .unwrap_or_else(|| panic!("{path} has no excerpt: {body}"));
        let code = code.split("</code>").next().unwrap().replace("<mark>", "").replace("</mark>", "");
        let (line, caret) = code.split_once('\n').unwrap();
        assert_eq!(line, "sum(rate(x[5m]) &gt; 3", "{path}");
        assert_eq!(caret, format!("{}^", " ".repeat("sum(rate(x[5m]) > 3".len())), "{path}");
    }
}

#[tokio::test]
async fn problems_of_groups_that_no_ruler_is_offered_are_shown_with_their_text() {
    let running = Running::start(
        r#"
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: withheld, namespace: shop, labels: {team: a}}
spec:
  groups:
    - {name: g, rules: [{alert: A, expr: up == 0}]}
    - {name: h, rules: [{alert: B, expr: "left\u0085 > right"}]}
    - {name: g, rules: [{alert: C, expr: "again\u0085 == 0"}]}
"#,
    )
    .await;
    running.settled(1).await;
    for path in ["/", "/objects/files/PrometheusRule/shop/withheld"] {
        let body = running.get(path).await.body;
        for text in [r"left\u{85} &gt; right", r"again\u{85} == 0"] {
            assert!(body.contains(&format!("<code dir=\"ltr\">{text}")), "{path} has no {text}: {body}");
        }
    }
}
