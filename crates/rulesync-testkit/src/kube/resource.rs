//! The served kinds: the built-in ones and those declared by CustomResourceDefinitions.

use std::sync::Arc;

use serde_json::Value;

use super::column::Column;
use super::event::EventApi;
use super::json_path::JsonPath;
use super::review::Review;
use super::schema::Schema;
use super::selectable_field::SelectableField;
use super::store::Record;

/// `plural.group`, or `plural` in the core group.
pub(crate) fn qualify(plural: &str, group: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

/// A served kind.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    /// By what objects can be selected besides name and namespace.
    pub(crate) selectable: Vec<SelectableField>,
    pub(crate) nature: Nature,
}

/// A built-in kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BuiltIn {
    /// core/v1 ConfigMap.
    ConfigMap,
    /// coordination.k8s.io/v1 Lease.
    Lease,
    /// Event of core/v1 or events.k8s.io/v1.
    Event(EventApi),
    /// core/v1 Pod, as something to look at: nothing runs.
    Pod,
}

/// The properties that depend on the origin of a kind.
#[derive(Debug)]
pub(crate) enum Nature {
    /// core/v1 Namespace.
    Namespace,
    /// apiextensions.k8s.io/v1 CustomResourceDefinition.
    Definition,
    /// A question, and the schema of it.
    Review(Review, Box<Schema>),
    /// Another built-in kind, and the schema of its objects.
    BuiltIn(BuiltIn, Box<Schema>),
    /// Declared by a definition.
    Custom {
        /// `None` if the definition has no schema: all fields are then kept.
        schema: Option<Box<Schema>>,
        /// `true` if `status` can only be written through the subresource.
        status: bool,
        /// The columns after the name.
        columns: Vec<Column>,
    },
}

impl Resource {
    /// core/v1 namespaces.
    pub(crate) fn namespaces() -> Self {
        Self {
            group: String::new(),
            version: "v1".to_owned(),
            plural: "namespaces".to_owned(),
            singular: "namespace".to_owned(),
            kind: "Namespace".to_owned(),
            list_kind: "NamespaceList".to_owned(),
            short_names: vec!["ns".to_owned()],
            categories: Vec::new(),
            namespaced: false,
            selectable: vec![
                SelectableField::new("status.phase", vec![JsonPath::members(&["status", "phase"])]),
                SelectableField::new("name", vec![JsonPath::members(&["metadata", "name"])]),
            ],
            nature: Nature::Namespace,
        }
    }

    /// apiextensions.k8s.io/v1 customresourcedefinitions.
    pub(crate) fn definitions() -> Self {
        Self {
            group: "apiextensions.k8s.io".to_owned(),
            version: "v1".to_owned(),
            plural: "customresourcedefinitions".to_owned(),
            singular: "customresourcedefinition".to_owned(),
            kind: "CustomResourceDefinition".to_owned(),
            list_kind: "CustomResourceDefinitionList".to_owned(),
            short_names: vec!["crd".to_owned(), "crds".to_owned()],
            categories: vec!["api-extensions".to_owned()],
            namespaced: false,
            selectable: Vec::new(),
            nature: Nature::Definition,
        }
    }

    /// A kind of question.
    pub(crate) fn review(review: Review) -> Self {
        let (group, kind) = match review {
            Review::Access => ("authorization.k8s.io", "SelfSubjectAccessReview"),
            Review::Identity => ("authentication.k8s.io", "SelfSubjectReview"),
        };
        let singular = kind.to_lowercase();
        Self {
            group: group.to_owned(),
            version: "v1".to_owned(),
            plural: format!("{singular}s"),
            singular,
            kind: kind.to_owned(),
            list_kind: format!("{kind}List"),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: false,
            selectable: Vec::new(),
            nature: Nature::Review(review, Box::new(review.schema())),
        }
    }

