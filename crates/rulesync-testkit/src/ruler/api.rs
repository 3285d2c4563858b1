//! Request handling of a ruler: the configuration API. The APIs for status information are in `report`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, StatusCode, header, request::Parts};
use tokio::time::Instant;

use super::{
    answer::Answer,
    disk::Disk,
    encode::base64_url,
    group::StoredGroup,
    kind::{EmptyList, Limits, MissingDelete, Poison, Profile},
    list,
    names::{bad_escape, is_local, object_path},
    poison::{self, is_poison},
    query, render,
    route::{Route, Routes},
    store::Store,
    tenant::{self, RequestedApi, TenantError},
    validate, yaml_in,
};
use crate::listen::{Body, Handler, full_body};

/// The configuration of a ruler.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) profile: Profile,
    pub(crate) routes: Routes,
    pub(crate) limits: Limits,
    pub(crate) tenant_limits: BTreeMap<String, Limits>,
    /// The tenant of all requests if tenancy is off.
    pub(crate) only_tenant: Option<String>,
    pub(crate) federation: bool,
    pub(crate) list_latency: Duration,
    pub(crate) longest_name: usize,
    pub(crate) longest_body: usize,
    /// `true` if loaded rules initially count as evaluated.
    pub(crate) evaluates: bool,
    /// `true` if nothing can be written, and no single group read.
    pub(crate) read_only: bool,
    /// Tenants whose rules are not evaluated.
    pub(crate) unevaluated: BTreeSet<String>,
}

/// The key of a rule: tenant, namespace, group, index.
pub(crate) type RuleKey = (String, String, String, usize);

/// The state and behaviour of a ruler, without the HTTP server.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) settings: Settings,
    store: Mutex<Store>,
    disk: Option<Disk>,
    /// Errors that evaluation reports.
    failing: Mutex<BTreeMap<RuleKey, String>>,
    /// `true` if loaded rules count as evaluated.
    evaluates: AtomicBool,
    /// The time of creation, by both clocks.
    created: (Instant, SystemTime),
}

impl Handler for Api {
    fn longest_body(&self) -> usize {
        self.settings.longest_body
    }

    fn handle(self: Arc<Self>, request: Request<Bytes>) -> BoxFuture<'static, Response<Body>> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let route = self.settings.routes.find(&head.method, head.uri.path());
            let groups = self.groups_to_read(&route, &head.headers);
            let delay = self.settings.list_latency.saturating_mul(u32::try_from(groups).unwrap_or(u32::MAX));
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            let long_running = body.len() > LONG_BODY || groups > MANY_GROUPS;
            let answer = move || self.respond(route, &head, &body);
            if !long_running {
                return answer();
            }
            // The embedding process may have a single thread with other work to do.
            tokio::task::spawn_blocking(answer).await.unwrap_or_else(|_| {
                // The handler panicked; Go's servers answer such a request in the same way.
                let mut response = Response::new(full_body(Bytes::new()));
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            })
        })
    }
}

impl Api {
    /// Creates a ruler with the stored groups in `found`.
    pub(crate) fn new(
        settings: Settings,
        disk: Option<Disk>,
        sync_delay: Duration,
        found: Vec<(String, String, StoredGroup)>,
    ) -> Self {
        let maps_to_files = settings.profile.maps_to_files;
        let mut store = Store::new(sync_delay, maps_to_files);
        store.restore(found);
        Self {
            evaluates: AtomicBool::new(settings.evaluates),
            settings,
            store: Mutex::new(store),
            disk,
            failing: Mutex::default(),
            created: (Instant::now(), SystemTime::now()),
        }
    }

