//! The list of a tenant's groups, put together from lines that each group keeps ready.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{
    natural::sort_natural,
    store::{Entry, Tenant},
    yaml_out::sequence_key,
};

/// Namespaces in order, each with its groups in order.
pub(crate) type Snapshot = Vec<(String, Vec<Arc<Entry>>)>;

/// Parts of a list are about this big.
const PART: usize = 64 * 1024;

/// What a list shows, taken in one moment.
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

/// The document in parts.
pub(crate) fn parts(snapshot: &Snapshot) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut part = BytesMut::with_capacity(PART);
    for (namespace, groups) in snapshot {
        let (key, taken) = sequence_key(namespace);
        part.extend_from_slice(key.as_bytes());
        for (index, entry) in groups.iter().enumerate() {
            let lines = entry.lines();
            // Items begin with blanks; a key in its long form has already used the first of them.
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
