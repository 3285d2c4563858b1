//! A process's connection to the ruler: requests take time, and fail as the ruler does.

use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::ruler::{Normalization, OptionalField, StoredFields};
use rulesync_core::{Capabilities, EncodedGroup, Listing, Ruler, RulerError, TenantId};

use super::ruler::{BAD, Fault, Groups, Habit, SimRuler, TENANTS, Tenant};

/// One connection of one process.
#[derive(Debug, Clone)]
pub(crate) struct SimConnection {
    pub(super) ruler: SimRuler,
    pub(super) process: u32,
    /// The number of the connection; each is replaced by the next.
    pub(super) number: u32,
}

fn unavailable(message: &str) -> RulerError {
    RulerError::unavailable(message.to_owned())
}

fn known(tenant: Option<&TenantId>) -> Result<Tenant, RulerError> {
    let named = tenant.and_then(|tenant| TENANTS.into_iter().find(|known| *known == tenant.as_str()));
    named.ok_or_else(|| RulerError::denied("no org id".to_owned()))
}

impl SimConnection {
    /// The part of a request before it has any effect, which may fail.
    async fn arrive(
        &self,
        tenant: Tenant,
        write: Option<(&str, Option<&str>)>,
    ) -> Result<Option<Fault>, RulerError> {
        // The beginning counts: the answer may take time.
        let fault = self.ruler.with(|world| world.begin(self, tenant, write.map(|(namespace, _)| namespace)));
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..20))).await;
        let fail = |error: RulerError| {
            self.ruler.with(|world| world.failed += 1);
            Err(error)
        };
        match fault {
            Some(Fault::Down) => fail(unavailable("connection refused")),
            Some(Fault::Hang) => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                fail(unavailable("no answer in time"))
            }
            Some(Fault::Busy) => fail(
                RulerError::unavailable("too many requests".to_owned())
                    .with_retry_after(Some(Duration::from_secs(3))),
            ),
            Some(Fault::OneGroup) if write.is_some_and(|(_, group)| group == Some("g1")) => {
                fail(unavailable("internal error"))
            }
            fault => Ok(fault),
        }
    }

    /// The part of a request after its effect, which may fail.
    async fn leave(&self, fault: Option<Fault>) -> Result<(), RulerError> {
        if fault == Some(Fault::Deaf) {
            tokio::time::sleep(Duration::from_secs(30)).await;
            self.ruler.with(|world| world.failed += 1);
            return Err(unavailable("the connection broke"));
        }
        Ok(())
    }

    fn change(&self, tenant: Tenant, change: impl FnOnce(&mut Groups)) {
        self.ruler.with(|world| world.change(self, tenant, change));
    }
}

#[async_trait]
impl Ruler for SimConnection {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_normalization(match self.ruler.habit() {
            Habit::Faithful | Habit::Blanks => Normalization::Exact,
            Habit::DropsLimit | Habit::Reprints => {
                Normalization::Respells { oldest: StoredFields::ALL.without(&[OptionalField::Limit]) }
            }
        })
    }

    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        let tenant = known(tenant)?;
        let fault = self.arrive(tenant, None).await?;
        if fault == Some(Fault::Garbled) {
            return Err(RulerError::unreadable("it is cut off".to_owned()));
        }
        for ((_, namespace), groups) in self.ruler.groups().iter().filter(|((of, _), _)| *of == tenant) {
            if listing.wants(namespace) {
                groups.values().for_each(|group| listing.add(namespace, group));
            }
        }
        self.leave(fault).await
    }

    async fn write_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        let group = &group.decode()?;
        let tenant = known(tenant)?;
        let fault = self.arrive(tenant, Some((namespace, Some(&group.name)))).await?;
        if let Some(rule) = group.rules.iter().position(|rule| rule.expr.contains(BAD)) {
            return Err(RulerError::rejected("cannot parse".to_owned()).with_rule(Some(rule)));
        }
        if fault == Some(Fault::Swallow) {
            return Ok(());
        }
        let stored = SimRuler::stored(self.ruler.with(|world| world.habit()), group);
        self.change(tenant, |groups| {
            let place = groups.entry((tenant, namespace.to_owned())).or_default();
            place.insert(group.name.clone(), stored);
        });
        self.leave(fault).await
    }

    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        let tenant = known(tenant)?;
        let fault = self.arrive(tenant, Some((namespace, Some(group)))).await?;
        self.change(tenant, |groups| {
            let place = (tenant, namespace.to_owned());
            if let Some(of_namespace) = groups.get_mut(&place) {
                of_namespace.remove(group);
                if of_namespace.is_empty() {
                    groups.remove(&place);
                }
            }
        });
        self.leave(fault).await
    }

    async fn delete_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        _: &[&str],
    ) -> Result<(), RulerError> {
        let tenant = known(tenant)?;
        let fault = self.arrive(tenant, Some((namespace, None))).await?;
        self.change(tenant, |groups| drop(groups.remove(&(tenant, namespace.to_owned()))));
        self.leave(fault).await
    }
}
