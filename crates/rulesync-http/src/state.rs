//! What a ruler has loaded, and how it fares: the state API asked for our namespaces only, answers read as they come.
//!
//! It is no second list. What it shows of an expression is rewritten, and follows writes only after a while.

mod query;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use rulesync_core::{EvaluatedGroup, Evaluation, Fingerprint, RulerError, TenantId};

use self::query::{page, queries};
use crate::allowance::Allowance;
use crate::answer::Operation;
use crate::body::BODY_FACTOR;
use crate::client::RulerClient;
use crate::loaded::{LoadedGroup, LoadedReader};
use crate::request::Request;

/// Ten million groups, if the server gives as many in a page as it is asked for.
const MOST_PAGES: usize = 10_000;

/// What is left for all the answers of an evaluation together.
struct Left {
    whole: Duration,
    time: Allowance,
    bytes: u64,
}

impl Left {
    fn late(&self) -> RulerError {
        RulerError::unavailable(format!("the state was not complete within {}s", self.whole.as_secs_f64()))
    }
}

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
        let queries = queries(self.profile().state_filter, &unique);
        // Which query asks for a namespace.
        let mut wanted: HashMap<&str, usize> = HashMap::with_capacity(unique.len());
        for (number, query) in queries.iter().enumerate() {
            wanted.extend(query.namespaces.iter().map(|namespace| (*namespace, number)));
        }
        let whole = self.timeout() * BODY_FACTOR;
        let mut left = Left { whole, time: Allowance::new(whole), bytes: self.limits().response() };
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
            let read = self.pages(tenant, &query.text, &mut left, &mut pass).await;
            match read.map_err(|error| self.redactor().error(error))? {
                Evaluation::Unsupported => return Ok(Evaluation::Unsupported),
                Evaluation::Read if filtered => {}
                Evaluation::Read => break,
            }
        }
        Ok(Evaluation::Read)
    }

    /// The answer to a query, page by page.
    async fn pages(
        &self,
        tenant: Option<&TenantId>,
        query: &str,
        left: &mut Left,
        found: &mut (dyn FnMut(LoadedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        let mut after: Option<String> = None;
        // What the tokens of the pages were.
        let mut pages = HashSet::new();
        loop {
            let request = Request::new(Operation::State, tenant, self.profile().state_path.clone());
            let request = request.query(page(query, after.as_deref()));
            let mut allowance = left.time.part(self.timeout());
            let asked = self.ask(&request, &mut allowance).await;
            left.time.settle(&allowance);
            if left.time.is_spent() {
                return Err(left.late());
            }
            let Some(mut answer) = asked? else { return Ok(Evaluation::Unsupported) };
            let mut reader = LoadedReader::new(self.redactor().sent_so_far(), self.limits());
            answer.left = left.bytes;
            let reading = async {
                while let Some(portion) = answer.portion().await? {
                    reader.push(&portion, found)?;
                    // A long answer must not keep other tasks from their turn.
                    tokio::task::yield_now().await;
                }
                reader.finish()
            };
            let Some(read) = left.time.wait(reading).await else { return Err(left.late()) };
            left.bytes = answer.left;
            after = read?;
            let Some(token) = &after else { return Ok(Evaluation::Read) };
            if !pages.insert(Fingerprint::of_bytes(token.as_bytes())) || pages.len() >= MOST_PAGES {
                let message = "its pages do not come to an end".to_owned();
                return Err(RulerError::Unreadable { message });
            }
        }
    }
}
