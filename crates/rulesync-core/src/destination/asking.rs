//! What a ruler is asked besides its list: how rules evaluate, and what limits the tenant has. One question at a time;
//! nothing waits for the answer.

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::health::LoadedGroups;
use crate::apply::{self, LimitedRuler};
use crate::model::name::RulerNamespace;
use crate::model::tenant::TenantId;
use crate::ruler::{Evaluation, RulerError, TenantLimits};

/// The answer to a question.
pub(super) enum Answer {
    /// How rules evaluated at a time.
    Evaluation(Instant, Result<(Evaluation, LoadedGroups), RulerError>),
    /// The limits of the tenant.
    Limits(Result<Option<TenantLimits>, RulerError>),
}

/// The question that is under way, if there is one.
#[derive(Debug, Default)]
pub(super) struct Asking(JoinSet<Answer>);

impl Asking {
    /// Returns whether no question is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.0.is_empty()
    }

    /// Waits for the answer; none if no question is under way.
    pub(super) async fn answer(&mut self) -> Option<Result<Answer, JoinError>> {
        self.0.join_next().await
    }

    /// Gives the question up.
    pub(super) fn give_up(&mut self) {
        self.0.abort_all();
    }

    /// Asks how the rules of these namespaces evaluate.
    pub(super) fn ask_for_evaluation(
        &mut self,
        ruler: LimitedRuler,
        tenant: Option<TenantId>,
        namespaces: Vec<RulerNamespace>,
    ) {
        let at = Instant::now();
        self.0.spawn(async move {
            let mut answer = LoadedGroups::default();
            let permit = ruler.concurrency.acquire(tenant.as_ref()).await;
            let names: Vec<&str> = namespaces.iter().map(AsRef::as_ref).collect();
            let mut take = |group| answer.take(group);
            let result = ruler.ruler.evaluation(tenant.as_ref(), &names, &mut take).await;
            apply::judge(&permit, result.as_ref().err());
            Answer::Evaluation(at, result.map(|evaluation| (evaluation, answer)))
        });
    }

    /// Asks for the limits of a tenant.
    pub(super) fn ask_for_limits(&mut self, ruler: LimitedRuler, tenant: Option<TenantId>) {
        self.0.spawn(async move {
            // A gateway may fail this request alone, so that its result says nothing about the ruler's load.
            let _permit = ruler.concurrency.acquire(tenant.as_ref()).await;
            Answer::Limits(ruler.ruler.limits(tenant.as_ref()).await)
        });
    }
}
