//! One destination: its status, its plan, and the limit of its ruler.

use rulesync_core::model::DestinationId;
use rulesync_core::plan::Plan;
use rulesync_core::status::{DelayReason, DestinationStatus, ObjectFilter};
use serde::Serialize;

use crate::ask::NoAnswer;
use crate::context::Context;

/// One destination.
#[derive(Debug, Serialize)]
pub(crate) struct DestinationView {
    pub(crate) status: DestinationStatus,
    /// None if the ruler has not been listed yet, or the destination does not answer.
    pub(crate) plan: Option<Plan>,
    /// The limit of the ruler that the tenant has reached, if objects wait because of it.
    pub(crate) limit: Option<Limit>,
}

impl DestinationView {
    /// Asks the engine; none if there is no such destination.
    pub(crate) async fn of(context: &Context, id: &DestinationId) -> Result<Option<Self>, NoAnswer> {
        let tenant = id.tenant.as_ref().map(|tenant| tenant.as_str());
        let is_it = |one: &DestinationStatus| *one.ruler == *id.ruler && one.tenant.as_deref() == tenant;
        let all = context.engine().overview().await?.destinations;
        let Some(status) = all.into_iter().find(is_it) else { return Ok(None) };
        let plan = context.engine().plan(id).await?;
        let limit = exceeded(context, &id.ruler, tenant).await?;
        Ok(Some(Self { status, plan, limit }))
    }
}

/// A limit of the ruler that a tenant has reached.
#[derive(Debug, Serialize)]
pub(crate) struct Limit {
    /// The number of objects that wait because of it.
    pub(crate) objects: usize,
    /// What the ruler says.
    pub(crate) message: Option<String>,
}

/// Returns whether objects wait for room at a destination.
async fn exceeded(context: &Context, ruler: &str, tenant: Option<&str>) -> Result<Option<Limit>, NoAnswer> {
    let filter = ObjectFilter {
        delay: Some(DelayReason::LimitExceeded),
        ruler: Some(ruler.to_owned()),
        tenant: Some(tenant.unwrap_or_default().to_owned()),
        ..ObjectFilter::default()
    };
    let page = context.states().page_at(&filter, 0, 1);
    let Some(first) = page.objects.into_iter().next() else { return Ok(None) };
    let status = context.engine().objects(vec![first.object]).await?;
    let here = status.into_iter().flat_map(|status| status.destinations);
    let here = here.filter(|here| here.ruler == ruler && here.tenant.as_deref() == tenant);
    let message = here.filter_map(|here| here.delay).find_map(|delay| delay.message);
    Ok(Some(Limit { objects: page.total, message }))
}
