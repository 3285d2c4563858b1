//! The basis of a plan: digests of what was declared and of what the ruler had, by which a plan that was stored is found
//! to be out of date.

use crate::model::fingerprint::Fingerprint;
use crate::observed::Observed;
use crate::overlay::Offered;

/// Digests of what a plan was made from. Those of two plans are equal if nothing has changed between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Basis {
    /// Of the groups that should exist at the destination.
    pub desired: Fingerprint,
    /// Of the groups of this owner that exist there.
    pub observed: Fingerprint,
}

impl Basis {
    pub(crate) fn of(offered: Offered<'_>, observed: &Observed) -> Self {
        let desired = offered.winners().flat_map(|(namespace, object)| {
            let groups = offered.overlay.groups(namespace, object);
            groups.map(move |group| (&**namespace, &*group.name, Some(group.fingerprint)))
        });
        let observed = observed.names().flat_map(|namespace| {
            let groups = observed.namespace(namespace);
            groups.map(move |(group, fingerprint)| (&**namespace, group, fingerprint))
        });
        Self { desired: digest(desired), observed: digest(observed) }
    }
}

/// Returns a digest of groups that does not depend on their order. A group of unknown content is another than one of
/// any known content.
fn digest<'a>(groups: impl Iterator<Item = (&'a str, &'a str, Option<Fingerprint>)>) -> Fingerprint {
    let mut groups: Vec<_> = groups.collect();
    groups.sort_unstable();
    let mut text = String::new();
    for (namespace, group, fingerprint) in groups {
        let content = fingerprint.map_or_else(|| "unknown".to_owned(), |fingerprint| fingerprint.to_string());
        // Names may contain anything: their lengths tell where they end.
        text.push_str(&format!("{}:{namespace}{}:{group}{content}\n", namespace.len(), group.len()));
    }
    Fingerprint::of_bytes(text.as_bytes())
}
