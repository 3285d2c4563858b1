//! Which destinations are asked for: the parameters of a URL, for a page and its twin alike.

use rulesync_core::status::DestinationStatus;
use serde::Deserialize;

use super::paging;

/// The parameters as they are sent; empty ones mean nothing.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DestinationQuery {
    pub(crate) ruler: String,
    pub(crate) q: String,
    pub(crate) page: String,
    /// Of the API only.
    pub(crate) limit: String,
    /// Of the API only.
    pub(crate) after: String,
}

impl DestinationQuery {
    /// Returns those that are asked for, by ruler and tenant.
    pub(crate) fn select(&self, mut all: Vec<DestinationStatus>) -> Vec<DestinationStatus> {
        all.retain(|one| self.selects(one));
        all.sort_by(|one, other| (&one.ruler, &one.tenant).cmp(&(&other.ruler, &other.tenant)));
        all
    }

    fn selects(&self, one: &DestinationStatus) -> bool {
        let tenant = one.tenant.as_deref().unwrap_or_default();
        (self.ruler.is_empty() || self.ruler == one.ruler)
            && tenant.to_lowercase().contains(&self.q.to_lowercase())
    }

    /// Returns the number of the page that is asked for, from 1.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write.
    pub(crate) fn page(&self) -> Result<usize, String> {
        paging::page(&self.page, [&self.limit, &self.after])
    }

    /// Returns the number of destinations that are asked for at once.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write.
    pub(crate) fn limit(&self) -> Result<usize, String> {
        paging::limit(&self.limit, &self.page)
    }

    /// Returns the number of destinations that come before those that are asked for.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to write.
    pub(crate) fn after(&self) -> Result<usize, String> {
        match self.after.as_str() {
            "" => Ok(0),
            text => text.parse().map_err(|_| "`after` must be `next` of an answer before".to_owned()),
        }
    }
}
