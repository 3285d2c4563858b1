//! Reads a tenant's groups: the list as it arrives, and apart from it what the list could not be parsed for.

use rulesync_core::{Group, Listing, RulerError, TenantId};

use crate::allowance::Allowance;
use crate::answer::Operation;
use crate::body::BODY_FACTOR;
use crate::client::RulerClient;
use crate::document::{DocumentError, Namespaces, group_names, parse_group, parse_namespaces};
use crate::limits::{Limits, too_long};
use crate::reading::{ListReader, Unparsed};
use crate::request::Request;

/// So much is read in one go; then other tasks have their turn.
const TURN_BYTES: usize = 16 * 1024;

/// A longer document is parsed on a thread of its own.
pub(crate) const LONG_BYTES: usize = 256 * 1024;

impl RulerClient {
    /// Reads a tenant's groups into `listing`, one namespace at a time. Foreign namespaces are not parsed. A namespace
    /// of ours that cannot be parsed is read on its own, and then group by group.
    ///
    /// # Errors
    ///
    /// [`RulerError::Unreadable`] if the document is broken as a whole, ends early, or is longer than
    /// [`max_response_bytes`](crate::ClientConfig::max_response_bytes) allows; else what the answer means.
    pub async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        self.read_all(tenant, listing).await.map_err(|error| self.redactor().error(error))
    }

    async fn read_all(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        let request = Request::new(Operation::List, tenant, self.profile().rules_path.clone());
        let asked = self.ask(&request, &mut Allowance::new(self.timeout())).await?;
        let Some(mut answer) = asked else { return Ok(()) };
        let reading = async {
            let mut reader = ListReader::new(listing, self.limits());
            while let Some(portion) = answer.portion().await? {
                for turn in portion.chunks(TURN_BYTES) {
                    reader.push(turn)?;
                    take_long(&mut reader, self.limits()).await?;
                    tokio::task::yield_now().await;
                }
            }
            reader.end()?;
            take_long(&mut reader, self.limits()).await?;
            Ok(reader.into_unparsed())
        };
        let deadline = self.timeout() * BODY_FACTOR;
        let unparsed = tokio::time::timeout(deadline, reading).await.map_err(|_| {
            RulerError::unavailable(format!("the list was not complete within {}s", deadline.as_secs_f64()))
        })??;
        for namespace in unparsed {
            self.read_apart(tenant, namespace, listing).await?;
        }
        Ok(())
    }

    /// A namespace that the list could not be parsed for: on its own, else group by group.
    async fn read_apart(
        &self,
        tenant: Option<&TenantId>,
        Unparsed { namespace, mut groups }: Unparsed,
        listing: &mut Listing<'_>,
    ) -> Result<(), RulerError> {
        let namespace = namespace.as_str();
        let path = self.path(namespace, None)?;
        match self.read(&Request::new(Operation::GetNamespace, tenant, path)).await? {
            None => return Ok(()),
            Some(document) => {
                let (document, parsed) = apart(document, self.limits(), parse_namespaces).await?;
                match parsed {
                    Ok(namespaces) => {
                        namespaces.values().flatten().for_each(|group| listing.add(namespace, group));
                        return Ok(());
                    }
                    Err(_) => groups.extend(group_names(&document)),
                }
            }
        }
        groups.sort();
        groups.dedup();
        if groups.is_empty() {
            let message =
                format!("the namespace {namespace} cannot be parsed, nor can its groups be told apart");
            return Err(RulerError::Unreadable { message });
        }
        for group in groups {
            let path = self.path(namespace, Some(&group))?;
            let request = Request::new(Operation::GetGroup, tenant, path);
            let Some(document) = self.read(&request).await? else { continue };
            let (_, parsed): (_, Result<Group, _>) = apart(document, self.limits(), parse_group).await?;
            match parsed {
                Ok(parsed) => listing.add(namespace, &parsed),
                Err(error) => {
                    listing.unreadable(namespace, &group, self.redactor().text(error.to_string()));
                }
            }
        }
        Ok(())
    }

    /// The whole document; none if there is nothing.
    async fn read(&self, request: &Request<'_>) -> Result<Option<Vec<u8>>, RulerError> {
        let limit = self.limits().namespace();
        let mut allowance = Allowance::new(self.timeout());
        let Some(mut answer) = self.ask(request, &mut allowance).await? else { return Ok(None) };
        let reading = async {
            let mut document = Vec::new();
            while let Some(portion) = answer.portion().await? {
                document.extend_from_slice(&portion);
                if document.len() as u64 > limit {
                    return Err(too_long("a namespace or group", limit));
                }
            }
            Ok(Some(document))
        };
        allowance.wait(reading).await.ok_or_else(|| self.late())?
    }
}

/// Parses what the reader has put aside because it is long.
async fn take_long(reader: &mut ListReader<'_, '_>, limits: Limits) -> Result<(), RulerError> {
    while let Some(mut long) = reader.next_long() {
        let (text, parsed): (_, Result<Namespaces, _>) =
            apart(std::mem::take(&mut long.text), limits, parse_namespaces).await?;
        long.text = text;
        reader.accept(long, parsed).await?;
    }
    Ok(())
}

/// Parses a document, and gives it back with what it says. A long one takes a thread of its own meanwhile, so that it
/// keeps no other task from its turn.
async fn apart<T: Send + 'static>(
    document: Vec<u8>,
    limits: Limits,
    parse: fn(&[u8], Limits) -> Result<T, DocumentError>,
) -> Result<(Vec<u8>, Result<T, DocumentError>), RulerError> {
    if document.len() <= LONG_BYTES {
        let parsed = parse(&document, limits);
        return Ok((document, parsed));
    }
    let parsing = tokio::task::spawn_blocking(move || {
        let parsed = parse(&document, limits);
        (document, parsed)
    });
    parsing.await.map_err(|error| RulerError::Unreadable { message: format!("parsing failed: {error}") })
}
