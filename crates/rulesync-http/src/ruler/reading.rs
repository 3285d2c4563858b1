//! Builds a [`Listing`] from the pieces of a list document, one namespace at a time. No I/O.
//!
//! A document that is not understood must never be read as one with fewer groups.

use rulesync_core::model::Fingerprint;
use rulesync_core::{Listing, RulerError};

use super::document::{DocumentError, Name, Namespaces, group_names, parse_name, parse_namespaces};
use super::split::{End, Pieces, Splitter};
use crate::connection::{Limits, shortened_bytes, too_long};

/// The size above which a document is parsed on a blocking thread.
pub(super) const LONG_BYTES: usize = 256 * 1024;

/// Reads a list as it arrives.
#[derive(Debug)]
pub(crate) struct ListReader<'a, 'l> {
    splitter: Splitter,
    rows: Rows<'a, 'l>,
}

/// A piece that is set aside because parsing it takes long.
#[derive(Debug)]
pub(crate) struct LongPiece {
    namespace: Option<String>,
    pub(crate) text: Vec<u8>,
}

/// An owned namespace that could not be parsed, with the names of those of its groups that were found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unparsed {
    pub(crate) namespace: String,
    pub(crate) groups: Vec<String>,
}

#[derive(Debug)]
struct Rows<'a, 'l> {
    listing: &'a mut Listing<'l>,
    /// The namespace whose piece is being collected; `None` if its name is known only once the piece is complete.
    current: Option<String>,
    unparsed: Vec<Unparsed>,
    long: Vec<LongPiece>,
    limits: Limits,
}

impl<'a, 'l> ListReader<'a, 'l> {
    pub(crate) fn new(listing: &'a mut Listing<'l>, limits: Limits) -> Self {
        let rows = Rows { listing, current: None, unparsed: Vec::new(), long: Vec::new(), limits };
        Self { splitter: Splitter::default(), rows }
    }

    /// Reads the next bytes of the document. They should be few, since the limits are checked afterwards.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), RulerError> {
        self.splitter.push(bytes, &mut self.rows)?;
        let (kept, limits) = (self.splitter.kept() as u64, self.rows.limits);
        if self.splitter.in_name() && kept > limits.name() {
            return Err(too_long("a line that names a namespace", limits.name()));
        }
        if kept > limits.namespace() {
            let what =
                self.rows.current.as_ref().map_or("a namespace or the document".to_owned(), |name| {
                    format!("the namespace `{name}`")
                });
            return Err(too_long(&what, limits.namespace()));
        }
        Ok(())
    }

    /// Handles the end of the document.
    pub(crate) fn end(&mut self) -> Result<(), RulerError> {
        match std::mem::take(&mut self.splitter).finish(&mut self.rows)? {
            End::Whole => Ok(()),
            End::Empty => Err(unreadable("the list is an empty document, where `{}` was to be expected")),
            End::Truncated => Err(unreadable("the list ends in the middle of a line")),
        }
    }

    /// Takes a piece that the caller must parse and return to [`ListReader::accept`].
    pub(crate) fn next_long(&mut self) -> Option<LongPiece> {
        self.rows.long.pop()
    }

    /// Adds the groups of a long piece. Yields to other tasks between groups.
    pub(crate) async fn accept(
        &mut self,
        LongPiece { namespace, text }: LongPiece,
        parsed: Result<Namespaces, DocumentError>,
    ) -> Result<(), RulerError> {
        let (groups, whole) = self.rows.read(namespace, &text, parsed)?;
        for (namespace, groups) in groups {
            for group in &groups {
                self.rows.listing.add(&namespace, group);
                tokio::task::yield_now().await;
            }
        }
        self.rows.added(whole, &text);
        Ok(())
    }

    /// The namespaces that must be read separately.
    pub(crate) fn into_unparsed(self) -> Vec<Unparsed> {
        self.rows.unparsed
    }
}

impl Pieces for Rows<'_, '_> {
    type Error = RulerError;

    fn begins(&mut self, line: &[u8]) -> Result<bool, RulerError> {
        self.current = match parse_name(line) {
            Ok(Name::Inline(name)) => Some(name),
            Ok(Name::Multiline) => None,
            Err(error) => {
                let line = shortened_bytes(line, 80, false);
                return Err(unreadable(&format!("`{line}` is no namespace with groups: {error}")));
            }
        };
        Ok(self.current.as_ref().is_none_or(|name| self.listing.wants(name)))
    }

    fn piece(&mut self, piece: &mut Vec<u8>) -> Result<(), RulerError> {
        let namespace = self.current.take();
        if let Some(namespace) = &namespace
            && self.listing.unchanged(namespace, Fingerprint::of_bytes(piece))
        {
            return Ok(());
        }
        if piece.len() > LONG_BYTES {
            self.long.push(LongPiece { namespace, text: std::mem::take(piece) });
            return Ok(());
        }
        let (groups, whole) = self.read(namespace, piece, parse_namespaces(piece, self.limits))?;
        for (namespace, groups) in groups {
            groups.iter().for_each(|group| self.listing.add(&namespace, group));
        }
        self.added(whole, piece);
        Ok(())
    }
}

impl Rows<'_, '_> {
    /// Returns the owned groups of a piece, and the namespace if the piece is all of one. `namespace` is `None` for a
    /// document that could not be split and for a namespace with a multi-line name.
    fn read(
        &mut self,
        namespace: Option<String>,
        piece: &[u8],
        parsed: Result<Namespaces, DocumentError>,
    ) -> Result<(Namespaces, Option<String>), RulerError> {
        match (namespace, parsed) {
            (Some(namespace), Ok(parsed)) if parsed.keys().eq([&namespace]) => Ok((parsed, Some(namespace))),
            (Some(namespace), _) => {
                self.unparsed.push(Unparsed { namespace, groups: group_names(piece) });
                Ok((Namespaces::new(), None))
            }
            (None, Ok(mut namespaces)) => {
                namespaces.retain(|namespace, _| self.listing.wants(namespace));
                Ok((namespaces, None))
            }
            // No owned ruler namespace has a line break in its name, see `NameLimits`.
            (None, Err(_)) if piece.starts_with(b"? ") => Ok((Namespaces::new(), None)),
            (None, Err(error)) => Err(unreadable(&error.to_string())),
        }
    }

    /// Records that all groups of a piece have been added.
    fn added(&mut self, whole: Option<String>, piece: &[u8]) {
        if let Some(namespace) = whole {
            self.listing.read_from(&namespace, Fingerprint::of_bytes(piece));
        }
    }
}

fn unreadable(message: &str) -> RulerError {
    RulerError::unreadable(message.to_owned())
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
