//! Lists: selects the objects of a page and renders it.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::query::{Freshness, ListQuery, Token};
use super::refused::Refused;
use super::resource::Resource;
use super::store::{Record, Store};
use super::table::TableOptions;

/// The part of an object that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The whole object.
    Whole,
    /// `PartialObjectMetadata`.
    Metadata,
    /// A row of a table.
    Table(TableOptions),
}

impl Form {
    /// The form of the later events of a watch: the columns of a table are sent once.
    pub(crate) fn after_the_first(self) -> Self {
        match self {
            Self::Table(options) => Self::Table(options.without_columns()),
            other => other,
        }
    }
}

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) items: Vec<Arc<Record>>,
    pub(crate) revision: u64,
    next: Option<Token>,
    remaining: Option<usize>,
}

/// Selects the objects of one page.
///
/// # Errors
/// 410 if the snapshot is compacted, 504 if an exact revision has not been reached.
pub(crate) fn page(
    store: &Store,
    resource: &Resource,
    namespace: Option<&str>,
    query: &ListQuery,
) -> Result<Page, Refused> {
    let table_name = resource.table();
    let now = store.revision();
    let wanted = match (&query.token, query.freshness) {
        (Some(token), _) => u64::try_from(token.revision).ok(),
        (None, Freshness::Exact(revision)) => Some(revision),
        (None, _) => None,
    };
    if let Some(asked) = wanted.filter(|asked| *asked > now) {
        return Err(Refused::too_large(asked, now));
    }
    let revision = wanted.unwrap_or(now);
    let table = store.table_at(&table_name, revision).map_err(|_| match &query.token {
        Some(token) => Refused::continue_expired(token.inconsistent().encode()),
        None => Refused::too_old_for_list(),
    })?;
    let prefix = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    // The position in a token is relative to the listed namespace, a key to the kind.
    let start =
        query.token.as_ref().map_or_else(|| prefix.clone(), |token| format!("{prefix}{}", token.key()));
    let mut selected = table
        .range(start..)
        .take_while(|(key, _)| key.starts_with(&prefix))
        .filter(|(_, record)| query.selector.matches(record));
    let limit = if query.limit == 0 { usize::MAX } else { query.limit };
    let mut last = None;
    let mut items = Vec::new();
    for (key, record) in selected.by_ref().take(limit) {
        last = Some(key);
        items.push(resource.view(record));
    }
    let more = selected.next().is_some();
    let next = last.filter(|_| more).map(|key| Token::after(&key[prefix.len()..], revision));
    // With a selector, the real server does not count the remaining items.
    let counted = last.filter(|_| more && query.selector.is_everything()).map(|last| {
        let rest = table.range::<str, _>((Bound::Excluded(last.as_str()), Bound::Unbounded));
        rest.take_while(|(key, _)| key.starts_with(&prefix)).count()
    });
    Ok(Page { items, revision, next, remaining: counted })
}

impl Page {
    /// Renders the list object; ages are those at `now`, in seconds since 1970.
    pub(crate) fn render(&self, resource: &Resource, form: Form, now: u64) -> Bytes {
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        match &self.next {
            Some(token) => metadata["continue"] = json!(token.encode()),
            // Custom resources print the field even if empty; typed lists omit it.
            None if resource.is_custom() && form == Form::Whole => metadata["continue"] = json!(""),
            None => {}
        }
        let (kind, api_version) = match form {
            Form::Whole => (resource.list_kind.as_str(), resource.api_version()),
            Form::Metadata => ("PartialObjectMetadataList", "meta.k8s.io/v1".to_owned()),
            Form::Table(options) => {
                let objects: Vec<Value> = self.items.iter().map(|record| record.value()).collect();
                let mut table = options.table(resource, metadata, objects.iter(), now).to_string();
                table.push('\n');
                return Bytes::from(table);
            }
        };
        let head = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata}).to_string();
        let size: usize = self.items.iter().map(|record| record.json.len() + 64).sum();
        let mut body = Vec::with_capacity(head.len() + size + 16);
        body.extend_from_slice(&head.as_bytes()[..head.len() - 1]);
        if form == Form::Metadata && self.items.is_empty() {
            body.extend_from_slice(b",\"items\":null}\n");
            return Bytes::from(body);
        }
        body.extend_from_slice(b",\"items\":[");
        for (index, record) in self.items.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            object(record, resource, form, now, &mut body);
        }
        body.extend_from_slice(b"]}\n");
        Bytes::from(body)
    }
}

/// Writes one object in the requested form.
pub(crate) fn object(record: &Record, resource: &Resource, form: Form, now: u64, into: &mut Vec<u8>) {
    match form {
        Form::Whole => into.extend_from_slice(&record.json),
        Form::Metadata => {
            into.extend_from_slice(
                b"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":",
            );
            into.extend_from_slice(&record.metadata);
            into.push(b'}');
        }
        Form::Table(options) => {
            let table = options.single(resource, &record.value(), now);
            into.extend_from_slice(table.to_string().as_bytes());
        }
    }
}