    /// The time in milliseconds since 1970; advances with tokio's clock, which a test may control.
    pub(crate) fn wall_clock(&self) -> u64 {
        let (started, at) = self.created;
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default() + started.elapsed();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns `true` if loaded rules count as evaluated.
    pub(crate) fn evaluates(&self) -> bool {
        self.evaluates.load(Ordering::Relaxed)
    }

    /// Sets whether loaded rules count as evaluated.
    pub(crate) fn set_evaluates(&self, evaluates: bool) {
        self.evaluates.store(evaluates, Ordering::Relaxed);
    }

    /// Locks the store, to read it or to edit it in memory only.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the errors that evaluation reports.
    pub(crate) fn failing(&self) -> MutexGuard<'_, BTreeMap<RuleKey, String>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a group, on disk first: a group that cannot be written to disk is not stored.
    ///
    /// # Errors
    /// If the group cannot be written to disk.
    pub(crate) fn put(&self, tenant: &str, namespace: &str, group: StoredGroup) -> io::Result<()> {
        let draft = self.disk.as_ref().map(|disk| disk.draft(&group)).transpose()?;
        // The lock is held during the rename, so that disk and memory see changes in the same order.
        let mut store = self.store();
        if let (Some(disk), Some(draft)) = (&self.disk, draft) {
            disk.put(tenant, namespace, draft)?;
        }
        store.put(tenant, namespace, group);
        Ok(())
    }

    /// Removes a group and returns `true` if it existed.
    ///
    /// # Errors
    /// If the group cannot be removed from disk.
    pub(crate) fn remove(&self, tenant: &str, namespace: &str, group: &str) -> io::Result<bool> {
        let mut store = self.store();
        if let Some(disk) = &self.disk {
            disk.remove(tenant, namespace, group)?;
        }
        Ok(store.remove(tenant, namespace, group))
    }

    /// Removes a namespace and returns `true` if it existed.
    ///
    /// # Errors
    /// If a group cannot be removed from disk.
    pub(crate) fn remove_namespace(&self, tenant: &str, namespace: &str) -> io::Result<bool> {
        let mut store = self.store();
        let names = store.remove_namespace(tenant, namespace);
        if let Some(disk) = &self.disk {
            for name in &names {
                disk.remove(tenant, namespace, name)?;
            }
        }
        Ok(!names.is_empty())
    }

    /// The number of groups in the answer.
    fn groups_to_read(&self, route: &Route, headers: &HeaderMap) -> usize {
        let (api, namespace) = match route {
            Route::List => (RequestedApi::Config, None),
            Route::ListNamespace { namespace } => (RequestedApi::Config, Some(namespace)),
            Route::StateRules => (RequestedApi::State, None),
            _ => return 0,
        };
        let Ok(tenant) = self.tenant(headers, api) else { return 0 };
        match (self.store().tenant(&tenant), namespace) {
            (None, _) => 0,
            (Some(tenant), Some(namespace)) => tenant.namespaces.get(namespace).map_or(0, BTreeMap::len),
            (Some(tenant), None) => tenant.count,
        }
    }

    /// The response to a request.
    fn respond(&self, route: Route, head: &Parts, body: &[u8]) -> Response<Body> {
        let mut encodings = head.headers.get_all(header::ACCEPT_ENCODING).iter();
        let accepts_gzip = encodings.any(|value| value.to_str().is_ok_and(|value| value.contains("gzip")));
        let answer = self.answer(route, head.uri.query().unwrap_or(""), &head.headers, body);
        answer.unwrap_or_else(|refused| refused).respond(&self.settings.profile, accepts_gzip)
    }

    /// The answer to a request, both as `Ok` and as `Err`.
    fn answer(&self, route: Route, query: &str, headers: &HeaderMap, body: &[u8]) -> Result<Answer, Answer> {
        let profile = &self.settings.profile;
        let config_tenant = || self.tenant(headers, RequestedApi::Config);
        match route {
            Route::NotFound => Err(Answer::text(404, "404 page not found").bare()),
            Route::MethodNotAllowed => Err(Answer::empty(405).bare()),
            Route::Moved(path) => {
                let query = if query.is_empty() { String::new() } else { format!("?{query}") };
                Err(Answer::empty(301).bare().with("location", path + &query))
            }
            // Go's server sends this itself, before any handler, and closes the connection.
            Route::Malformed => Err(Answer::malformed()),
            Route::BuildInfo => Ok(Answer::json(200, &self.build_info().to_string())),
            Route::AllTenants => Ok(self.all_tenants()),
            Route::BadEscape(name) => {
                config_tenant()?;
                let error = format!("invalid URL escape {}", validate::quoted(bad_escape(&name)));
                Err(Answer::error(profile, 500, "server_error", &error))
            }
            Route::List => self.list(&config_tenant()?, None, query),
            Route::ListNamespace { namespace } => {
                let tenant = config_tenant()?;
                self.check_path(&namespace, None)?;
                self.list(&tenant, Some(&namespace), query)
            }
            Route::Get { namespace, group } => {
                let tenant = config_tenant()?;
                self.check_path(&namespace, Some(&group))?;
                self.get(&tenant, &namespace, &group)
            }
            Route::Post { namespace } => {
                let tenant = config_tenant()?;
                self.check_path(&namespace, None)?;
                self.check_protection(&tenant, &namespace, headers)?;
                let form = is_form(headers) && profile.eats_forms;
                self.post(&tenant, &namespace, if form { b"" } else { body })
            }
            Route::Delete { namespace, group } => {
                let tenant = config_tenant()?;
                self.check_path(&namespace, Some(&group))?;
                self.check_protection(&tenant, &namespace, headers)?;
                self.delete(&tenant, &namespace, &group)
            }
            Route::DeleteNamespace { namespace } => {
                let tenant = config_tenant()?;
                self.check_path(&namespace, None)?;
                self.check_protection(&tenant, &namespace, headers)?;
                self.delete_namespace(&tenant, &namespace)
            }
            Route::DeleteTenant => {
                let tenant = config_tenant()?;
                let namespaces: Vec<String> = self
                    .store()
                    .tenant(&tenant)
                    .map(|t| t.namespaces.keys().cloned().collect())
                    .unwrap_or_default();
                for namespace in namespaces {
                    self.remove_namespace(&tenant, &namespace).map_err(|e| self.store_error(&e))?;
                }
                Ok(Answer::empty(200))
            }
            Route::StateRules => self.state_rules(&self.tenant(headers, RequestedApi::State)?, query),
            Route::StateAlerts => {
                self.tenant(headers, RequestedApi::State)?;
                Ok(self.state_alerts())
            }
        }
    }

    fn tenant(&self, headers: &HeaderMap, api: RequestedApi) -> Result<String, Answer> {
        if let Some(tenant) = &self.settings.only_tenant {
            return Ok(tenant.clone());
        }
        let profile = &self.settings.profile;
        let header = headers.get("x-scope-orgid").map(|value| String::from_utf8_lossy(value.as_bytes()));
        let tenant = tenant::parse(header.as_deref(), profile.invalid_tenant, self.settings.federation, api);
        tenant.map_err(|refused| match refused {
            TenantError::Text(status, text) => Answer::text(status, &text),
            TenantError::Json(500, error) => Answer::error(profile, 500, "server_error", error),
            TenantError::Json(status, error) => Answer::error(profile, status, "bad_data", error),
        })
    }

    /// The limits of a tenant: specific ones or the defaults.
    fn limits(&self, tenant: &str) -> &Limits {
        self.settings.tenant_limits.get(tenant).unwrap_or(&self.settings.limits)
    }

    fn check_path(&self, namespace: &str, group: Option<&str>) -> Result<(), Answer> {
        let profile = &self.settings.profile;
        if !profile.traversal_check {
            return Ok(());
        }
        for (what, name) in [("namespace", Some(namespace)), ("groupname", group)] {
            if name.is_some_and(|name| !is_local(name)) {
                let error = format!("invalid {what}: path traversal not allowed");
                return Err(Answer::error(profile, 500, "server_error", &error));
            }
        }
        Ok(())
    }

    fn check_protection(&self, tenant: &str, namespace: &str, headers: &HeaderMap) -> Result<(), Answer> {
        let protected = self.limits(tenant).protected_namespaces.iter().any(|name| name == namespace);
        let overridden = headers
            .get("x-mimir-ruler-override-namespace-protection")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.split(',').any(|name| name == namespace));
        if protected && !overridden {
            return Err(Answer::text(403, "namespace is protected, no modification allowed"));
        }
        Ok(())
    }

