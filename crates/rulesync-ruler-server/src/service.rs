//! [`RulerService`]: a ruler without a server. Finds what a request asks for, and who asks.

use std::{collections::BTreeMap, io, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header, request::Parts};
use tokio::sync::Mutex;

use crate::{
    api::{config::ConfigApi, state::StateApi},
    body::{Body, full},
    escape::quoted,
    evaluation::Evaluation,
    http::{
        answer::Answer,
        route::Route,
        tenant::{self, RequestedApi, TenantError},
    },
    model::{group::StoredGroup, kind::Kind},
    names::bad_escape,
    settings::Settings,
    storage::{Storage, store::Tenant},
    yaml::decode,
};

/// The size in bytes from which a body is processed on a blocking thread.
const LONG_BODY: usize = 64 << 10;

/// The number of groups from which a list is rendered on a blocking thread.
const MANY_GROUPS: usize = 1000;

/// The groups of a tenant: namespace, group name, group.
pub type Rules = BTreeMap<String, BTreeMap<String, StoredGroup>>;

/// An error of [`RulerService::put`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// The YAML is not a rule group, or has no name.
    #[error("invalid rule group or missing name")]
    NotAGroup,
    /// The group could not be written to the storage directory.
    #[error("cannot store the rule group")]
    Storage(#[from] io::Error),
}

/// A ruler: its groups, and its answers to requests. [`RulerServer`](crate::RulerServer) serves one; whoever has a
/// server already calls [`handle`](Self::handle).
#[derive(Debug)]
pub struct RulerService {
    settings: Settings,
    storage: Storage,
    evaluation: Evaluation,
    /// Lets changes that are made on blocking threads pass one by one, in the order in which they arrive.
    changes: Arc<Mutex<()>>,
}

impl RulerService {
    pub(crate) fn new(settings: Settings, storage: Storage, evaluation: Evaluation) -> Self {
        Self { settings, storage, evaluation, changes: Arc::default() }
    }

    /// The imitated ruler.
    pub fn kind(&self) -> Kind {
        self.settings.kind
    }

    /// The limit of a request's body, in bytes; see [`body::read`](crate::body::read).
    pub fn longest_body(&self) -> usize {
        self.settings.longest_body
    }

    /// The stored groups of a tenant.
    pub fn rules(&self, tenant: &str) -> Rules {
        let store = self.storage.lock();
        let Some(tenant) = store.tenant(tenant) else { return Rules::new() };
        tenant
            .namespaces
            .iter()
            .map(|(name, groups)| {
                let groups = groups.values().map(|entry| (entry.group.name.clone(), entry.group.clone()));
                (name.clone(), groups.collect())
            })
            .collect()
    }

    /// The number of stored groups of a tenant.
    pub fn group_count(&self, tenant: &str) -> usize {
        self.storage.lock().tenant(tenant).map_or(0, |tenant| tenant.count)
    }

    /// The tenants that have groups.
    pub fn tenants(&self) -> Vec<String> {
        self.storage.lock().tenants().map(|(name, _)| name.clone()).collect()
    }

    /// Stores a group directly: no request, no validation, no limits, no dropped fields.
    ///
    /// # Errors
    /// If the YAML is not a group with a name, or the storage directory cannot be written.
    pub fn put(&self, tenant: &str, namespace: &str, yaml: &str) -> Result<(), PutError> {
        let posted = decode::decode(yaml.as_bytes()).map_err(|_| PutError::NotAGroup)?;
        if posted.group.name.is_empty() {
            return Err(PutError::NotAGroup);
        }
        Ok(self.storage.put(tenant, namespace, posted.group)?)
    }

    /// Removes a group directly and returns `true` if it existed.
    ///
    /// # Errors
    /// If it cannot be removed from the storage directory.
    pub fn remove(&self, tenant: &str, namespace: &str, group: &str) -> io::Result<bool> {
        self.storage.remove(tenant, namespace, group)
    }