    /// The kind that a definition declares, at its storage version.
    ///
    /// # Errors
    /// A message if a part of the definition is missing or the schema does not compile.
    pub(crate) fn declared(definition: &Value) -> Result<Self, String> {
        let spec = definition.get("spec").ok_or("spec: Required value")?;
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let strings = |value: Option<&Value>| -> Vec<String> {
            let listed = value.and_then(Value::as_array).into_iter().flatten();
            listed.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let names = spec.get("names").ok_or("spec.names: Required value")?;
        let kind = text(names, "kind").ok_or("spec.names.kind: Required value")?;
        let versions =
            spec.get("versions").and_then(Value::as_array).ok_or("spec.versions: Required value")?;
        let stored = |version: &&Value| version.get("storage").and_then(Value::as_bool) == Some(true);
        let version = versions.iter().find(stored).ok_or("spec.versions: no storage version")?;
        let schema = match version.pointer("/schema/openAPIV3Schema") {
            Some(source) => Some(Box::new(Schema::compile(source)?)),
            None => None,
        };
        Ok(Self {
            group: text(spec, "group").ok_or("spec.group: Required value")?,
            version: text(version, "name").ok_or("spec.versions[0].name: Required value")?,
            plural: text(names, "plural").ok_or("spec.names.plural: Required value")?,
            singular: text(names, "singular").unwrap_or_else(|| kind.to_lowercase()),
            list_kind: text(names, "listKind").unwrap_or_else(|| format!("{kind}List")),
            kind,
            short_names: strings(names.get("shortNames")),
            categories: strings(names.get("categories")),
            namespaced: text(spec, "scope").as_deref() == Some("Namespaced"),
            selectable: declared_fields(version)?,
            nature: Nature::Custom {
                schema,
                status: version.pointer("/subresources/status").is_some(),
                columns: declared_columns(version)?,
            },
        })
    }

    /// `plural.group`, as used in messages.
    pub(crate) fn qualified(&self) -> String {
        qualify(&self.plural, &self.group)
    }

    /// The name of the kind's table in the store. Both APIs of events share a table.
    pub(crate) fn table(&self) -> String {
        qualify(&self.plural, self.stored_group())
    }

    /// The group under which objects are stored, which is also the group in validation errors.
    pub(crate) fn stored_group(&self) -> &str {
        if self.event_api().is_some() { "" } else { &self.group }
    }

    /// The API of events that this resource belongs to, if any.
    pub(crate) fn event_api(&self) -> Option<EventApi> {
        match self.nature {
            Nature::BuiltIn(BuiltIn::Event(api), _) => Some(api),
            _ => None,
        }
    }

    /// A stored object in the form of this resource.
    pub(crate) fn view(&self, record: &Arc<Record>) -> Arc<Record> {
        match self.event_api() {
            Some(api @ EventApi::Events) => {
                Arc::new(Record::new(&mut api.shown(&record.value()), record.revision))
            }
            _ => record.clone(),
        }
    }

    /// `Kind.group`, as used in validation errors.
    pub(crate) fn qualified_kind(&self) -> String {
        qualify(&self.kind, self.stored_group())
    }

    /// `group/version`, or only the version in the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Returns `true` if a definition declares the kind; lists of such kinds print an empty `continue`.
    pub(crate) fn is_custom(&self) -> bool {
        matches!(self.nature, Nature::Custom { .. })
    }

    /// The schema of the kind's objects, if known.
    pub(crate) fn schema(&self) -> Option<&Schema> {
        match &self.nature {
            Nature::Review(_, schema)
            | Nature::BuiltIn(_, schema)
            | Nature::Custom { schema: Some(schema), .. } => Some(schema),
            Nature::Namespace | Nature::Definition | Nature::Custom { schema: None, .. } => None,
        }
    }

    /// Returns `true` if the status is written through a separate subresource.
    pub(crate) fn has_status(&self) -> bool {
        matches!(self.nature, Nature::Custom { status: true, .. } | Nature::Namespace | Nature::Definition)
    }

    /// Returns `true` if changes outside the metadata increment `generation`.
    pub(crate) fn counts_generations(&self) -> bool {
        matches!(self.nature, Nature::Definition | Nature::Custom { .. })
    }

    /// Returns `true` if a PUT must specify a resourceVersion.
    pub(crate) fn asks_for_revision(&self) -> bool {
        matches!(self.nature, Nature::Custom { .. } | Nature::BuiltIn(BuiltIn::Lease, _))
    }

    /// Returns `true` if a PUT of a missing object creates it.
    pub(crate) fn creates_on_update(&self) -> bool {
        matches!(self.nature, Nature::BuiltIn(BuiltIn::Lease | BuiltIn::Event(_), _))
    }

    /// The key of an object in its table; keys sort as in the real store.
    pub(crate) fn key(&self, namespace: &str, name: &str) -> String {
        if self.namespaced { format!("{namespace}/{name}") } else { name.to_owned() }
    }
}

fn declared_columns(version: &Value) -> Result<Vec<Column>, String> {
    let declared = version.get("additionalPrinterColumns").and_then(Value::as_array);
    let Some(declared) = declared.filter(|declared| !declared.is_empty()) else {
        return Ok(vec![Column::age()]);
    };
    let at = |index: usize, e: String| format!("additionalPrinterColumns[{index}].{e}");
    declared.iter().enumerate().map(|(i, column)| Column::parse(column).map_err(|e| at(i, e))).collect()
}

fn declared_fields(version: &Value) -> Result<Vec<SelectableField>, String> {
    let declared = version.get("selectableFields").and_then(Value::as_array).into_iter().flatten();
    let field = |declared: &Value| {
        let source = declared["jsonPath"].as_str().unwrap_or_default();
        let path = JsonPath::parse(source).map_err(|e| format!("selectableFields: {source:?}: {e}"))?;
        Ok(SelectableField::new(source.trim_start_matches('.'), vec![path]))
    };
    declared.map(field).collect()
}