    fn list(&self, tenant: &str, namespace: Option<&str>, query: &str) -> Result<Answer, Answer> {
        if let Some(namespace) = namespace
            && self.is_too_long(namespace)
        {
            let path = object_path(tenant, namespace, None);
            return Err(Answer::text(400, &format!("stat {path}: stat {path}: file name too long")));
        }
        let snapshot = list::snapshot(self.store().tenant(tenant), namespace);
        if snapshot.is_empty() {
            return match self.settings.profile.empty_list {
                EmptyList::Map => Ok(Answer::yaml(vec![Bytes::from_static(b"{}\n")])),
                EmptyList::NotFound => Err(Answer::text(404, "no rule groups found")),
            };
        }
        let pairs = query::pairs(query);
        let labels = query::first(&pairs, "labels");
        let snapshot = if labels.is_empty() || !self.settings.profile.filters_lists {
            snapshot
        } else {
            let wanted = list::wanted_labels(labels).ok_or_else(|| Answer::panicked(NO_COLON))?;
            list::with_labels(snapshot, &wanted)
        };
        if snapshot.is_empty() {
            return Ok(Answer::yaml(vec![Bytes::from_static(b"{}\n")]));
        }
        let mut protected: Vec<&str> = self
            .limits(tenant)
            .protected_namespaces
            .iter()
            .map(String::as_str)
            .filter(|name| snapshot.iter().any(|(namespace, _)| namespace == name))
            .collect();
        protected.sort_unstable();
        let answer = Answer::yaml(list::parts(&snapshot));
        Ok(if protected.is_empty() { answer } else { answer.with(PROTECTED, protected.join(",")) })
    }