/// Converts a single object to the requested form.
pub(crate) fn in_form(value: &Value, resource: &Resource, form: Form, now: u64) -> Value {
    match form {
        Form::Whole => value.clone(),
        Form::Metadata => json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"],
        }),
        Form::Table(options) => options.single(resource, value, now),
    }
}

#[cfg(test)]
mod tests {
    use super::super::query::Params;
    use super::*;

    fn store() -> Store {
        let mut store = Store::new(100);
        for (namespace, name, team) in
            [("a", "x", "1"), ("a", "y", "2"), ("a-b", "x", "1"), ("b", "x", "1"), ("b", "y", "1")]
        {
            let value = json!({"metadata": {"namespace": namespace, "name": name, "labels": {"team": team}}});
            store.put("rules.g", &format!("{namespace}/{name}"), value);
        }
        store
    }

    fn kind() -> Resource {
        let definition = json!({"spec": {
            "group": "g", "scope": "Namespaced", "names": {"plural": "rules", "kind": "Rule"},
            "versions": [{"name": "v1", "storage": true}],
        }});
        Resource::declared(&definition).unwrap()
    }

    fn listed(store: &Store, namespace: Option<&str>, query: &str) -> Result<Value, Refused> {
        let query = ListQuery::parse(&Params::parse(query), &kind())?;
        let page = page(store, &kind(), namespace, &query)?;
        Ok(serde_json::from_slice(&page.render(&kind(), Form::Whole, 0)).unwrap())
    }

    fn names(list: &Value) -> Vec<String> {
        let item = |v: &Value| {
            let text = |key: &str| v["metadata"][key].as_str().unwrap().to_owned();
            format!("{}/{}", text("namespace"), text("name"))
        };
        list["items"].as_array().unwrap().iter().map(item).collect()
    }

    #[test]
    fn list_pages_share_the_snapshot_of_the_first_page() {
        let mut store = store();
        let first = listed(&store, None, "limit=2").unwrap();
        // A key is a path, so that `a-b/` sorts before `a/`.
        assert_eq!(names(&first), ["a-b/x", "a/x"]);
        assert_eq!(first["metadata"]["remainingItemCount"], 3);
        let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
        store.remove("rules.g", "b/x");
        store.put("rules.g", "a/z", json!({"metadata": {"namespace": "a", "name": "z"}}));
        let second = listed(&store, None, &format!("limit=2&continue={token}")).unwrap();
        assert_eq!(names(&second), ["a/y", "b/x"]);
        assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
        let token = second["metadata"]["continue"].as_str().unwrap().to_owned();
        let last = listed(&store, None, &format!("limit=2&continue={token}")).unwrap();
        assert_eq!((names(&last), &last["metadata"]["continue"]), (vec!["b/y".to_owned()], &json!("")));
    }

    #[test]
    fn list_returns_inconsistent_token_for_an_expired_one() {
        let mut store = store();
        let first = listed(&store, Some("a"), "limit=1").unwrap();
        let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
        store.remove("rules.g", "b/x");
        store.compact(store.revision());
        let refused = listed(&store, Some("a"), &format!("limit=1&continue={token}")).unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (410, "Expired"));
        let fresh = refused.status()["metadata"]["continue"].as_str().unwrap().to_owned();
        let rest = listed(&store, Some("a"), &format!("limit=1&continue={fresh}")).unwrap();
        assert_eq!(names(&rest), ["a/y"]);
    }

    #[test]
    fn list_with_selector_has_no_remaining_count() {
        let list = listed(&store(), None, "labelSelector=team%3D1&limit=1").unwrap();
        assert_eq!(names(&list), ["a-b/x"]);
        assert!(list["metadata"].get("remainingItemCount").is_none());
        assert_ne!(list["metadata"]["continue"], "");
        assert_eq!(
            names(&listed(&store(), None, "fieldSelector=metadata.name%3Dy").unwrap()),
            ["a/y", "b/y"]
        );
    }

    #[test]
    fn list_at_exact_revision_until_compaction() {
        let mut store = store();
        assert_eq!(
            names(&listed(&store, None, "resourceVersion=4&resourceVersionMatch=Exact").unwrap()).len(),
            2
        );
        store.compact(store.revision());
        let refused = listed(&store, None, "resourceVersion=4&resourceVersionMatch=Exact").unwrap_err();
        assert_eq!(refused.message, "The resourceVersion for the provided list is too old.");
        assert_eq!(listed(&store, None, "resourceVersion=99&limit=1").unwrap_err().code, 504);
    }
}
