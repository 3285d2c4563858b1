//! Field selectors: which fields of a kind can be selected by, and whether an object has the wanted values.

use serde_json::Value;

use super::json_path::JsonPath;
use super::refused::Refused;
use super::resource::Resource;
use super::store::Record;

/// One condition of a selector.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldTerm {
    field: Field,
    value: String,
    negated: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Field {
    Name,
    Namespace,
    /// The first of these paths in the stored object that has a value.
    Content(Vec<JsonPath>),
}

impl FieldTerm {
    /// Returns `true` if the object fulfils the condition.
    pub(crate) fn matches(&self, record: &Record) -> bool {
        let equal = match &self.field {
            Field::Name => record.name == self.value,
            Field::Namespace => record.namespace == self.value,
            Field::Content(paths) => content(&record.value(), paths) == self.value,
        };
        equal != self.negated
    }
}

/// The value of a field as text; empty if it is missing.
fn content(object: &Value, paths: &[JsonPath]) -> String {
    let found = paths.iter().filter_map(|path| path.find(object).first().copied());
    let mut texts = found.map(|value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    texts.find(|text| !text.is_empty()).unwrap_or_default()
}

/// Parses the conditions of a selector for objects of this kind.
///
/// # Errors
/// 400 with the server's own wording if the syntax or the field is not supported.
pub(crate) fn parse_fields(text: &str, resource: &Resource) -> Result<Vec<FieldTerm>, Refused> {
    text.split(',').filter(|term| !term.is_empty()).map(|term| parse_field(term, resource)).collect()
}

fn parse_field(term: &str, resource: &Resource) -> Result<FieldTerm, Refused> {
    let invalid =
        || Refused::bad_request(format!("invalid field selector: {term:?}; can't understand {term:?}"));
    let (label, value, negated) = if let Some((label, value)) = term.split_once("!=") {
        (label, value, true)
    } else if let Some((label, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (label, value, false)
    } else {
        return Err(invalid());
    };
    let declared = resource.selectable.iter().find(|field| field.label == label);
    let field = match (label, declared) {
        ("metadata.name", _) => Field::Name,
        ("metadata.namespace", _) => Field::Namespace,
        (_, Some(field)) => Field::Content(field.paths.clone()),
        // Kinds with fields of their own have another message than those without.
        (label, None) if resource.is_custom() || !resource.selectable.is_empty() => {
            return Err(Refused::bad_request(format!("field label not supported: {label}")));
        }
        (label, None) => {
            return Err(Refused::bad_request(format!(
                "{label:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
            )));
        }
    };
    Ok(FieldTerm { field, value: value.to_owned(), negated })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::builtin;
    use super::*;

    #[test]
    fn field_selector_finds_the_fields_of_a_kind() {
        let definition = json!({"spec": {
            "group": "g", "scope": "Namespaced", "names": {"plural": "rules", "kind": "Rule"},
            "versions": [{"name": "v1", "storage": true, "selectableFields": [{"jsonPath": ".spec.n"}]}],
        }});
        let rules = Resource::declared(&definition).unwrap();
        let event = json!({
            "metadata": {"namespace": "x", "name": "e"}, "reason": "Refused", "reportingComponent": "rulesync",
            "source": {}, "involvedObject": {"kind": "Rule", "name": "r"},
        });
        let rule = json!({"metadata": {"namespace": "x", "name": "r1"}, "spec": {"n": 3}});
        let kinds = builtin::resources();
        let events = |group: &str| kinds.iter().find(|k| k.kind == "Event" && k.group == group).unwrap();
        let (core, newer) = (events(""), events("events.k8s.io"));
        for (kind, object, selector, expected) in [
            (&rules, &rule, "metadata.name=r1", true),
            (&rules, &rule, "metadata.name=r2", false),
            (&rules, &rule, "metadata.namespace==x,metadata.name!=r1", false),
            (&rules, &rule, "spec.n=3", true),
            (&rules, &rule, "spec.n=4", false),
            (core, &event, "involvedObject.kind=Rule,involvedObject.name=r,reason!=Other", true),
            (core, &event, "involvedObject.uid=", true),
            (core, &event, "source=rulesync", true),
            (newer, &event, "regarding.name=r,reportingController=rulesync", true),
            (newer, &event, "regarding.name=other", false),
        ] {
            let parsed = parse_fields(selector, kind).unwrap();
            let record = Record::new(&mut object.clone(), 1);
            assert_eq!(parsed.iter().all(|term| term.matches(&record)), expected, "{selector}");
        }
        let message = |kind: &Resource| parse_fields("spec.x=1", kind).unwrap_err().message;
        assert_eq!(message(&rules), "field label not supported: spec.x");
        assert_eq!(message(core), "field label not supported: spec.x");
        let leases = kinds.iter().find(|kind| kind.kind == "Lease").unwrap();
        assert!(
            message(leases).starts_with("\"spec.x\" is not a known field selector"),
            "{}",
            message(leases)
        );
    }
}
