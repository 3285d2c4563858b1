//! What a ruler has of a namespace, for somebody who looks at it: the engine keeps digests alone.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Run;
use crate::apply::{self, LimitedRuler};
use crate::engine::handle::StoredAnswer;
use crate::model::name::RulerNamespace;
use crate::model::tenant::{DestinationId, TenantId};
use crate::naming::NamespaceClass;
use crate::observed::{Listing, Observed};
use crate::ruler::RulerError;
use crate::stored_groups::StoredGroups;

impl Run {
    /// Has a ruler asked what it has of a namespace: a request like any other, which waits for its turn.
    pub(super) fn stored(
        &mut self,
        destination: &DestinationId,
        namespace: RulerNamespace,
        mut answer: oneshot::Sender<StoredAnswer>,
    ) {
        let Some(running) = self.running(destination) else { return drop(answer.send(None)) };
        let ruler = LimitedRuler {
            ruler: Arc::clone(&running.ruler.ruler),
            concurrency: running.concurrency.clone(),
        };
        let tenant = destination.tenant.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                // Whoever asked has gone.
                () = answer.closed() => {}
                stored = read_namespace(&ruler, tenant.as_ref(), &namespace) => drop(answer.send(Some(stored))),
            }
        });
    }
}

/// Reads what a ruler has of one namespace.
async fn read_namespace(
    ruler: &LimitedRuler,
    tenant: Option<&TenantId>,
    namespace: &str,
) -> Result<StoredGroups, RulerError> {
    let nothing = Observed::default();
    let classify =
        |other: &str| if other == namespace { NamespaceClass::Managed } else { NamespaceClass::Foreign };
    let mut listing = Listing::new(ruler.ruler.capabilities().fields, &classify, &nothing).storing();
    let permit = ruler.concurrency.acquire(tenant).await;
    let result = ruler.ruler.list(tenant, &mut listing).await;
    apply::judge(&permit, result.as_ref().err());
    result.map(|()| listing.into_stored())
}
