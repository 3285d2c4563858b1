//! An engine that runs in the test, with a ruler of the testkit, and its pages without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use rulesync_config::{Config, Lifetime, Options};
use rulesync_core::engine::EngineHandle;
use rulesync_core::status::{DestinationState, DestinationStatus, ObjectState, ObjectStates};
use rulesync_testkit::{Kind, RulerServer};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::context::Context;
use crate::location::Location;
use crate::token::Token;
use crate::web::router;

/// An engine that runs, and its pages.
pub(crate) struct Running {
    router: Router,
    context: Context,
    states: ObjectStates,
    handle: EngineHandle,
    shutdown: CancellationToken,
    tasks: Mutex<JoinSet<()>>,
    _ruler: RulerServer,
    directory: tempfile::TempDir,
}

/// What a page answers.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) body: String,
}

impl Running {
    /// Starts an engine with these manifests, whose pages may change something.
    pub(crate) async fn start(manifests: &str) -> Self {
        Self::start_with(manifests, true).await
    }

    /// Starts one whose pages change nothing.
    pub(crate) async fn start_without_admin(manifests: &str) -> Self {
        Self::start_with(manifests, false).await
    }

    async fn start_with(manifests: &str, admin: bool) -> Self {
        let config = "owner: us\nclaim: off\nsources: [{type: files, path: rules}]\n\
             rulers: [{name: central, type: mimir, address: 'ADDRESS'}]\n\
             routes: [{name: all, ruler: central, tenant: prod, rule_selector: {match_labels: {team: a}}}]\n";
        Self::start_configured(config, &[("rules", manifests)], admin).await
    }

    /// Starts one with a configuration, in which `ADDRESS` is that of the ruler, and with directories of manifests.
    pub(crate) async fn start_configured(config: &str, sources: &[(&str, &str)], admin: bool) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        for (source, manifests) in sources {
            std::fs::create_dir(directory.path().join(source)).unwrap();
            std::fs::write(directory.path().join(source).join("o.yaml"), manifests).unwrap();
        }
        let file = directory.path().join("rulesync.yaml");
        std::fs::write(&file, config.replace("ADDRESS", &ruler.url())).unwrap();
        let config = Config::read(&file).await.unwrap().validate().unwrap();
        let app = config.build(Options::new(Lifetime::Daemon)).await.unwrap();
        let (shutdown, states, handle) = (CancellationToken::new(), app.states().clone(), app.handle());
        let token = Token::random().unwrap();
        let context = Context::new(&app, admin, token, Location::default(), shutdown.clone());
        let router = router(context.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(app.run(Arc::new(Notify::new()), shutdown.clone().cancelled_owned()));
        Self { router, context, states, handle, shutdown, tasks: Mutex::new(tasks), _ruler: ruler, directory }
    }

    /// Waits until so many objects are known and none is on its way.
    pub(crate) async fn settled(&self, objects: usize) {
        self.until(|states| {
            let (counts, _) = states.counts();
            counts.values().sum::<usize>() == objects && !counts.contains_key(&ObjectState::Pending)
        })
        .await;
    }

    /// Waits until every source is read, every destination in sync, and no request under way.
    pub(crate) async fn in_order(&self) {
        let is_at_rest =
            |one: &DestinationStatus| one.state == DestinationState::InSync && one.concurrency.in_flight == 0;
        loop {
            let status = self.handle.overview().await.unwrap();
            if status.ready() && !status.destinations.is_empty() && status.destinations.iter().all(is_at_rest)
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Waits until something is so of the states of objects.
    pub(crate) async fn until(&self, is_so: impl Fn(&ObjectStates) -> bool) {
        let mut changes = self.states.subscribe();
        while !is_so(&self.states) {
            changes.changed().await;
        }
    }

    /// Replaces the manifests.
    pub(crate) fn declare(&self, manifests: &str) {
        self.declare_in("rules", manifests);
    }

    /// Replaces the manifests of a source by its directory.
    pub(crate) fn declare_in(&self, source: &str, manifests: &str) {
        std::fs::write(self.directory.path().join(source).join("o.yaml"), manifests).unwrap();
    }

    /// What pages are made from.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Ends the engine, and waits until it has.
    pub(crate) async fn end(&self) {
        self.shutdown.cancel();
        while self.tasks.lock().await.join_next().await.is_some() {}
    }

    /// Asks the engine itself.
    pub(crate) fn engine(&self) -> &EngineHandle {
        &self.handle
    }

    /// Tells the process's end to whoever waits for it.
    pub(crate) fn shut_down(&self) {
        self.shutdown.cancel();
    }

    /// Asks for a page as a browser does.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[("accept", "text/html,*/*;q=0.8")], "").await
    }

    /// Sends a request.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let response = self.send(method, path, headers, body).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a request, whose answer is not read.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> axum::response::Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }
}

impl Answer {
    /// Returns a header, empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Returns where the links of the page at `path` lead to.
    pub(crate) fn links(&self, path: &str) -> Vec<String> {
        let parts = self.body.split("href=\"").skip(1);
        let links = parts.filter_map(|rest| rest.split('"').next()).filter(|link| !link.starts_with('#'));
        links.map(|link| Self::resolve(path, &link.replace("&amp;", "&"))).collect()
    }

    /// Resolves a relative link, as browsers do.
    pub(crate) fn resolve(path: &str, link: &str) -> String {
        assert!(!link.starts_with('/') && !link.contains("://"), "{link} is not relative");
        let path = path.split('?').next().unwrap();
        if link.starts_with('?') {
            return format!("{path}{link}");
        }
        let mut parts: Vec<&str> = path.split('/').skip(1).collect();
        parts.pop();
        let (link, query) = link.split_once('?').map_or((link, None), |(link, query)| (link, Some(query)));
        for part in link.split('/') {
            match part {
                "." => {}
                ".." => drop(parts.pop().expect("a link leads out of the pages")),
                part => parts.push(part),
            }
        }
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("/{}{query}", parts.join("/"))
    }
}