    fn get(&self, tenant: &str, namespace: &str, group: &str) -> Result<Answer, Answer> {
        let key = base64_url(group);
        if self.settings.read_only {
            return Err(Answer::text(400, "GetRuleGroup unsupported in rule local store"));
        }
        if self.is_too_long(namespace) || self.is_too_long(group) {
            let (path, namespace) = (object_path(tenant, namespace, Some(group)), base64_url(namespace));
            let text = format!("failed to get rule group {namespace}/{key}: stat {path}: stat {path}");
            return Err(Answer::text(400, &format!("{text}: file name too long")));
        }
        let entry = self.store().tenant(tenant).and_then(|tenant| tenant.get(namespace, &key).cloned());
        let entry = entry.ok_or_else(|| Answer::text(404, "group does not exist"))?;
        let answer = Answer::yaml(vec![Bytes::from(render::single(&entry.group))]);
        let protected = self.limits(tenant).protected_namespaces.iter().any(|name| name == namespace);
        Ok(if protected { answer.with(PROTECTED, namespace.to_owned()) } else { answer })
    }

    fn post(&self, tenant: &str, namespace: &str, body: &[u8]) -> Result<Answer, Answer> {
        let profile = &self.settings.profile;
        let undecodable = || Answer::text(400, profile.undecodable);
        let posted = yaml_in::decode(body).map_err(|_| undecodable())?;
        if let Some(text) = validate::error_text(&posted, profile, self.settings.federation) {
            return Err(Answer::text(400, &text));
        }
        let stored = || self.store().tenant(tenant).map_or(0, |tenant| tenant.count);
        if let Some(text) = validate::over_limit(&posted, self.limits(tenant), stored) {
            return Err(Answer::text(400, &text));
        }
        if self.settings.read_only {
            return Err(Answer::text(500, "SetRuleGroup unsupported in rule local store"));
        }
        let group = posted.group.kept_by(profile);
        if profile.bounded_texts && group.longest_mapped() >= LONGEST_TEXT {
            return Err(Answer::panicked("String too long to encode as label."));
        }
        if profile.poison == Poison::Rejected && is_poison(&group, poison::ALONE) {
            return Err(undecodable());
        }
        if self.is_too_long(namespace) {
            let path = object_path(tenant, namespace, None);
            return Err(Answer::text(500, &format!("mkdir {path}: file name too long")));
        }
        if self.is_too_long(&group.name) {
            let path = object_path(tenant, namespace, Some(&group.name));
            return Err(Answer::text(500, &format!("open {path}: file name too long")));
        }
        self.put(tenant, namespace, group).map_err(|error| Answer::text(500, &error.to_string()))?;
        Ok(Answer::json(202, profile.accepted))
    }

    fn delete(&self, tenant: &str, namespace: &str, group: &str) -> Result<Answer, Answer> {
        let profile = &self.settings.profile;
        if self.settings.read_only {
            return Err(self.read_only_error("DeleteRuleGroup"));
        }
        if self.is_too_long(namespace) || self.is_too_long(group) {
            let path = object_path(tenant, namespace, Some(group));
            let error = format!("rm {path}: unlinkat {path}: file name too long");
            return Err(Answer::error(profile, 500, "server_error", &error));
        }
        let existed = self.remove(tenant, namespace, group).map_err(|error| self.store_error(&error))?;
        if !existed && profile.missing_delete == MissingDelete::NotFound {
            return Err(Answer::text(404, "group does not exist"));
        }
        Ok(Answer::json(202, profile.accepted))
    }

    fn delete_namespace(&self, tenant: &str, namespace: &str) -> Result<Answer, Answer> {
        if self.settings.read_only {
            return Err(self.read_only_error("DeleteNamespace"));
        }
        if self.is_too_long(namespace) {
            let path = object_path(tenant, namespace, None);
            let error = format!("stat {path}: stat {path}: file name too long");
            return Err(Answer::error(&self.settings.profile, 500, "server_error", &error));
        }
        if self.remove_namespace(tenant, namespace).map_err(|error| self.store_error(&error))? {
            Ok(Answer::json(202, self.settings.profile.accepted))
        } else {
            Err(Answer::text(404, "group namespace does not exist"))
        }
    }

    fn read_only_error(&self, what: &str) -> Answer {
        let error = format!("{what} unsupported in rule local store");
        Answer::error(&self.settings.profile, 500, "server_error", &error)
    }

    fn store_error(&self, error: &io::Error) -> Answer {
        Answer::error(&self.settings.profile, 500, "server_error", &error.to_string())
    }

    /// Returns `true` if the name is too long for a file name: base64 encodes three bytes as four.
    fn is_too_long(&self, name: &str) -> bool {
        name.len() > self.settings.longest_name
    }
}

const PROTECTED: &str = "x-mimir-ruler-protected-namespaces";

/// The size in bytes from which the real server's label type cannot hold the value of a label or annotation.
const LONGEST_TEXT: usize = 1 << 24;

/// The size in bytes from which a body is processed on a blocking thread.
const LONG_BODY: usize = 64 << 10;

/// The number of groups from which a list is rendered on a blocking thread.
const MANY_GROUPS: usize = 1000;

const NO_COLON: &str = "runtime error: index out of range [1] with length 1";

fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"))
}
