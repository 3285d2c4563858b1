//! The names of all tenants: what the admin API of a server lists, which knows no tenant header.

use rulesync_core::RulerError;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::client::RulerClient;
use super::document::{Name, parse_key};
use super::operation::Operation;
use super::profile::TenantList;
use super::split::{End, Pieces, Splitter};
use crate::connection::{Allowance, BODY_FACTOR, too_long};

/// The names of all tenants, as Mimir tells them (docs/contracts/ruler-api.md 1.9). The time is always there; the list is
/// missing if it is empty.
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(rename = "now")]
    _now: IgnoredAny,
    #[serde(default)]
    tenants: Vec<String>,
}

/// The names of the tenants in a list of their rules, which are skipped.
#[derive(Debug, Default)]
struct Tenants(Vec<String>);

impl Pieces for Tenants {
    type Error = RulerError;

    fn begins(&mut self, line: &[u8]) -> Result<bool, RulerError> {
        // A tenant whose last group was just deleted is `NAME: {}`.
        match parse_key::<IgnoredAny>(line) {
            Ok(Name::Inline(name)) => self.0.push(name),
            // No tenant has such a name.
            Ok(Name::Multiline) => return Err(not_a_list("a name has several lines")),
            Err(error) => return Err(not_a_list(&error.to_string())),
        }
        Ok(false)
    }

    fn piece(&mut self, _: &mut Vec<u8>) -> Result<(), RulerError> {
        Err(not_a_list("it does not begin with a name"))
    }
}

fn not_a_list(why: &str) -> RulerError {
    RulerError::unreadable(format!("the rules of all tenants cannot be read: {why}"))
}

impl RulerClient {
    /// Returns the names of all tenants, in order; none if the server is of a kind that has no list of them.
    ///
    /// The error says what was asked. A server that has none of the lists that its kind has is misconfigured, or behind a
    /// gateway that does not pass the admin API on.
    pub(super) async fn read_tenants(&self) -> Result<Option<Vec<String>>, RulerError> {
        let lists = &self.profile().tenant_lists;
        for list in lists {
            let read = match list {
                TenantList::Names(path) => self.read_names(path).await,
                TenantList::Rules(path) => self.read_names_of_rules(path).await,
            };
            let read = read.map_err(|error| {
                let message = format!("`GET {}`: {}", list.path(), error.message());
                self.connection().redactor().error(error.with_message(message))
            })?;
            if let Some(mut tenants) = read {
                tenants.sort_unstable();
                tenants.dedup();
                return Ok(Some(tenants));
            }
        }
        if lists.is_empty() {
            return Ok(None);
        }
        let asked: Vec<String> = lists.iter().map(|list| format!("`GET {}`", list.path())).collect();
        Err(RulerError::misconfigured(format!(
            "{}: not found (404): the address is not that of the server itself, or a gateway does not pass the admin API on",
            asked.join(" and ")
        )))
    }

    /// Returns the names that the server lists; none if it has no such list.
    async fn read_names(&self, path: &str) -> Result<Option<Vec<String>>, RulerError> {
        let request = Operation::TenantNames.request(None, path.to_owned());
        let limit = self.connection().limits().namespace();
        let longer = || too_long("the list of tenants", limit);
        let Some(answer) = self.read(Operation::TenantNames, &request, limit, longer).await? else {
            return Ok(None);
        };
        let Answer { tenants, .. } = serde_json::from_slice(&answer).map_err(|error| {
            RulerError::unreadable(format!("the list of tenants cannot be read: {error}"))
        })?;
        Ok(Some(tenants))
    }

    /// Returns the names of the tenants whose rules the server lists; none if it has no such list. The rules are not kept.
    async fn read_names_of_rules(&self, path: &str) -> Result<Option<Vec<String>>, RulerError> {
        let request = Operation::TenantRules.request(None, path.to_owned());
        let mut allowance = Allowance::new(self.connection().timeout());
        let Some(mut answer) = self.ask(Operation::TenantRules, &request, &mut allowance).await? else {
            return Ok(None);
        };
        let reading = async {
            let (mut splitter, mut tenants) = (Splitter::default(), Tenants::default());
            let limit = self.connection().limits().name();
            while let Some(chunk) = answer.chunk().await? {
                splitter.push(&chunk, &mut tenants)?;
                if splitter.kept() as u64 > limit {
                    return Err(too_long("a line that names a tenant", limit));
                }
                tokio::task::yield_now().await;
            }
            match splitter.finish(&mut tenants)? {
                // The server writes nothing where there is nothing.
                End::Whole | End::Empty => Ok(tenants.0),
                End::Truncated => Err(not_a_list("it ends in the middle of a line")),
            }
        };
        let deadline = self.connection().timeout() * BODY_FACTOR;
        let read = tokio::time::timeout(deadline, reading).await.map_err(|_| {
            RulerError::unavailable(format!("the list was not complete within {}s", deadline.as_secs_f64()))
        })?;
        read.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(document: &str, chunk: usize) -> Result<Vec<String>, RulerError> {
        let (mut splitter, mut tenants) = (Splitter::default(), Tenants::default());
        for bytes in document.as_bytes().chunks(chunk) {
            splitter.push(bytes, &mut tenants)?;
        }
        match splitter.finish(&mut tenants)? {
            End::Truncated => Err(not_a_list("truncated")),
            _ => Ok(tenants.0),
        }
    }

    #[test]
    fn tenants_are_the_keys_of_their_rules() {
        let long = "t".repeat(140);
        // As yaml.v3 writes them.
        let document = format!(
            "prod:\n    us.ns.o:\n        - name: g\n          rules: []\n\"12\":\n    n: []\nempty: {{}}\n'!a':\n    \
             n: []\n? {long}\n: n: []\n"
        );
        for chunk in [1, 7, 4096] {
            assert_eq!(names(&document, chunk).unwrap(), ["prod", "12", "empty", "!a", &long], "{chunk}");
        }
        assert_eq!(names("", 1).unwrap(), [""; 0]);
    }

    #[test]
    fn tenants_are_not_read_from_other_documents() {
        for document in [
            "- a\n- b\n",
            "{a: {}}\n",
            "not a map\n",
            "prod:\n    n: [",
            "<html>\n</html>\n",
            "? |-\n  a\n: b\n",
        ] {
            let error = names(document, 64).unwrap_err();
            assert_eq!(error.kind().as_str(), "unreadable", "{document}");
        }
    }
}
