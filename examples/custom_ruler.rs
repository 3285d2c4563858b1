//! A ruler of your own, and the proof that it is one: rules in memory, for an evaluator in the same process.
//!
//! `cargo run -p rulesync-conformance --example custom_ruler` runs the conformance suite on it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rulesync_conformance::rulers::{self, Tenants};
use rulesync_core::{EncodedGroup, Group, Listing, Ruler, RulerError, TenantId};
use tokio::sync::Mutex;

/// Groups by tenant, namespace and name. A real ruler makes a request, with a deadline, where this one takes the lock.
#[derive(Debug, Default)]
struct InMemory(Mutex<BTreeMap<(String, String, String), Group>>);

fn key(tenant: Option<&TenantId>, namespace: &str, group: &str) -> (String, String, String) {
    (tenant.map(ToString::to_string).unwrap_or_default(), namespace.to_owned(), group.to_owned())
}

#[async_trait]
impl Ruler for InMemory {
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        let (tenant, ..) = key(tenant, "", "");
        for ((_, namespace, _), group) in self.0.lock().await.iter().filter(|((of, ..), _)| *of == tenant) {
            listing.add(namespace, group);
        }
        Ok(())
    }

    async fn write_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        let group = group.decode()?;
        self.0.lock().await.insert(key(tenant, namespace, &group.name), group);
        Ok(())
    }

    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        self.0.lock().await.remove(&key(tenant, namespace, group));
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tenants = Tenants { one: Some("one".parse()?), other: Some("other".parse()?) };
    rulers::all(&InMemory::default(), &tenants).await;
    Ok(())
}