    /// Removes a namespace directly and returns `true` if it existed.
    ///
    /// # Errors
    /// If it cannot be removed from the storage directory.
    pub fn remove_namespace(&self, tenant: &str, namespace: &str) -> io::Result<bool> {
        self.storage.remove_namespace(tenant, namespace)
    }

    /// Returns `true` if a stored group or namespace prevents all changes of the tenant from being loaded.
    pub fn frozen(&self, tenant: &str) -> bool {
        self.storage.lock().tenant(tenant).is_some_and(Tenant::is_frozen)
    }

    /// Sets whether loaded rules count as evaluated from now on; see [`RulerBuilder::evaluates`](crate::RulerBuilder::evaluates).
    pub fn set_evaluates(&self, evaluates: bool) {
        self.evaluation.set_runs(evaluates);
    }

    /// Sets or clears the error that the state API reports for a rule: nothing is evaluated here, so whoever does it
    /// reports what came of it.
    pub fn set_rule_error(
        &self,
        tenant: &str,
        namespace: &str,
        group: &str,
        index: usize,
        error: Option<&str>,
    ) {
        self.evaluation.set_error((tenant, namespace, group, index), error);
    }

    /// The number of groups in the answer to a request: what a list costs the storage of a real ruler.
    pub fn groups_read_by(&self, head: &Parts) -> usize {
        let route = self.settings.routes.find(&head.method, head.uri.path());
        self.groups_to_read(&route, &head.headers)
    }

