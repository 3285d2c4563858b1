//! The contents of the main pages in their states, so that a change of them shows in review. `INSTA_UPDATE=always` writes
//! them anew.

use std::time::{Duration, Instant};

use axum::http::Uri;
use rulesync_core::model::DestinationId;
use rulesync_core::status::DestinationState;

use super::OBJECTS;
use super::running::Running;
use crate::pages::{destination, frame::Frame};
use crate::view::destination::DestinationView;

/// After this time, a test fails with what a page has instead.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody listens on port 1, which needs a privilege.
const CONFIG: &str = "
owner: us
claim: off
sources: [{type: files, name: files, path: rules}, {type: files, name: retired, path: retired}]
rulers:
  - {name: central, type: mimir, address: 'ADDRESS'}
  - {name: down, type: mimir, address: 'http://127.0.0.1:1'}
routes:
  - {name: prod, ruler: central, tenant: prod, rule_selector: {match_labels: {team: a}}}
  - {name: old, ruler: central, tenant: old, rule_selector: {match_labels: {team: old}}}
  - {name: far, ruler: down, tenant: far, rule_selector: {match_labels: {team: far}}}
";

/// A file that declares nothing: one without any text counts as cut off.
const NOTHING: &str = "# No rules.\n";

fn object(name: &str, team: &str) -> String {
    format!(
        "---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: {name}, namespace: shop, labels: {{team: {team}}}}}\n\
         spec: {{groups: [{{name: g, rules: [{{alert: A, expr: up == 0}}]}}]}}\n"
    )
}

/// Starts an engine with objects in every state, a ruler that is down, and a delete that is held.
async fn much_is_wrong() -> Running {
    let rules = format!("{OBJECTS}{}", object("away", "far"));
    // Fewer would be deleted.
    let retired: String = (10..22).map(|number| object(&format!("retired-{number}"), "old")).collect();
    let sources = [("rules", rules.as_str()), ("retired", &retired)];
    let running = Running::start_configured(CONFIG, &sources, true).await;
    shown(&running, "/destinations/central/old", &["in sync</span>"]).await;
    running.declare_in("retired", NOTHING);
    shown(&running, "/destinations/central/old", &["holding deletes</span>", "0 in flight"]).await;
    running
}

/// Returns the contents of a page as soon as they have all these texts, a tag a line and without what differs each time.
async fn shown(running: &Running, path: &str, texts: &[&str]) -> String {
    let start = Instant::now();
    loop {
        let body = running.get(path).await.body;
        if texts.iter().all(|text| body.contains(text)) {
            let main = body.split_once("<main").unwrap().1.split_once('>').unwrap().1;
            return steady(main.split_once("</main>").unwrap().0);
        }
        assert!(start.elapsed() < PATIENCE, "{path} has never all of {texts:?}: {body}");
        tokio::task::yield_now().await;
    }
}

/// Returns a part of a page, a tag a line and without what differs each time.
fn steady(html: &str) -> String {
    // What there was before depends on how fast the test is.
    let html = html.split("<section aria-labelledby=\"history\">").next().unwrap_or_default();
    let without = |html: &str, start: &str, end: &str| {
        let mut parts = html.split(start);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, rest| text + start + "…" + &rest[rest.find(end).unwrap()..])
    };
    let html = without(html, "<time datetime=\"", "</time>");
    let html = without(&html, "such as <code>", "</code>");
    without(&html, "name=\"token\" value=\"", "\"").replace("><", ">\n<")
}

#[tokio::test]
async fn snapshots_of_the_first_page() {
    let running = Running::start_without_admin(NOTHING).await;
    insta::assert_snapshot!(
        "overview_empty",
        shown(&running, "/", &["Nothing is wrong", "in sync</span>"]).await
    );
    running.declare(&object("good", "a"));
    let wanted = [
        "Nothing is wrong",
        "in sync</span>",
        "<b>1</b> <span class=\"state good\">synced",
        "complete</span></td><td class=\"number\">1</td>",
        "<td class=\"number optional\">1</td><td class=\"number optional\">1</td>",
    ];
    insta::assert_snapshot!("overview_synced", shown(&running, "/", &wanted).await);
    let running = much_is_wrong().await;
    let wanted = ["Next attempt", "deletes held", "<mark>^</mark>"];
    insta::assert_snapshot!("overview_wrong", shown(&running, "/", &wanted).await);
}

#[tokio::test]
async fn snapshots_of_objects() {
    let running = much_is_wrong().await;
    let wanted = ["ruler unavailable", "refused</span>"];
    insta::assert_snapshot!("objects", shown(&running, "/objects?state=", &wanted).await);
    let path = "/objects/files/PrometheusRule/shop/";
    let wanted = ["<mark>^</mark>", "not in the ruler"];
    insta::assert_snapshot!("object_refused", shown(&running, &format!("{path}bad"), &wanted).await);
    let wanted = ["the ruler has the same"];
    insta::assert_snapshot!("object_synced", shown(&running, &format!("{path}good"), &wanted).await);
    let wanted = ["not selected"];
    insta::assert_snapshot!(
        "object_not_selected",
        shown(&running, &format!("{path}elsewhere"), &wanted).await
    );
}

#[tokio::test]
async fn snapshots_of_destinations() {
    let running = much_is_wrong().await;
    let held = shown(&running, "/destinations/central/old", &["0 in flight", "<bdi>retired-10</bdi>"]).await;
    insta::assert_snapshot!("destination_held", held);
    let down = shown(&running, "/destinations/down/far", &["Next attempt", "0 in flight"]).await;
    insta::assert_snapshot!("destination_down", down);
    let id = DestinationId { ruler: "central".into(), tenant: Some("prod".parse().unwrap()) };
    let mut view = DestinationView::of(running.context(), &id).await.unwrap().unwrap();
    // Somebody would have to change the rules in three lists.
    (view.status.state, view.status.contested, view.status.normalized) = (DestinationState::Contested, 2, 1);
    view.status.concurrency.in_flight = 3;
    let frame = Frame::of(running.context(), &Uri::from_static("/destinations/central/prod"));
    let html = destination::facts(&frame, &view.status, None).into_string();
    insta::assert_snapshot!("destination_contested", steady(&html));
}
