//! What rulers have of an object where it differs from what is sent: read from them because somebody looks.

use rulesync_core::Group;
use rulesync_core::explain::{DestinationExplanation, StoredState};
use rulesync_core::model::DestinationId;

use crate::ask::NoAnswer;
use crate::context::Context;

/// The number of destinations that are asked for one page.
const MAX_ASKED: usize = 3;

/// What the ruler of a destination has of an object, or why that is not known.
#[derive(Debug)]
pub(super) struct Stored {
    ruler: String,
    tenant: Option<String>,
    pub(super) groups: Result<Vec<Group>, String>,
}

/// Returns whether a ruler has another version of some group.
pub(super) fn differs(here: &DestinationExplanation) -> bool {
    here.groups.iter().any(|group| group.stored == Some(StoredState::Differs))
}

impl Stored {
    /// Asks the rulers that have other versions, the first few.
    pub(super) async fn read(
        context: &Context,
        destinations: &[DestinationExplanation],
    ) -> Result<Vec<Self>, NoAnswer> {
        let mut all = Vec::new();
        for here in destinations.iter().filter(|here| differs(here)).take(MAX_ASKED) {
            let Ok(tenant) = here.tenant.as_deref().map(str::parse).transpose() else { continue };
            let id = DestinationId { ruler: here.ruler.as_str().into(), tenant };
            let groups = match context.engine().stored(&id, &here.namespace).await? {
                Some(Ok(stored)) => Ok(stored.iter().map(|(_, group)| group).collect()),
                Some(Err(error)) => Err(error.to_string()),
                None => continue,
            };
            all.push(Self { ruler: here.ruler.clone(), tenant: here.tenant.clone(), groups });
        }
        Ok(all)
    }

    /// Returns whether it is what the ruler of this destination has.
    pub(super) fn is_of(&self, here: &DestinationExplanation) -> bool {
        self.ruler == here.ruler && self.tenant == here.tenant
    }
}
