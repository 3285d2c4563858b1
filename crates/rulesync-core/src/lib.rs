//! The rulesync engine: it keeps alerting and recording rules in rulers identical to what sources declare.
//!
//! A [`Source`] declares [`RuleObject`]s, such as the PrometheusRules of a cluster. Each is checked and routed
//! ([`route`]) to *destinations*: a ruler and a tenant. For each destination the engine plans ([`plan`]) the changes
//! that bring the ruler in line, carries each out by itself through a [`Ruler`], and reports what became of it
//! ([`status`]). Problems of a rule are [`Finding`]s, not errors: one invalid rule never holds up another.
//!
//! This crate has no code for HTTP, Kubernetes or YAML files; sources and rulers for these are crates of their own.
//!
//! # Use the engine
//!
//! An [`Engine`] is built from sources, rulers and routes, and runs until it is stopped. `examples/embed.rs` is a
//! complete program.
//!
//! ```
//! # use rulesync_core::{Engine, Route, Ruler, Source};
//! # async fn example(my_source: impl Source, my_ruler: impl Ruler) -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::builder("platform-team".parse()?)
//!     .source("rules", my_source)
//!     .ruler("mimir", my_ruler)
//!     .route(Route::all("everything", "mimir", Some("prod".parse()?)))
//!     .build()?;
//! let summary = engine.sync_once(std::future::pending()).await?;
//! assert!(summary.succeeded());
//! # Ok(()) }
//! ```
//!
//! # Write a ruler
//!
//! A ruler needs three methods: list what a tenant has, write a group, delete a group. The rest has defaults, and
//! [`Capabilities`] describe how it differs from them: its query language, the fields that it
//! stores, the names that it accepts.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use async_trait::async_trait;
//! use rulesync_core::{EncodedGroup, Group, Listing, Ruler, RulerError, TenantId};
//! use tokio::sync::Mutex;
//!
//! /// Rules in memory, for one tenant: groups by namespace and name.
//! #[derive(Debug, Default)]
//! struct InMemory(Mutex<BTreeMap<(String, String), Group>>);
//!
//! #[async_trait]
//! impl Ruler for InMemory {
//!     async fn list(&self, _: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
//!         for ((namespace, _), group) in self.0.lock().await.iter() {
//!             listing.add(namespace, group);
//!         }
//!         Ok(())
//!     }
//!
//!     async fn write_group(
//!         &self,
//!         _: Option<&TenantId>,
//!         namespace: &str,
//!         group: &EncodedGroup<'_>,
//!     ) -> Result<(), RulerError> {
//!         let group = group.decode()?;
//!         self.0.lock().await.insert((namespace.to_owned(), group.name.clone()), group);
//!         Ok(())
//!     }
//!
//!     async fn delete_group(
//!         &self,
//!         _: Option<&TenantId>,
//!         namespace: &str,
//!         group: &str,
//!     ) -> Result<(), RulerError> {
//!         self.0.lock().await.remove(&(namespace.to_owned(), group.to_owned()));
//!         Ok(())
//!     }
//! }
//! ```
//!
//! Three rules matter: an answer that cannot be read completely is an error, never an empty list; a group that is
//! refused for good is [`RulerErrorKind::Rejected`], and anything that may work later is not; writing an existing group and
//! deleting a missing one succeed. The suite in `rulesync-conformance` checks these and more;
//! `examples/custom_ruler.rs` passes it. A server with the ruler API of Mimir, Cortex or Loki needs no code: describe it
//! to `rulesync-http`.
//!
//! # Write a source
//!
//! A source sends what exists, then that its snapshot is complete, then each change: see [`Source`].
//! `examples/custom_source.rs` is a complete one, and passes the suite.
//!
//! # Where to change what
//!
//! | to change | look into |
//! |---|---|
//! | rules, durations, tenants, capabilities of rulers | `model/` |
//! | which objects go where, who may request a tenant | `route/`, `intake/matching.rs`, `intake/tenancy.rs` |
//! | what is refused before it is offered | `intake/convert.rs`, `intake/text.rs`, `intake/check.rs` |
//! | labels and matchers that a route adds | `intake/transform.rs` |
//! | what is found without a ruler | `check.rs` |
//! | why an object is where it is | `explain/`, `route/requirement.rs`, `intake/explain.rs`, `destination/state/explain.rs` |
//! | which namespaces are owned, and their names | `naming/` |
//! | two installations with one owner | `claim.rs` |
//! | whose rules the tenants of a fleet have, and the delete of an owner's | `fleet/` |
//! | which changes are made, and what is shown of them | `plan.rs`, `plan/` |
//! | runs that end by themselves, and reviews | `engine/one_shot.rs`, `engine/run/plans.rs` |
//! | whether a delete is safe | `destination/delete_safety.rs`, `guard.rs`, `vanishing.rs` |
//! | the requests themselves | `apply.rs`, `concurrency.rs` |
//! | one writer among several processes | `leadership.rs` |
//! | what is known of each object, in brief | `object_change.rs`, `object_states.rs`, `destination/state/objects.rs` |
//! | the texts that findings point into | `object_text.rs` |
//! | retries, outages, resyncs | `destination/` |
//! | starting, stopping, reloading | `engine/` |

mod apply;
pub mod check;
mod claim;
mod clock;
mod concurrency;
mod described_ruler;
mod desired;
mod destination;
pub mod engine;
mod environment;
pub mod explain;
pub mod finding;
pub mod fleet;
mod guard;
mod handover;
mod intake;
mod inventory;
mod leadership;
mod locations;
mod log_reporter;
mod metrics;
pub mod model;
pub mod naming;
mod object_change;
mod object_index;
mod object_states;
mod object_text;
mod observed;
mod outcome;
mod overlay;
pub mod plan;
mod policy;
mod problem_collector;
pub mod route;
pub mod ruler;
mod series;
pub mod source;
pub mod status;
mod stored_groups;
pub mod testing;
mod vanishing;

pub use engine::Engine;
pub use finding::Finding;
pub use model::{Capabilities, EncodedGroup, Group, ObjectId, Rule, RuleObject, TenantId};
pub use naming::Owner;
pub use route::Route;
pub use ruler::{Listing, Ruler, RulerError, RulerErrorKind};
pub use source::{Scope, Sink, Source, SourceEvent};
