//! The HTTP layer: translates requests into operations on the world, and results into responses.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

use super::access::User;
use super::answer::{Answer, accepted_form, gzip_accepted};
use super::cluster::Cluster;
use super::discovery::{self, aggregated};
use super::intent::Intent;
use super::list::{Form, in_form, page};
use super::openapi;
use super::query::{Freshness, ListQuery, Params, Start, WatchQuery};
use super::refused::Refused;
use super::request::{Write, intent, verb};
use super::resource::{Nature, Resource};
use super::review::Review;
use super::review_answer::answer;
use super::route::{Route, Target, route};
use super::watch::{Scope, Watching};
use crate::listen::{Body, Handler};

/// Serves a cluster.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) cluster: Arc<Cluster>,
}

impl Handler for Api {
    fn handle(self: Arc<Self>, request: Request<Bytes>) -> BoxFuture<'static, Response<Body>> {
        async move {
            let gzip = self.cluster.gzip && gzip_accepted(request.headers());
            match self.serve(request).await {
                Ok(Outcome::Answer(answer)) => answer.into_response(gzip),
                Ok(Outcome::Watch(watching)) => stream(*watching),
                Err(refused) => Answer::refused(&refused).into_response(false),
            }
        }
        .boxed()
    }
}

enum Outcome {
    Answer(Answer),
    Watch(Box<Watching>),
}

impl Api {
    async fn serve(&self, request: Request<Bytes>) -> Result<Outcome, Refused> {
        let (head, body) = request.into_parts();
        let value = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let user =
            self.cluster.users.identify(value(header::AUTHORIZATION.as_str()), value("impersonate-user"))?;
        let params = Params::parse(head.uri.query().unwrap_or_default());
        let answer = match route(head.uri.path()) {
            Route::Objects(target) => {
                let verb = verb(&head.method, &target, &params)?;
                if let Some((resource, review)) = self.review_of(&target) {
                    return self.review(&resource, review, verb, &user, &params, &head.headers, &body);
                }
                self.authorize(&user, verb, &target)?;
                return self.objects(verb, target, &user, &params, &head.headers, &body).await;
            }
            _ if head.method != Method::GET => return Err(Refused::method_not_allowed()),
            Route::Version => Answer::json(200, &discovery::version()),
            Route::Health(_) if !params.text("verbose").is_empty() => {
                Answer::text(200, "[+]ping ok\n[+]etcd ok\n")
            }
            Route::Health(_) => Answer::text(200, "ok"),
            Route::CoreVersions if aggregated::is_wanted(&head.headers) => {
                Answer::discovery(&aggregated::core(&self.cluster.world()), &head.headers)
            }
            Route::Groups if aggregated::is_wanted(&head.headers) => {
                Answer::discovery(&aggregated::groups(&self.cluster.world()), &head.headers)
            }
            Route::OpenApi => Answer::json(200, &openapi::index(&self.cluster.world())),
            Route::OpenApiOf { group, version } => {
                Answer::found(openapi::document(&self.cluster.world(), &group, &version))
            }
            Route::CoreVersions => Answer::json(200, &discovery::core_versions()),
            Route::Groups => Answer::json(200, &discovery::groups(&self.cluster.world())),
            Route::Group(name) => Answer::found(discovery::group(&self.cluster.world(), &name)),
            Route::Resources { group, version } => {
                Answer::found(discovery::resources(&self.cluster.world(), &group, &version))
            }
            Route::Unknown => Answer::page_not_found(),
        };
        Ok(Outcome::Answer(answer))
    }

    /// Returns `true` if the user may do this and no fault forbids it.
    pub(crate) fn permits(&self, user: &User, verb: &str, target: &Target) -> bool {
        let switches = self.cluster.switches();
        let forbidden = |(v, resource): &(String, String)| (v == "*" || v == verb) && target.is(resource);
        user.may(verb, target) && !switches.forbidden.iter().any(forbidden)
    }

