//! A ruler that stores groups in memory, counts requests, and fails on demand.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::ruler::{Normalization, OptionalField, StoredFields, Write};
use rulesync_core::{Capabilities, EncodedGroup, Group, Listing, Ruler, RulerError, TenantId};

type Groups = BTreeMap<String, BTreeMap<String, Group>>;

/// A ruler in memory. Clones are the same ruler.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryRuler(Arc<Mutex<Memory>>);

/// A change that a ruler makes to groups before it stores them.
type Habit = Box<dyn Fn(&mut Group) + Send>;

#[derive(Default)]
struct Memory {
    tenants: BTreeMap<String, Groups>,
    requests: Vec<String>,
    refused_exprs: HashSet<String>,
    outage: Option<RulerError>,
    /// The number of requests under way, and its maximum so far.
    under_way: (usize, usize),
    hangs: bool,
    /// The duration of a request beyond a millisecond.
    delay: Duration,
    group_limit: Option<usize>,
    broken_groups: BTreeMap<String, RulerError>,
    normalise: Option<Habit>,
    swallows: bool,
    half_written: Option<(String, String)>,
    batches: bool,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("tenants", &self.tenants).finish_non_exhaustive()
    }
}

impl MemoryRuler {
    pub(crate) fn groups(&self, tenant: &str) -> Groups {
        self.0.lock().unwrap().tenants.get(tenant).cloned().unwrap_or_default()
    }

    /// Edits groups by hand, or by another tool.
    pub(crate) fn edit(&self, tenant: &str, edit: impl FnOnce(&mut Groups)) {
        edit(self.0.lock().unwrap().tenants.entry(tenant.to_owned()).or_default());
    }

    /// Returns the requests since the last call, such as `POST prod us.ns.o/g`.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().requests)
    }

    /// Returns the numbers of requests since the last call: GET, POST, DELETE.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let requests = self.requests();
        let count = |method: &str| requests.iter().filter(|r| r.starts_with(method)).count();
        (count("GET"), count("POST"), count("DELETE"))
    }

    pub(crate) fn refuse(&self, expr: &str) {
        self.0.lock().unwrap().refused_exprs.insert(expr.to_owned());
    }

    pub(crate) fn fail(&self, error: Option<RulerError>) {
        self.0.lock().unwrap().outage = error;
    }

    pub(crate) fn hang(&self, hangs: bool) {
        self.0.lock().unwrap().hangs = hangs;
    }

    pub(crate) fn delay(&self, delay: Duration) {
        self.0.lock().unwrap().delay = delay;
    }

    pub(crate) fn limit_groups(&self, limit: Option<usize>) {
        self.0.lock().unwrap().group_limit = limit;
    }

    /// Has writes of groups of this name fail with this error, whatever they contain.
    pub(crate) fn break_group(&self, name: &str, error: Option<RulerError>) {
        let broken = &mut self.0.lock().unwrap().broken_groups;
        match error {
            Some(error) => broken.insert(name.to_owned(), error),
            None => broken.remove(name),
        };
    }

    /// Sets a change that the ruler makes to every group before it stores it.
    pub(crate) fn normalise(&self, normalise: impl Fn(&mut Group) + Send + 'static) {
        self.0.lock().unwrap().normalise = Some(Box::new(normalise));
    }

    /// Sets whether the ruler accepts writes without storing anything.
    pub(crate) fn swallow_writes(&self, swallows: bool) {
        self.0.lock().unwrap().swallows = swallows;
    }

    /// Has the next list show this group without rules, like a list that coincides with a write of it.
    pub(crate) fn half_write(&self, namespace: &str, group: &str) {
        self.0.lock().unwrap().half_written = Some((namespace.to_owned(), group.to_owned()));
    }

    /// Makes it a ruler that takes whole namespaces and never explains refusals.
    pub(crate) fn batch(&self) {
        self.0.lock().unwrap().batches = true;
    }

    /// Returns the maximum number of requests under way.
    pub(crate) fn most_at_once(&self) -> usize {
        self.0.lock().unwrap().under_way.1
    }

    fn store(&self, tenant: String, namespace: &str, group: &Group) -> Result<(), RulerError> {
        let mut memory = self.0.lock().unwrap();
        if memory.swallows {
            return Ok(());
        }
        if let Some(error) = memory.broken_groups.get(&group.name) {
            return Err(error.clone());
        }
        if let Some(rule) = group.rules.iter().position(|rule| memory.refused_exprs.contains(&rule.expr)) {
            return Err(RulerError::rejected("cannot parse".to_owned()).with_rule(Some(rule)));
        }
        let mut group = group.clone();
        if let Some(normalise) = &memory.normalise {
            normalise(&mut group);
        }
        let limit = memory.group_limit;
        let groups = memory.tenants.entry(tenant).or_default();
        // The servers count the group that is replaced (docs/contracts/ruler-api.md 0.3).
        if limit.is_some_and(|limit| groups.values().map(BTreeMap::len).sum::<usize>() >= limit) {
            return Err(RulerError::limit("per-user rule groups limit exceeded".to_owned()));
        }
        let of_namespace = groups.entry(namespace.to_owned()).or_default();
        of_namespace.insert(group.name.clone(), group);
        Ok(())
    }

    async fn request(
        &self,
        method: &str,
        tenant: Option<&TenantId>,
        what: &str,
    ) -> Result<String, RulerError> {
        let tenant = tenant.map(ToString::to_string).unwrap_or_default();
        let (hangs, delay, outage) = {
            let mut memory = self.0.lock().unwrap();
            memory.requests.push(format!("{method} {tenant} {what}").trim_end().to_owned());
            memory.under_way.0 += 1;
            memory.under_way.1 = memory.under_way.1.max(memory.under_way.0);
            (memory.hangs, memory.delay, memory.outage.clone())
        };
        let _leave = Leave(self);
        if hangs {
            tokio::time::sleep(Duration::from_secs(30)).await;
            return Err(unavailable());
        }
        tokio::time::sleep(Duration::from_millis(1) + delay).await;
        outage.map_or(Ok(tenant), Err)
    }
}

