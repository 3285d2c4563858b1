//! A directory, a server that reads it, and the ruler that writes to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rulesync_core::naming::NamespaceClass;
use rulesync_core::testing::Observed;
use rulesync_core::{EncodedGroup, Group, Listing, Rule, Ruler};
use rulesync_prometheus::{ClientConfig, Connection, PrometheusRuler, Variant};

use crate::fake::Fake;

pub(crate) struct Setup {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) server: Fake,
    pub(crate) ruler: std::sync::Arc<PrometheusRuler>,
}

impl Setup {
    pub(crate) async fn new(variant: Variant) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let seen_as = directory.path().to_str().unwrap().to_owned();
        let server = Fake::start(directory.path(), &seen_as, variant).await;
        let ruler = ruler(directory.path(), &server.address, variant).into();
        Self { directory, server, ruler }
    }

    /// All files in the directory except the lock and the saved verdicts.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        files(self.directory.path())
    }

    pub(crate) async fn put(&self, namespace: &str, group: &Group) {
        self.ruler.write_group(None, namespace, &EncodedGroup::of(group).unwrap()).await.unwrap();
    }

    /// Puts many groups concurrently, and returns the results.
    pub(crate) async fn put_all(
        &self,
        writes: Vec<(String, Group)>,
    ) -> Vec<Result<(), rulesync_core::RulerError>> {
        let puts = writes.into_iter().map(|(namespace, group)| {
            let ruler = std::sync::Arc::clone(&self.ruler);
            tokio::spawn(async move {
                ruler.write_group(None, &namespace, &EncodedGroup::of(&group).unwrap()).await
            })
        });
        let mut results = Vec::new();
        for put in puts.collect::<Vec<_>>() {
            results.push(put.await.unwrap());
        }
        results
    }
}

pub(crate) fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries
        .filter(|name| {
            name != ".rulesync-lock" && name != ".rulesync-verdicts" && !name.starts_with(".rulesync-tmp-")
        })
        .map(|name| (name.clone(), std::fs::read_to_string(directory.join(&name)).unwrap()))
        .collect()
}

pub(crate) fn ruler(directory: &Path, address: &str, variant: Variant) -> PrometheusRuler {
    ruler_with_timeout(directory, address, variant, Duration::from_secs(20))
}

/// Creates a ruler with a timeout.
pub(crate) fn ruler_with_timeout(
    directory: &Path,
    address: &str,
    variant: Variant,
    timeout: Duration,
) -> PrometheusRuler {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let connection = Connection::new(address, &ClientConfig::default()).unwrap().with_timeout(timeout);
    PrometheusRuler::new(connection, directory, variant).unwrap()
}

pub(crate) fn group(name: &str, expr: &str) -> Group {
    let rule = Rule { alert: "A".to_owned(), expr: expr.to_owned(), ..Rule::default() };
    Group { name: name.to_owned(), rules: vec![rule], ..Group::default() }
}

pub(crate) async fn list(ruler: &PrometheusRuler) -> Observed {
    let (nothing, everything) = (Observed::default(), |_: &str| NamespaceClass::Managed);
    let mut listing = Listing::new(ruler.capabilities().fields, &everything, &nothing);
    ruler.list(None, &mut listing).await.unwrap();
    listing.into_observed()
}