    fn authorize(&self, user: &User, verb: &str, target: &Target) -> Result<(), Refused> {
        if self.permits(user, verb, target) {
            return Ok(());
        }
        let plural = target.resource();
        let name = target.name.as_deref();
        let namespace = if plural == "namespaces" { name } else { target.namespace.as_deref() };
        let resource = (target.group.as_str(), plural.as_str());
        Err(Refused::forbidden(&user.name, verb, resource, namespace, name))
    }

    fn review_of(&self, target: &Target) -> Option<(Arc<Resource>, Review)> {
        let resource = self.cluster.world().resource(&target.qualified())?;
        match resource.nature {
            Nature::Review(review, _) if resource.version == target.version => Some((resource, review)),
            _ => None,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a request")]
    fn review(
        &self,
        resource: &Resource,
        review: Review,
        verb: &str,
        user: &User,
        params: &Params,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Outcome, Refused> {
        let Write::Create(question) = Write::read(verb, resource, params, headers, body)? else {
            return Err(Refused::method_not_allowed());
        };
        let status = |question: &Value| {
            answer(review, question, user, |verb, target| self.permits(user, verb, target))
        };
        let intent = intent(params, headers)?;
        let answer = self.cluster.world().review(resource, review, question, &intent, status)?;
        Ok(Outcome::Answer(Answer::json(201, &answer.value)))
    }

    async fn objects(
        &self,
        verb: &str,
        target: Target,
        user: &User,
        params: &Params,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Outcome, Refused> {
        let qualified = super::resource::qualify(&target.plural, &target.group);
        let resource = {
            let mut world = self.cluster.world();
            let served = world.resource(&qualified).filter(|r| r.version == target.version);
            match served {
                None if verb == "list" => world.take_vanishing_list(&qualified),
                served => served,
            }
        };
        let Some(resource) = resource else { return Ok(Outcome::Answer(self.not_served(&target))) };
        match target.subresource.as_deref() {
            None => {}
            Some("status") if !resource.has_status() && resource.is_custom() => {
                return Err(Refused::not_found(&resource, target.name.as_deref().unwrap_or_default()));
            }
            Some("status") if !resource.has_status() => return Err(Refused::no_such_path()),
            Some("status") if matches!(verb, "get" | "update" | "patch") => {}
            Some("status") => return Err(Refused::method_not_allowed()),
            Some(_) => return Err(Refused::no_such_path()),
        }
        let form = accepted_form(headers, params)?;
        if verb == "watch" {
            return self.watch(resource, &target, params, form).await;
        }
        let answer = match verb {
            "list" => self.list(&resource, &target, params, form).await?,
            "get" => {
                self.cluster.wait_for_etcd().await;
                let name = target.name.as_deref().unwrap_or_default();
                let namespace = target.namespace.as_deref().unwrap_or_default();
                let found = self.cluster.world().find(&resource, namespace, name);
                let record = found.ok_or_else(|| Refused::not_found(&resource, name))?;
                Answer::json(200, &in_form(&record.value(), &resource, form, self.cluster.clock.seconds()))
            }
            _ => {
                let mut intent = intent(params, headers)?;
                intent.status = target.subresource.is_some();
                intent.patches = verb == "patch";
                if matches!(verb, "patch" | "update") {
                    intent.may_create = self.authorize(user, "create", &target);
                }
                // The body is read first: a server that waits for its store has already received it.
                let write = Write::read(verb, &resource, params, headers, body)?;
                self.cluster.wait_for_etcd().await;
                self.write(&resource, &target, write, &intent, params, form)?
            }
        };
        Ok(Outcome::Answer(answer))
    }

    /// A built-in group answers with a `Status`; one that is unknown, or that definitions have declared, with a plain page.
    fn not_served(&self, target: &Target) -> Answer {
        let world = self.cluster.world();
        let known = world
            .resources()
            .any(|r| !r.is_custom() && r.group == target.group && r.version == target.version);
        if known { Answer::refused(&Refused::no_such_path()) } else { Answer::page_not_found() }
    }

    async fn list(
        &self,
        resource: &Resource,
        target: &Target,
        params: &Params,
        form: Form,
    ) -> Result<Answer, Refused> {
        let query = ListQuery::parse(params, resource)?;
        if query.freshness != Freshness::Any {
            self.cluster.wait_for_etcd().await;
        }
        if let Freshness::NotOlder(revision) = query.freshness {
            self.cluster.wait_for_revision(revision).await?;
        }
        let namespace = target.namespace.as_deref().filter(|_| resource.namespaced);
        let page = page(&self.cluster.world().store, resource, namespace, &query)?;
        Ok(Answer::bytes(200, page.render(resource, form, self.cluster.clock.seconds())))
    }

    async fn watch(
        &self,
        resource: Arc<Resource>,
        target: &Target,
        params: &Params,
        form: Form,
    ) -> Result<Outcome, Refused> {
        let (streaming_allowed, http_410) = {
            let switches = self.cluster.switches();
            (!switches.refuse_streaming, switches.http_410)
        };
        let query = WatchQuery::parse(params, &resource, streaming_allowed)?;
        if let Start::ExistingSince(revision) = query.start {
            self.cluster.wait_for_revision(revision).await?;
        }
        let namespace = target.namespace.clone().filter(|_| resource.namespaced);
        let clock = self.cluster.clock.clone();
        let scope = Scope { resource, namespace, selector: query.selector.clone(), form, clock };
        match Watching::open(self.cluster.clone(), scope, &query) {
            Ok(watching) => Ok(Outcome::Watch(Box::new(watching))),
            Err(refused) if http_410 => Err(refused),
            // The real server starts the stream and reports the error in it.
            Err(refused) => Ok(Outcome::Answer(Answer::bytes(200, Watching::error_frame(&refused)))),
        }
    }

    fn write(
        &self,
        resource: &Arc<Resource>,
        target: &Target,
        write: Write,
        intent: &Intent,
        params: &Params,
        form: Form,
    ) -> Result<Answer, Refused> {
        let namespace = target.namespace.as_deref().unwrap_or_default();
        let name = target.name.as_deref().unwrap_or_default();
        let written = match write {
            Write::Create(body) => {
                self.cluster.change(|world| world.create(resource, namespace, body, intent))?
            }
            Write::Replace(body) => {
                self.cluster.change(|world| world.replace(resource, namespace, name, body, intent))?
            }
            Write::Patch(change) => {
                self.cluster.change(|world| world.patch(resource, namespace, name, &change, intent))?
            }
            Write::Apply { config, force } => self.cluster.change(|world| {
                world.apply_configuration(resource, namespace, name, config, force, intent)
            })?,
            Write::Delete(options) => {
                let gone = self
                    .cluster
                    .change(|world| world.delete(resource, namespace, name, &options, intent.dry_run))?;
                return Ok(Answer::json(200, &self.in_form_unless_status(&gone, resource, form)));
            }
            Write::DeleteCollection(options) => {
                let query = ListQuery::parse(params, resource)?;
                let scope = target.namespace.as_deref().filter(|_| resource.namespaced);
                let page = self.cluster.change(|world| {
                    let page = page(&world.store, resource, scope, &query)?;
                    for record in &page.items {
                        world.delete(resource, &record.namespace, &record.name, &options, intent.dry_run)?;
                    }
                    Ok(page)
                })?;
                return Ok(Answer::bytes(200, page.render(resource, form, self.cluster.clock.seconds())));
            }
        };
        let code = if written.created { 201 } else { 200 };
        let mut answer =
            Answer::json(code, &in_form(&written.value, resource, form, self.cluster.clock.seconds()));
        for field in &written.unknown {
            answer.warn(&format!("unknown field \"{field}\""));
        }
        Ok(answer)
    }

    fn in_form_unless_status(&self, value: &Value, resource: &Resource, form: Form) -> Value {
        if value["kind"] == "Status" {
            return value.clone();
        }
        in_form(value, resource, form, self.cluster.clock.seconds())
    }
}

/// The response of a watch: chunks as they become available, and an error in mid-stream if it is cut.
fn stream(watching: Watching) -> Response<Body> {
    let chunks = futures::stream::unfold(watching, |mut watching| async move {
        let chunk = watching.next().await?;
        Some((chunk.map(Frame::data), watching))
    });
    let mut response = Response::new(StreamBody::new(chunks).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}
