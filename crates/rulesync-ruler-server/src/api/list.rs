//! The list of a tenant's groups, composed of lines that are cached per group.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::{
    model::group::{StoredGroup, StoredRule},
    storage::store::{Entry, Tenant},
    yaml::{encode::sequence_key, natural::sort_natural},
};

/// Namespaces in sorted order, each with its groups in sorted order.
pub(crate) type Snapshot = Vec<(String, Vec<Arc<Entry>>)>;

/// The approximate size in bytes of the parts of a list.
const PART: usize = 64 * 1024;

/// The contents of a list at one point in time.
pub(crate) fn snapshot(tenant: Option<&Tenant>, namespace: Option<&str>) -> Snapshot {
    let Some(tenant) = tenant else { return Snapshot::new() };
    let namespaces = match namespace {
        None => tenant.namespaces.iter().collect::<Vec<_>>(),
        Some(name) => tenant.namespaces.get_key_value(name).into_iter().collect(),
    };
    let namespaces = namespaces
        .into_iter()
        .map(|(name, groups)| (name.clone(), groups.values().cloned().collect()))
        .collect();
    sort_natural(namespaces, |namespace: &(String, _)| namespace.0.as_str())
}

/// The pairs of a filter such as `name:value,name2:value2`; `None` if one of them has no colon.
pub(crate) fn wanted_labels(filter: &str) -> Option<Vec<(&str, &str)>> {
    filter
        .split(',')
        .map(|pair| {
            let mut parts = pair.split(':');
            Some((parts.next()?, parts.next()?))
        })
        .collect()
}

/// Selects the rules that have one of these labels, and the groups and namespaces that still have rules.
pub(crate) fn with_labels(snapshot: Snapshot, wanted: &[(&str, &str)]) -> Snapshot {
    let matches = |rule: &StoredRule| {
        wanted.iter().any(|(name, value)| rule.labels.get(*name).is_some_and(|is| is == value))
    };
    let group = |entry: &Arc<Entry>| {
        let rules: Vec<StoredRule> = entry.group.rules.iter().filter(|rule| matches(rule)).cloned().collect();
        (!rules.is_empty()).then(|| Entry::new(StoredGroup { rules, ..entry.group.clone() }))
    };
    let namespaces = snapshot.into_iter().filter_map(|(name, groups)| {
        let groups: Vec<Arc<Entry>> = groups.iter().filter_map(group).collect();
        (!groups.is_empty()).then_some((name, groups))
    });
    namespaces.collect()
}

/// Renders the document, in parts.
pub(crate) fn parts(snapshot: &Snapshot) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut part = BytesMut::with_capacity(PART);
    for (namespace, groups) in snapshot {
        let (key, taken) = sequence_key(namespace);
        part.extend_from_slice(key.as_bytes());
        for (index, entry) in groups.iter().enumerate() {
            let lines = entry.lines();
            // Items begin with spaces; a key in the long form has already written some of them.
            let lines = if index == 0 { lines.get(taken..).unwrap_or(lines) } else { lines };
            part.extend_from_slice(lines.as_bytes());
            if part.len() >= PART {
                parts.push(part.split().freeze());
                part.reserve(PART);
            }
        }
    }
    parts.push(part.freeze());
    parts
}