/// A request under way.
struct Leave<'a>(&'a MemoryRuler);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().under_way.0 -= 1;
    }
}

pub(crate) fn unavailable() -> RulerError {
    RulerError::unavailable("connection refused".to_owned())
}

#[async_trait]
impl Ruler for MemoryRuler {
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        let tenant = self.request("GET", tenant, "").await?;
        let mut groups = self.groups(&tenant);
        let half_written = self.0.lock().unwrap().half_written.take();
        if let Some((namespace, group)) = half_written {
            groups.get_mut(&namespace).unwrap().get_mut(&group).unwrap().rules.clear();
        }
        for (namespace, groups) in groups {
            if listing.wants(&namespace) {
                groups.values().for_each(|group| listing.add(&namespace, group));
            }
        }
        Ok(())
    }

    async fn write_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        let group = &group.decode()?;
        let tenant = self.request("POST", tenant, &format!("{namespace}/{}", group.name)).await?;
        self.store(tenant, namespace, group)
    }

    async fn write_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        writes: &[Write<'_>],
    ) -> Vec<Result<(), RulerError>> {
        let decoded = |group: &EncodedGroup<'_>| group.decode().unwrap();
        let named = |write: &Write<'_>| match *write {
            Write::Put { group, has_finding } => {
                format!(" {}{}", decoded(group).name, if has_finding { "!" } else { "" })
            }
            Write::DeleteGroup(group) => format!(" -{group}"),
            Write::DeleteNamespace(_) => " -".to_owned(),
        };
        let what: String = writes.iter().map(named).collect();
        let tenant = match self.request("WRITE", tenant, &format!("{namespace}{what}")).await {
            Ok(tenant) => tenant,
            Err(error) => return vec![Err(error); writes.len()],
        };
        let mut results = Vec::new();
        for write in writes {
            let remove = |of: &str, group: Option<&str>| {
                self.edit(&tenant, |groups| match group {
                    Some(group) => drop(groups.get_mut(of).and_then(|groups| groups.remove(group))),
                    None => drop(groups.remove(of)),
                });
                Ok(())
            };
            results.push(match *write {
                Write::Put { group, .. } => self.store(tenant.clone(), namespace, &decoded(group)),
                Write::DeleteGroup(group) => remove(namespace, Some(group)),
                Write::DeleteNamespace(_) => remove(namespace, None),
            });
        }
        results
    }

    fn capabilities(&self) -> Capabilities {
        let world = self.0.lock().unwrap();
        let normalization = match world.normalise {
            Some(_) => Normalization::Respells { oldest: StoredFields::ALL.without(&[OptionalField::Limit]) },
            None => Normalization::Exact,
        };
        Capabilities::default()
            .with_normalization(normalization)
            .with_batches(world.batches)
            .with_explains_refusals(!world.batches)
    }

    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        let tenant = self.request("DELETE", tenant, &format!("{namespace}/{group}")).await?;
        self.edit(&tenant, |groups| {
            if let Some(of_namespace) = groups.get_mut(namespace) {
                of_namespace.remove(group);
                if of_namespace.is_empty() {
                    groups.remove(namespace);
                }
            }
        });
        Ok(())
    }

    async fn delete_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        _: &[&str],
    ) -> Result<(), RulerError> {
        let tenant = self.request("DELETE", tenant, namespace).await?;
        self.edit(&tenant, |groups| drop(groups.remove(namespace)));
        Ok(())
    }
}
