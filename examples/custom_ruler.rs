//! A ruler of your own, and the proof that it is one: rules in one JSON file a tenant, for an evaluator that reads such
//! files. It passes the conformance suite, which is all the engine asks.
//!
//! `cargo run -p rulesync-conformance --example custom_ruler` runs the suite.
#![expect(clippy::print_stdout, reason = "a program for people to look at")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rulesync_conformance::rulers::{self, Tenants};
use rulesync_core::{
    EvaluatedGroup, EvaluatedRule, Evaluation, Group, Listing, RuleHealth, Ruler, RulerError, TenantId,
};
use tokio::sync::Mutex;

/// What a file holds: namespace, group name, group.
type Rules = BTreeMap<String, BTreeMap<String, Group>>;

/// A directory with a file for each tenant.
#[derive(Debug)]
struct JsonFiles {
    directory: PathBuf,
    /// The engine writes to several namespaces at once, and here they share a file.
    writing: Mutex<()>,
}

impl JsonFiles {
    fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), writing: Mutex::new(()) }
    }

    fn file(&self, tenant: Option<&TenantId>) -> PathBuf {
        // What a tenant may be called is safe in a file name.
        self.directory.join(format!("{}.json", tenant.map_or("none", TenantId::as_str)))
    }

    async fn read(&self, tenant: Option<&TenantId>) -> Result<Rules, RulerError> {
        match tokio::fs::read(self.file(tenant)).await {
            // A file that cannot be parsed is never an empty one: the engine would write everything anew.
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| RulerError::Unreadable { message: error.to_string() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Rules::new()),
            Err(error) => Err(unavailable(&error)),
        }
    }

    async fn change(
        &self,
        tenant: Option<&TenantId>,
        change: impl FnOnce(&mut Rules) + Send,
    ) -> Result<(), RulerError> {
        let _writing = self.writing.lock().await;
        let mut rules = self.read(tenant).await?;
        change(&mut rules);
        rules.retain(|_, groups| !groups.is_empty());
        let text = serde_json::to_vec_pretty(&rules)
            .map_err(|error| RulerError::Rejected { message: error.to_string(), rule: None })?;
        let (file, new) = (self.file(tenant), self.file(tenant).with_extension("new"));
        tokio::fs::write(&new, text).await.map_err(|error| unavailable(&error))?;
        tokio::fs::rename(&new, &file).await.map_err(|error| unavailable(&error))
    }
}

fn unavailable(error: &std::io::Error) -> RulerError {
    RulerError::Unavailable { message: error.to_string(), retry_after: None }
}

#[async_trait]
impl Ruler for JsonFiles {
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        for (namespace, groups) in self.read(tenant).await? {
            groups.values().for_each(|group| listing.add(&namespace, group));
        }
        Ok(())
    }

    async fn put_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &Group,
    ) -> Result<(), RulerError> {
        let put = |rules: &mut Rules| {
            rules.entry(namespace.to_owned()).or_default().insert(group.name.clone(), group.clone());
        };
        self.change(tenant, put).await
    }

    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        let delete = |rules: &mut Rules| {
            rules.get_mut(namespace).map(|groups| groups.remove(group));
        };
        self.change(tenant, delete).await
    }

    async fn evaluation(
        &self,
        tenant: Option<&TenantId>,
        namespaces: &[&str],
        found: &mut (dyn FnMut(EvaluatedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        // The evaluator reads the file each time, so what is written is loaded.
        for (namespace, groups) in self.read(tenant).await? {
            if !namespaces.contains(&namespace.as_str()) {
                continue;
            }
            for group in groups.into_values() {
                let rule = |rule: rulesync_core::Rule| EvaluatedRule {
                    name: rule.name().to_owned(),
                    health: RuleHealth::Unknown,
                };
                let rules = group.rules.into_iter().map(rule).collect();
                found(EvaluatedGroup { namespace: namespace.clone(), name: group.name, rules });
            }
        }
        Ok(Evaluation::Read)
    }
}

async fn prove(directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let ruler = JsonFiles::new(directory);
    let tenants = Tenants { one: Some("one".parse()?), other: Some("other".parse()?) };
    rulers::all(&ruler, &tenants).await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::temp_dir().join(format!("rulesync-custom-ruler-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let proven = prove(&directory).await;
    std::fs::remove_dir_all(&directory)?;
    println!("the ruler passes the conformance suite");
    proven
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn it_passes() {
        let directory = tempfile::tempdir().unwrap();
        super::prove(directory.path()).await.unwrap();
    }
}