    /// Answers a request. The file system is used on blocking threads only, where changes are made in the order in which
    /// they arrive.
    pub async fn handle(self: Arc<Self>, request: Request<Bytes>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let route = self.settings.routes.find(&head.method, head.uri.path());
        let blocks = self.storage.has_disk()
            || body.len() > LONG_BODY
            || self.groups_to_read(&route, &head.headers) > MANY_GROUPS;
        let is_change = matches!(
            route,
            Route::Post { .. } | Route::Delete { .. } | Route::DeleteNamespace { .. } | Route::DeleteTenant
        );
        // On blocking threads one change could overtake another. Short changes in memory wait for none.
        let changes = match blocks && is_change {
            true => Some(Arc::clone(&self.changes).lock_owned().await),
            false => None,
        };
        let answer = move || {
            // Held until the change is made, even if the client has disconnected.
            let _changes = changes;
            self.respond(route, &head, &body)
        };
        if !blocks {
            return answer();
        }
        // The embedding process may have a single thread with other work to do.
        tokio::task::spawn_blocking(answer).await.unwrap_or_else(|_| {
            // The handler panicked; Go's servers answer such a request in the same way.
            let mut response = Response::new(full(Bytes::new()));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }

    fn config(&self) -> ConfigApi<'_> {
        ConfigApi { settings: &self.settings, storage: &self.storage }
    }

    fn state(&self) -> StateApi<'_> {
        StateApi { settings: &self.settings, storage: &self.storage, evaluation: &self.evaluation }
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
        match (self.storage.lock().tenant(&tenant), namespace) {
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
        let (profile, config, state) = (&self.settings.profile, self.config(), self.state());
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
            Route::BuildInfo => Ok(Answer::json(200, &state.build_info().to_string())),
            Route::TenantLimits => Ok(config.limits(&config_tenant()?)),
            Route::AllTenants => Ok(state.all_tenants()),
            Route::TenantNames => Ok(state.tenant_names(headers)),
            Route::BadEscape(name) => {
                config_tenant()?;
                let error = format!("invalid URL escape {}", quoted(bad_escape(&name)));
                Err(Answer::error(profile, 500, "server_error", &error))
            }
            Route::List => config.list(&config_tenant()?, None, query),
            Route::ListNamespace { namespace } => {
                let tenant = config_tenant()?;
                config.check_path(&namespace, None)?;
                config.list(&tenant, Some(&namespace), query)
            }
            Route::Get { namespace, group } => {
                let tenant = config_tenant()?;
                config.check_path(&namespace, Some(&group))?;
                config.get(&tenant, &namespace, &group)
            }
            Route::Post { namespace } => {
                let tenant = config_tenant()?;
                config.check_path(&namespace, None)?;
                config.check_protection(&tenant, &namespace, headers)?;
                let form = is_form(headers) && profile.eats_forms;
                config.post(&tenant, &namespace, if form { b"" } else { body })
            }
            Route::Delete { namespace, group } => {
                let tenant = config_tenant()?;
                config.check_path(&namespace, Some(&group))?;
                config.check_protection(&tenant, &namespace, headers)?;
                config.delete(&tenant, &namespace, &group)
            }
            Route::DeleteNamespace { namespace } => {
                let tenant = config_tenant()?;
                config.check_path(&namespace, None)?;
                config.check_protection(&tenant, &namespace, headers)?;
                config.delete_namespace(&tenant, &namespace)
            }
            Route::DeleteTenant => config.delete_tenant(&config_tenant()?),
            Route::StateRules => state.rules(&self.tenant(headers, RequestedApi::State)?, query),
            Route::StateAlerts => {
                self.tenant(headers, RequestedApi::State)?;
                Ok(state.alerts())
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
}

fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"))
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;
    use crate::RulerBuilder;

    fn service(directory: &std::path::Path) -> Arc<RulerService> {
        Arc::new(RulerBuilder::new(Kind::Mimir).storage(directory).build().expect("opens"))
    }

    fn request(method: &str, path: &str, body: String) -> Request<Bytes> {
        let uri = format!("/prometheus/config/v1/rules{path}");
        let request = Request::builder().method(method).uri(uri).header("x-scope-orgid", "t");
        request.body(Bytes::from(body)).expect("is valid")
    }

    #[tokio::test]
    async fn slow_storage_does_not_block_the_thread_of_the_server() {
        let directory = tempfile::tempdir().expect("a directory");
        let group = "name: g\nrules: [{record: a, expr: b}]";
        for (method, path) in
            [("POST", "/n"), ("DELETE", "/n/g"), ("DELETE", "/n"), ("GET", "/n/g"), ("GET", "")]
        {
            let service = service(directory.path());
            service.put("t", "n", group).expect("stores");
            let (begin, begun) = mpsc::channel();
            let (end, ended) = mpsc::channel::<()>();
            let slow = Arc::clone(&service);
            let storing = std::thread::spawn(move || {
                // As while a file is put in place.
                let _storage = slow.storage.lock();
                begin.send(()).expect("the test listens");
                // A server that waits for it has one chance to go on.
                let _ = ended.recv_timeout(Duration::from_secs(2));
            });
            begun.recv().expect("is held");
            let mut handling = Box::pin(service.handle(request(method, path, group.to_owned())));
            assert!(futures::poll!(&mut handling).is_pending(), "{method} {path}");
            end.send(()).expect("still waits");
            assert!(handling.await.status().is_success(), "{method} {path}");
            storing.join().expect("ends");
        }
    }

    #[tokio::test]
    async fn changes_are_made_in_the_order_in_which_they_arrive() {
        let directory = tempfile::tempdir().expect("a directory");
        let service = service(directory.path());
        // Long and short bodies in turn: the long ones take longer to read.
        let changes = (0..40).map(|index| {
            let comment = "#".repeat(if index % 2 == 0 { LONG_BODY } else { 0 });
            let group = format!("name: g\nrules: [{{record: a, expr: vector({index})}}]\n{comment}");
            Arc::clone(&service).handle(request("POST", "/n", group))
        });
        let answers = futures::future::join_all(changes).await;
        assert!(answers.iter().all(|answer| answer.status() == StatusCode::ACCEPTED));
        assert_eq!(service.rules("t")["n"]["g"].rules[0].expr, "vector(39)");
    }
}
