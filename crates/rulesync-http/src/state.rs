//! What a ruler has loaded, and how it fares: the state API asked for our namespaces only, answers read as they come.
//!
//! It is no second list. What it shows of an expression is rewritten, and follows writes only after a while.

mod query;

use std::collections::{BTreeSet, HashMap};

use rulesync_core::{EvaluatedGroup, Evaluation, RulerError, TenantId};

use self::query::{page, queries};
use crate::answer::Operation;
use crate::body::BODY_FACTOR;
use crate::client::{RulerClient, unavailable};
use crate::loaded::{LoadedGroup, LoadedReader};
use crate::request::Request;

impl RulerClient {
    /// Passes what the server has loaded of these namespaces to `found`, group by group as they arrive; nothing else
    /// is. A server whose state API is off cannot tell.
    ///
    /// # Errors
    ///
    /// What the answer means, as [`RulerError`]: [`RulerError::Rejected`] if the tenant's rules are not evaluated at
    /// all, [`RulerError::Unavailable`] also if one of several rulers did not tell its part.
    pub async fn evaluation(
        &self,
        tenant: Option<&TenantId>,
        namespaces: &[&str],
        found: &mut (dyn FnMut(EvaluatedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        // Whoever asks twice for one gets it once.
        let unique: BTreeSet<&str> = namespaces.iter().copied().collect();
        let unique: Vec<&str> = unique.into_iter().collect();
        let queries = queries(self.flavour().state_filter, &unique);
        // Which query asks for a namespace.
        let mut wanted: HashMap<&str, usize> = HashMap::with_capacity(unique.len());
        for (number, query) in queries.iter().enumerate() {
            wanted.extend(query.namespaces.iter().map(|namespace| (*namespace, number)));
        }
        let reading = async {
            for (number, query) in queries.iter().enumerate() {
                // A server that does not know the filter tells everything at once, and then again.
                let mut filtered = true;
                let mut pass = |LoadedGroup { file, name, rules }: LoadedGroup| {
                    let asked = wanted.get(file.as_str());
                    filtered &= asked == Some(&number);
                    if asked.is_some_and(|asked| *asked >= number) {
                        found(EvaluatedGroup { namespace: file, name, rules });
                    }
                };
                match self.pages(tenant, &query.text, &mut pass).await? {
                    Evaluation::Unsupported => return Ok(Evaluation::Unsupported),
                    Evaluation::Read if filtered => {}
                    Evaluation::Read => break,
                }
            }
            Ok(Evaluation::Read)
        };
        let deadline = self.timeout() * BODY_FACTOR;
        let late = |_| unavailable(format!("the state was not complete within {}s", deadline.as_secs_f64()));
        let read = tokio::time::timeout(deadline, reading).await.map_err(late).and_then(|read| read);
        read.map_err(|error| self.redactor().error(error))
    }

    /// The answer to a query, page by page.
    async fn pages(
        &self,
        tenant: Option<&TenantId>,
        query: &str,
        found: &mut (dyn FnMut(LoadedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        let mut after: Option<String> = None;
        loop {
            let request = Request::new(Operation::State, tenant, self.flavour().state_path.clone());
            let request = request.query(page(query, after.as_deref()));
            let Some(mut answer) = self.in_time(self.ask(&request)).await? else {
                return Ok(Evaluation::Unsupported);
            };
            let mut reader = LoadedReader::new(self.redactor().sent_so_far(), self.limits());
            while let Some(portion) = answer.portion().await? {
                reader.push(&portion, found)?;
                // A long answer must not keep other tasks from their turn.
                tokio::task::yield_now().await;
            }
            let next = reader.finish()?;
            if next.is_none() {
                return Ok(Evaluation::Read);
            }
            if next == after {
                let message = "its pages do not come to an end".to_owned();
                return Err(RulerError::Unreadable { message });
            }
            after = next;
        }
    }
}
