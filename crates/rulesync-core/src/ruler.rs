//! The [`Ruler`] trait: where rules are written, its errors, and its reports of evaluation.

mod error;
mod evaluation;
mod limits;
mod write;

use std::fmt;

use async_trait::async_trait;

pub use error::{RulerError, RulerErrorKind};
pub use evaluation::{EvaluatedGroup, EvaluatedRule, Evaluation, RuleHealth};
pub use limits::TenantLimits;
pub use write::Write;

use crate::finding::Finding;
pub use crate::model::capabilities::{
    Capabilities, LabelNames, NameLimits, Normalization, OptionalField, StoredFields, StoredLimit,
    TemplateEnvironment,
};
pub use crate::model::encoded::EncodedGroup;
use crate::model::group::Group;
pub use crate::model::language::QueryLanguage;
use crate::model::tenant::TenantId;
pub use crate::observed::{Listing, UnreadableGroup};
pub use crate::stored_groups::StoredGroups;

/// A server that evaluates rules and can be written to.
///
/// Three methods are required: [`list`](Ruler::list), [`write_group`](Ruler::write_group) and
/// [`delete_group`](Ruler::delete_group). Every operation is idempotent: writing what is there and deleting what is
/// missing succeed. Each request has a deadline of the ruler's own; dropping a future gives the request up.
#[async_trait]
pub trait Ruler: fmt::Debug + Send + Sync + 'static {
    /// Reads everything that a tenant has into `listing`.
    ///
    /// # Errors
    ///
    /// Any [`RulerError`]. An answer that was not understood whole must be an error: an empty answer leads to writes,
    /// and rules that were not listed count as missing.
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError>;

    /// Creates or replaces one group.
    ///
    /// # Errors
    ///
    /// [`RulerErrorKind::Rejected`] if this group, as it is, will never be accepted; otherwise any other error.
    async fn write_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError>;

    /// Deletes one group.
    ///
    /// # Errors
    ///
    /// Any [`RulerError`]; a group that is missing is no error.
    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError>;

    /// Deletes a namespace with all its groups. `groups` are those known; the default deletes each.
    ///
    /// # Errors
    ///
    /// Any [`RulerError`]; a namespace that is missing is no error.
    async fn delete_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        groups: &[&str],
    ) -> Result<(), RulerError> {
        for group in groups {
            self.delete_group(tenant, namespace, group).await?;
        }
        Ok(())
    }

    /// Makes all changes of one namespace together. The answer has one result for each, in order: each succeeds or
    /// fails by itself, and an error in one group never affects another. The default makes them one after the other;
    /// the engine calls this method only where [`Capabilities::batches`] is set.
    async fn write_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        writes: &[Write<'_>],
    ) -> Vec<Result<(), RulerError>> {
        let mut results = Vec::with_capacity(writes.len());
        for write in writes {
            results.push(write_one(self, tenant, namespace, *write).await);
        }
        results
    }

    /// Passes the groups of these namespaces that the ruler has loaded to `found`, one by one; a group that is not
    /// passed is not loaded. An implementation may pass groups of other namespaces too.
    ///
    /// # Errors
    ///
    /// Any [`RulerError`]; groups that were passed before count, the rest is unknown.
    async fn evaluation(
        &self,
        _tenant: Option<&TenantId>,
        _namespaces: &[&str],
        _found: &mut (dyn FnMut(EvaluatedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        Ok(Evaluation::Unsupported)
    }

    /// Returns the limits of a tenant; none if the ruler does not tell them, as by default. Asked for seldom.
    ///
    /// # Errors
    ///
    /// Any [`RulerError`]; what was known before still counts.
    async fn limits(&self, _tenant: Option<&TenantId>) -> Result<Option<TenantLimits>, RulerError> {
        Ok(None)
    }

    /// Returns the names of all tenants that have rules, in order; none if the ruler has no list of them, as by default.
    /// A name is what the ruler says: one that is no [`TenantId`] cannot be asked for.
    ///
    /// # Errors
    ///
    /// Any [`RulerError`]. As with [`list`](Ruler::list), an answer that was not understood whole is an error.
    async fn tenants(&self) -> Result<Option<Vec<String>>, RulerError> {
        Ok(None)
    }

    /// Returns what it can do and store. Asked for often; the answer may change while the ruler is in use, as when a
    /// server was upgraded.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Finds problems that it is known to have with a group, besides those of its language and its names: for the
    /// author, before the group is offered. Errors keep the group from the ruler, or the rule that they name.
    fn check(&self, _group: &Group) -> Vec<Finding> {
        Vec::new()
    }

    /// Returns the address that its requests go to. Rulers with the same address share one concurrency limit.
    fn address(&self) -> Option<&str> {
        None
    }
}

/// Makes one change by itself.
pub(crate) async fn write_one(
    ruler: &(impl Ruler + ?Sized),
    tenant: Option<&TenantId>,
    namespace: &str,
    write: Write<'_>,
) -> Result<(), RulerError> {
    match write {
        Write::Put { group, .. } => ruler.write_group(tenant, namespace, group).await,
        Write::DeleteGroup(group) => ruler.delete_group(tenant, namespace, group).await,
        Write::DeleteNamespace(groups) => ruler.delete_namespace(tenant, namespace, groups).await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    /// A ruler with no more than the required methods.
    #[derive(Debug, Default)]
    struct Minimal(Mutex<Vec<String>>);

    #[async_trait]
    impl Ruler for Minimal {
        async fn list(&self, _: Option<&TenantId>, _: &mut Listing<'_>) -> Result<(), RulerError> {
            Ok(())
        }

        async fn write_group(
            &self,
            _: Option<&TenantId>,
            _: &str,
            group: &EncodedGroup<'_>,
        ) -> Result<(), RulerError> {
            let group = group.decode()?;
            self.0.lock().unwrap().push(format!("put {}", group.name));
            Ok(())
        }

        async fn delete_group(&self, _: Option<&TenantId>, ns: &str, group: &str) -> Result<(), RulerError> {
            if group == "stuck" {
                return Err(RulerError::unavailable("not now"));
            }
            self.0.lock().unwrap().push(format!("delete {ns}/{group}"));
            Ok(())
        }
    }

    #[tokio::test]
    async fn ruler_with_the_required_methods_supports_namespaces_and_batches() {
        let ruler = Minimal::default();
        ruler.delete_namespace(None, "ns", &["a", "b"]).await.unwrap();
        let group = EncodedGroup::from_json(r#"{"name": "c", "rules": []}"#);
        let broken = EncodedGroup::from_json("{");
        let writes = [
            Write::Put { group: &broken, has_finding: false },
            Write::Put { group: &group, has_finding: true },
            Write::DeleteGroup("d"),
        ];
        let results = ruler.write_namespace(None, "ns", &writes).await;
        assert_eq!(results[0].as_ref().unwrap_err().kind().as_str(), "rejected");
        assert!(results[1].is_ok() && results[2].is_ok());
        let done = ["delete ns/a", "delete ns/b", "put c", "delete ns/d"];
        assert_eq!(*ruler.0.lock().unwrap(), done);
        assert!(ruler.delete_namespace(None, "ns", &["stuck", "e"]).await.is_err());
        assert_eq!(ruler.0.lock().unwrap().len(), done.len(), "nothing is done after an error");
        assert_eq!((ruler.address(), ruler.capabilities().load_delay), (None, Duration::from_secs(60)));
        assert_eq!(ruler.tenants().await, Ok(None));
    }
}
