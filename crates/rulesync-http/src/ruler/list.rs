//! Reads a tenant's groups: the list as it arrives, then separately the namespaces that could not be parsed.

use rulesync_core::{Group, Listing, RulerError, TenantId};

use super::client::RulerClient;
use super::document::{DocumentError, Namespaces, group_names, parse_group, parse_namespaces};
use super::operation::Operation;
use super::reading::{LONG_BYTES, ListReader, Unparsed};
use crate::connection::{Allowance, BODY_FACTOR, Limits, Request, SendError, too_long};

#[cfg(doc)]
use rulesync_core::RulerErrorKind;

/// The number of bytes that are processed before yielding to other tasks.
const YIELD_BYTES: usize = 16 * 1024;

impl RulerClient {
    /// Reads a tenant's groups into `listing`, one namespace at a time. Foreign namespaces are not parsed. An owned
    /// namespace that cannot be parsed is requested separately, and if that fails group by group.
    ///
    /// The error is [`RulerErrorKind::Unreadable`] if the document as a whole is invalid, truncated, or longer than
    /// [`max_response_bytes`](crate::ClientConfig::max_response_bytes) allows; else the meaning of the response.
    pub(super) async fn read_list(
        &self,
        tenant: Option<&TenantId>,
        listing: &mut Listing<'_>,
    ) -> Result<(), RulerError> {
        let read = self.read_all(tenant, listing).await;
        read.map_err(|error| self.connection().redactor().error(error))
    }

    async fn read_all(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        let request = Operation::List.request(tenant, self.profile().rules_path.clone());
        let asked =
            self.ask(Operation::List, &request, &mut Allowance::new(self.connection().timeout())).await?;
        let Some(mut answer) = asked else { return Ok(()) };
        let reading = async {
            let mut reader = ListReader::new(listing, self.connection().limits());
            while let Some(chunk) = answer.chunk().await? {
                for bytes in chunk.chunks(YIELD_BYTES) {
                    reader.push(bytes)?;
                    parse_long_pieces(&mut reader, self.connection().limits()).await?;
                    tokio::task::yield_now().await;
                }
            }
            reader.end()?;
            parse_long_pieces(&mut reader, self.connection().limits()).await?;
            Ok::<_, RulerError>(reader.into_unparsed())
        };
        let deadline = self.connection().timeout() * BODY_FACTOR;
        let unparsed = tokio::time::timeout(deadline, reading).await.map_err(|_| {
            RulerError::unavailable(format!("the list was not complete within {}s", deadline.as_secs_f64()))
        })??;
        for namespace in unparsed {
            self.read_separately(tenant, namespace, listing).await?;
        }
        Ok(())
    }

    /// Reads a namespace that could not be parsed in the list: with a separate request, else group by group.
    async fn read_separately(
        &self,
        tenant: Option<&TenantId>,
        Unparsed { namespace, mut groups }: Unparsed,
        listing: &mut Listing<'_>,
    ) -> Result<(), RulerError> {
        let namespace = namespace.as_str();
        let path = self.path(namespace, None)?;
        let request = Operation::GetNamespace.request(tenant, path);
        let limit = self.connection().limits().namespace();
        let longer = || too_long(&format!("the namespace `{namespace}`"), limit);
        match self.read(Operation::GetNamespace, &request, limit, longer).await? {
            None => return Ok(()),
            Some(document) => {
                let (document, parsed) =
                    parse_document(document, self.connection().limits(), parse_namespaces).await?;
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
                format!("the namespace {namespace} cannot be parsed, and no group names were found in it");
            return Err(RulerError::unreadable(message));
        }
        for group in groups {
            let path = self.path(namespace, Some(&group))?;
            let request = Operation::GetGroup.request(tenant, path);
            let longer = || too_long(&format!("the group `{group}` of the namespace `{namespace}`"), limit);
            let read = self.read(Operation::GetGroup, &request, limit, longer).await?;
            let Some(document) = read else { continue };
            let (_, parsed): (_, Result<Group, _>) =
                parse_document(document, self.connection().limits(), parse_group).await?;
            match parsed {
                Ok(parsed) => listing.add(namespace, &parsed),
                Err(error) => {
                    listing.unreadable(
                        namespace,
                        &group,
                        self.connection().redactor().text(error.to_string()),
                    );
                }
            }
        }
        Ok(())
    }

    /// Reads a whole document; `None` if it does not exist. One of more than `limit` bytes is the error `longer`.
    pub(super) async fn read(
        &self,
        operation: Operation,
        request: &Request<'_>,
        limit: u64,
        longer: impl FnOnce() -> RulerError,
    ) -> Result<Option<Vec<u8>>, RulerError> {
        let mut allowance = Allowance::new(self.connection().timeout());
        let Some(mut answer) = self.ask(operation, request, &mut allowance).await? else { return Ok(None) };
        let reading = async {
            let mut document = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                document.extend_from_slice(&chunk);
                if document.len() as u64 > limit {
                    return Err(longer());
                }
            }
            Ok(Some(document))
        };
        allowance.wait(reading).await.ok_or(SendError::TimedOut(self.connection().timeout()))?
    }
}

/// Parses the long pieces that the reader has set aside.
async fn parse_long_pieces(reader: &mut ListReader<'_, '_>, limits: Limits) -> Result<(), RulerError> {
    while let Some(mut long) = reader.next_long() {
        let (text, parsed): (_, Result<Namespaces, _>) =
            parse_document(std::mem::take(&mut long.text), limits, parse_namespaces).await?;
        long.text = text;
        reader.accept(long, parsed).await?;
    }
    Ok(())
}

/// Parses a document, and returns it with the result. A long document is parsed on a blocking thread, so that it does
/// not starve other tasks.
async fn parse_document<T: Send + 'static>(
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
    parsing.await.map_err(|error| RulerError::unreadable(format!("parsing failed: {error}")))
}
