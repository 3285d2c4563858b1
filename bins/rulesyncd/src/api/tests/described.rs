//! Answers fit the description: `openapi.yaml`.

use axum::http::StatusCode;
use rulesync_core::status::ObjectState;
use serde_json::{Value, json};

use super::OBJECTS;
use crate::api::openapi;
use crate::pages::tests::running::Running;

/// Returns the answer to a request, which must fit the description.
pub(super) async fn get(running: &Running, path: &str) -> Value {
    let answer = running.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    let value: Value = serde_json::from_str(&answer.body).unwrap();
    let document = openapi::document();
    let schema = response_of(&document, path.split('?').next().unwrap());
    assert_fits(&document, schema, &value, path);
    value
}

/// Returns the schema of the answer to a path.
fn response_of<'a>(document: &'a Value, path: &str) -> &'a Value {
    let paths = document["paths"].as_object().unwrap();
    let is_it = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(wanted, part)| wanted == part || wanted.starts_with('{'))
    };
    // Parts of a path that are written out count before parameters.
    let found = paths
        .iter()
        .filter(|(template, _)| is_it(template))
        .min_by_key(|(template, _)| template.matches('{').count());
    let (_, operations) = found.unwrap_or_else(|| panic!("{path} is not described"));
    &operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
}

/// Asserts that a value fits a schema of the document, and has no keys that it does not describe.
fn assert_fits(document: &Value, schema: &Value, value: &Value, what: &str) {
    let mut root = json!({"components": document["components"], "allOf": [schema]});
    forbid_more(&mut root);
    let validator = jsonschema::draft202012::new(&root).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}:\n{}\n{value:#}", errors.join("\n"));
}

/// Forbids keys that are not described. Clients must expect them; these tests do not.
fn forbid_more(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(forbid_more);
            if fields
                .get("properties")
                .is_some_and(|properties| !properties.get("properties").is_some_and(Value::is_array))
                && fields.contains_key("type")
            {
                fields.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(forbid_more),
        _ => {}
    }
}

#[tokio::test]
async fn answers_fit_the_description() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    for path in [
        "/api/v1/overview",
        "/api/v1/objects",
        "/api/v1/objects/files/PrometheusRule/shop/good",
        "/api/v1/objects/files/PrometheusRule/shop/bad",
        "/api/v1/objects/files/PrometheusRule/shop/elsewhere",
        "/api/v1/destinations",
        "/api/v1/destinations/central/prod",
        "/api/v1/config",
        "/api/v1/status",
        "/api/v1/explain?object=shop/good",
        "/api/v1/explain?ruler_namespace=us.shop.good",
        "/api/v1/openapi.json",
    ] {
        get(&running, path).await;
    }
}

#[tokio::test]
async fn answers_fit_the_description_when_much_is_wrong() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    // An object that cannot be read may hide others, so that deletes are held.
    let odd = "---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: odd, namespace: shop}\nspec: {groups: 7}\n";
    running.declare(odd);
    running.until(|states| states.counts().0.contains_key(&ObjectState::Malformed)).await;
    for path in [
        "/api/v1/overview",
        "/api/v1/objects",
        "/api/v1/destinations/central/prod",
        "/api/v1/status",
        "/api/v1/explain?object=shop/good",
    ] {
        get(&running, path).await;
    }
}

#[tokio::test]
async fn description_is_of_what_is_served() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    let document = openapi::document();
    let index = running.ask("GET", "/", &[], "").await.body;
    for (template, operations) in document["paths"].as_object().unwrap() {
        let path = template
            .replace("{source}/{kind}/{namespace}/{name}", "files/PrometheusRule/shop/good")
            .replace("{ruler}", "central")
            .replace("{tenant}", "prod");
        for method in operations.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let answer = running.send(&method, &path, &[], "").await.status();
            assert!(
                answer != StatusCode::METHOD_NOT_ALLOWED && answer.as_u16() < 500,
                "{method} {path}: {answer}"
            );
            assert!(answer != StatusCode::NOT_FOUND || !path.contains("prod"), "{method} {path}: {answer}");
            let listed = index.lines().any(|line| {
                let mut words = line.split_whitespace();
                words.next() == Some(method.as_str()) && words.next() == Some(template)
            });
            assert!(listed, "{method} {template} is not in the list of pages:\n{index}");
        }
    }
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn description_refers_to_what_it_has() {
    let document = openapi::document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50, "{}", references.len());
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
