//! Makes a [`Listing`] of the pieces of a list document, one namespace at a time. No I/O.
//!
//! The rule above all: a document that is not understood must never look like one with fewer groups.

use rulesync_core::{Fingerprint, Listing, RulerError};

use crate::document::{Name, group_names, parse_name, parse_namespaces};
use crate::split::{End, Pieces, Splitter};

/// Reads a list as it arrives.
#[derive(Debug)]
pub(crate) struct ListReader<'a, 'l> {
    splitter: Splitter,
    rows: Rows<'a, 'l>,
}

/// A namespace of ours that could not be parsed, with the names of its groups as far as they can be seen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unparsed {
    pub(crate) namespace: String,
    pub(crate) groups: Vec<String>,
}

#[derive(Debug)]
struct Rows<'a, 'l> {
    listing: &'a mut Listing<'l>,
    /// The namespace whose piece is being collected; none if only the piece will tell.
    current: Option<String>,
    unparsed: Vec<Unparsed>,
}

impl<'a, 'l> ListReader<'a, 'l> {
    pub(crate) fn new(listing: &'a mut Listing<'l>) -> Self {
        let rows = Rows { listing, current: None, unparsed: Vec::new() };
        Self { splitter: Splitter::default(), rows }
    }

    /// More of the document.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), RulerError> {
        self.splitter.push(bytes, &mut self.rows)
    }

    /// The end of the document; the namespaces that have to be read in another way.
    pub(crate) fn finish(mut self) -> Result<Vec<Unparsed>, RulerError> {
        match self.splitter.finish(&mut self.rows)? {
            End::Whole => Ok(self.rows.unparsed),
            End::Empty => Err(unreadable("the list is an empty document, where `{}` was to be expected")),
            End::Torn => Err(unreadable("the list ends in the middle of a line")),
        }
    }
}

impl Pieces for Rows<'_, '_> {
    type Error = RulerError;

    fn begins(&mut self, line: &[u8]) -> Result<bool, RulerError> {
        self.current = match parse_name(line) {
            Ok(Name::Here(name)) => Some(name),
            Ok(Name::Below) => None,
            Err(error) => {
                let line = String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned();
                return Err(unreadable(&format!("`{line}` is no namespace with groups: {error}")));
            }
        };
        Ok(self.current.as_ref().is_none_or(|name| self.listing.wants(name)))
    }

    fn piece(&mut self, piece: &[u8]) -> Result<(), RulerError> {
        let Some(namespace) = self.current.take() else { return self.piece_of_many(piece) };
        let document = Fingerprint::of_bytes(piece);
        if self.listing.unchanged(&namespace, document) {
            return Ok(());
        }
        match parse_namespaces(piece) {
            Ok(parsed) if parsed.keys().eq([&namespace]) => {
                parsed.values().flatten().for_each(|group| self.listing.add(&namespace, group));
                self.listing.read_from(&namespace, document);
            }
            _ => self.unparsed.push(Unparsed { namespace, groups: group_names(piece) }),
        }
        Ok(())
    }
}

impl Rows<'_, '_> {
    /// A document that could not be cut, or a namespace whose name is a text of several lines.
    fn piece_of_many(&mut self, piece: &[u8]) -> Result<(), RulerError> {
        let namespaces = match parse_namespaces(piece) {
            Ok(namespaces) => namespaces,
            // No ruler namespace of ours has a line break, see `NameRules`.
            Err(_) if piece.starts_with(b"? ") => return Ok(()),
            Err(error) => return Err(unreadable(&error.to_string())),
        };
        for (namespace, groups) in namespaces {
            if self.listing.wants(&namespace) {
                groups.iter().for_each(|group| self.listing.add(&namespace, group));
            }
        }
        Ok(())
    }
}

fn unreadable(message: &str) -> RulerError {
    RulerError::Unreadable { message: message.to_owned() }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
