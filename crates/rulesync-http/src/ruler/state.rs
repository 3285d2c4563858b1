//! The rules that a ruler has loaded, and their health: queries the state API for the owned namespaces only, and reads
//! responses as they arrive.
//!
//! The state API does not replace the list: it shows rewritten expressions, and shows writes only with a delay.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use rulesync_core::model::Fingerprint;
use rulesync_core::ruler::{EvaluatedGroup, Evaluation};
use rulesync_core::{RulerError, TenantId};

use super::client::RulerClient;
use super::loaded::{LoadedGroup, LoadedReader};
use super::operation::Operation;
use super::query::{page, queries};
use crate::connection::{Allowance, BODY_FACTOR};

#[cfg(doc)]
use rulesync_core::RulerErrorKind;

/// The maximum number of pages: ten million groups if the server returns full pages.
const MAX_PAGES: usize = 10_000;

/// The remaining time and bytes for all responses of an evaluation together.
struct Budget {
    whole: Duration,
    time: Allowance,
    bytes: u64,
}

impl Budget {
    fn timed_out(&self) -> RulerError {
        RulerError::unavailable(format!("the state was not complete within {}s", self.whole.as_secs_f64()))
    }
}

impl RulerClient {
    /// Passes the loaded groups of these namespaces, and no others, to `found` as they arrive. Returns
    /// [`Evaluation::Unsupported`] if the server's state API is disabled.
    ///
    /// The error is the meaning of the response: [`RulerErrorKind::Rejected`] if the tenant's rules are not
    /// evaluated at all, [`RulerErrorKind::Unavailable`] also if one of several rulers did not report its rules.
    pub(super) async fn read_evaluation(
        &self,
        tenant: Option<&TenantId>,
        namespaces: &[&str],
        found: &mut (dyn FnMut(EvaluatedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        // A namespace that is listed twice is reported once.
        let unique: BTreeSet<&str> = namespaces.iter().copied().collect();
        let unique: Vec<&str> = unique.into_iter().collect();
        let queries = queries(self.profile().state_filter, &unique);
        // The number of the query for each namespace.
        let mut wanted: HashMap<&str, usize> = HashMap::with_capacity(unique.len());
        for (number, query) in queries.iter().enumerate() {
            wanted.extend(query.namespaces.iter().map(|namespace| (*namespace, number)));
        }
        let whole = self.connection().timeout() * BODY_FACTOR;
        let mut budget =
            Budget { whole, time: Allowance::new(whole), bytes: self.connection().limits().response() };
        for (number, query) in queries.iter().enumerate() {
            // A server that does not know the filter returns everything for each query.
            let mut filtered = true;
            let mut pass = |LoadedGroup { file, name, rules }: LoadedGroup| {
                let asked = wanted.get(file.as_str());
                filtered &= asked == Some(&number);
                if asked.is_some_and(|asked| *asked >= number) {
                    found(EvaluatedGroup { namespace: file, name, rules });
                }
            };
            let read = self.pages(tenant, &query.text, &mut budget, &mut pass).await;
            match read.map_err(|error| self.connection().redactor().error(error))? {
                Evaluation::Unsupported => return Ok(Evaluation::Unsupported),
                Evaluation::Read if filtered => {}
                Evaluation::Read => break,
            }
        }
        Ok(Evaluation::Read)
    }

    /// Reads the response to a query, page by page.
    async fn pages(
        &self,
        tenant: Option<&TenantId>,
        query: &str,
        budget: &mut Budget,
        found: &mut (dyn FnMut(LoadedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        let mut after: Option<String> = None;
        // The fingerprints of the page tokens.
        let mut pages = HashSet::new();
        loop {
            let request = Operation::State.request(tenant, self.profile().state_path.clone());
            let request = request.with_query(page(query, after.as_deref()));
            let mut allowance = budget.time.part(self.connection().timeout());
            let asked = self.ask(Operation::State, &request, &mut allowance).await;
            budget.time.settle(&allowance);
            if budget.time.is_spent() {
                return Err(budget.timed_out());
            }
            let Some(mut answer) = asked? else { return Ok(Evaluation::Unsupported) };
            let mut reader = LoadedReader::of(&answer);
            answer.limit_to(budget.bytes);
            let reading = async {
                while let Some(chunk) = answer.chunk().await? {
                    reader.push(&chunk, found)?;
                    // A long response must not starve other tasks.
                    tokio::task::yield_now().await;
                }
                reader.finish()
            };
            let Some(read) = budget.time.wait(reading).await else { return Err(budget.timed_out()) };
            budget.bytes = answer.left();
            after = read?;
            let Some(token) = &after else { return Ok(Evaluation::Read) };
            if !pages.insert(Fingerprint::of_bytes(token.as_bytes())) || pages.len() >= MAX_PAGES {
                let message = "its pages do not come to an end".to_owned();
                return Err(RulerError::unreadable(message));
            }
        }
    }
}
