//! Fleets: many clusters whose rules are in the same rulers. Whose rules each tenant has, who has claimed them, what looks
//! wrong, and what has to be deleted when a cluster is gone. Pure: others read the rulers and show the result.
//!
//! ```
//! use rulesync_core::fleet::{TenantSurvey, problems};
//! use rulesync_core::model::{DestinationId, QueryLanguage};
//! use rulesync_core::ruler::StoredGroups;
//!
//! let destination = DestinationId { ruler: "mimir".into(), tenant: Some("prod".parse()?) };
//! let survey = TenantSurvey::of(destination, &StoredGroups::default(), &[], QueryLanguage::PromQl);
//! assert!(survey.owners.is_empty() && problems(&[survey], None).is_empty());
//! # Ok::<(), rulesync_core::model::TenantError>(())
//! ```

mod duplicates;
mod owned;
mod problem;
mod survey;
#[cfg(test)]
mod tests;

pub use duplicates::{DuplicateRecording, RuleLocation};
pub use owned::{OwnedDelete, OwnedRules};
pub use problem::{FleetProblem, problems};
pub use survey::{OwnerSurvey, RuleCounts, TenantSurvey};
