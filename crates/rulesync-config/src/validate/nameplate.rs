//! The engine's own checks of a route, before there are sources and rulers: these are asked for nothing but their names.

use std::sync::Arc;

use async_trait::async_trait;
use rulesync_core::{
    Group, Listing, NamedRuler, NamedSource, NamespacePolicy, Owner, Policy, Route, Ruler, RulerError, Setup,
    Sink, Source, TenantId,
};
use tokio_util::sync::CancellationToken;

/// Stands for a source and a ruler that are not made yet.
#[derive(Debug)]
struct Nameplate;

#[async_trait]
impl Source for Nameplate {
    async fn run(&self, _: Sink, _: CancellationToken) {}

    fn delivers_namespaces(&self) -> bool {
        true
    }
}

#[async_trait]
impl Ruler for Nameplate {
    async fn list(&self, _: Option<&TenantId>, _: &mut Listing<'_>) -> Result<(), RulerError> {
        Err(unavailable())
    }
    async fn put_group(&self, _: Option<&TenantId>, _: &str, _: &Group) -> Result<(), RulerError> {
        Err(unavailable())
    }
    async fn delete_group(&self, _: Option<&TenantId>, _: &str, _: &str) -> Result<(), RulerError> {
        Err(unavailable())
    }
}

fn unavailable() -> RulerError {
    RulerError::unavailable("the ruler is not made yet")
}

/// Returns what the engine would refuse a route for, apart from what depends on other parts of the configuration.
pub(super) fn refusal(route: Route) -> Option<String> {
    let owner: Owner = "owner".parse().ok()?;
    let setup = Setup {
        namespace_policy: NamespacePolicy::of(owner),
        sources: vec![NamedSource { name: "source".into(), source: Arc::new(Nameplate) }],
        rulers: vec![NamedRuler::new(&route.ruler, Arc::new(Nameplate))],
        routes: vec![route],
        policy: Policy::default(),
    };
    setup.validate().err().map(|error| error.to_string())
}
