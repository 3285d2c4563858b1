//! Splits a list document into namespaces while it arrives, so that a tenant's rules are never in memory as a whole,
//! and foreign rules not at all.
//!
//! The servers write block style (Go's yaml.v3): a line that begins in column 0 begins a namespace, and everything
//! below it is indented. In YAML a carriage return also ends a line. A document in another style, such as `{}`, is one
//! piece. Splitting does not interpret the content: each piece is a separate YAML document.

/// Receives the pieces of a [`Splitter`].
pub(crate) trait Pieces {
    /// The error with which a document is rejected.
    type Error;

    /// Receives the first line of a namespace, without its line break. Returns `true` to keep the namespace.
    fn begins(&mut self, line: &[u8]) -> Result<bool, Self::Error>;

    /// Receives a kept namespace, or a whole document that could not be split. May take the buffer.
    fn piece(&mut self, piece: &mut Vec<u8>) -> Result<(), Self::Error>;
}

/// The end of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The document ended with a line break, or is one piece.
    Whole,
    /// The document is empty, without even `{}`.
    Empty,
    /// The document ended in the middle of a line, which no server writes: the rest is missing.
    Truncated,
}

/// Splits a document that arrives in chunks of any size.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    state: State,
    /// The kept bytes of the current piece.
    piece: Vec<u8>,
    mid_line: bool,
    /// Set if the last byte so far is a line feed, as at the end of every document.
    ended: bool,
    /// Set if the last byte so far is a `:` in column 0, whose meaning depends on the next byte.
    colon: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    /// In the line that names a namespace.
    Name,
    Kept,
    Skipped,
    /// Not block style, or indented as a whole.
    Uncut,
}

/// The buffer capacity that is kept from one piece for the next.
const SPARE_BYTES: usize = 64 * 1024;

impl Splitter {
    /// Reads the next bytes.
    pub(crate) fn push<P: Pieces>(&mut self, bytes: &[u8], pieces: &mut P) -> Result<(), P::Error> {
        if self.colon && !bytes.is_empty() {
            self.colon = false;
            return self.lines(&[b":", bytes].concat(), pieces);
        }
        self.lines(bytes, pieces)
    }

    fn lines<P: Pieces>(&mut self, mut rest: &[u8], pieces: &mut P) -> Result<(), P::Error> {
        while let Some(first) = rest.first() {
            if !self.mid_line && self.state != State::Uncut {
                let begins = match first {
                    // An empty line or a comment; a `#` within a scalar is always indented.
                    b'\n' | b'\r' | b'#' => false,
                    b' ' | b'\t' | b'{' | b'[' if self.state == State::Before => {
                        self.state = State::Uncut;
                        false
                    }
                    b' ' | b'\t' => false,
                    // The value of a complex key; a name may begin with a colon too.
                    b':' => match rest.get(1) {
                        Some(next) => !next.is_ascii_whitespace(),
                        None => {
                            self.colon = true;
                            return Ok(());
                        }
                    },
                    _ => true,
                };
                if begins {
                    self.flush(pieces)?;
                    self.state = State::Name;
                }
            }
            let breaks = |b: &u8| matches!(b, b'\n' | b'\r');
            let line = rest.iter().position(breaks).map_or(rest.len(), |newline| newline + 1);
            let (line, after) = rest.split_at(line);
            if !matches!(self.state, State::Before | State::Skipped) {
                self.piece.extend_from_slice(line);
            }
            self.mid_line = !line.last().is_some_and(breaks);
            self.ended = line.last() == Some(&b'\n');
            rest = after;
            if self.state == State::Name && !self.mid_line {
                self.state = self.named(pieces)?;
            }
        }
        Ok(())
    }

    /// Handles the complete line that names a namespace.
    fn named<P: Pieces>(&mut self, pieces: &mut P) -> Result<State, P::Error> {
        let line = self.piece.trim_ascii_end();
        let state = match line {
            b"---" => State::Before,
            _ if pieces.begins(line)? => return Ok(State::Kept),
            _ => State::Skipped,
        };
        self.piece.clear();
        Ok(state)
    }

    fn flush<P: Pieces>(&mut self, pieces: &mut P) -> Result<(), P::Error> {
        if self.state == State::Kept {
            pieces.piece(&mut self.piece)?;
        }
        self.piece.clear();
        self.piece.shrink_to(SPARE_BYTES);
        Ok(())
    }

    /// The number of kept bytes of the incomplete piece.
    pub(crate) fn kept(&self) -> usize {
        self.piece.len()
    }

    /// Returns `true` if the incomplete piece is the beginning of a line that names a namespace.
    pub(crate) fn in_name(&self) -> bool {
        self.state == State::Name
    }

    /// Handles the end of the document.
    pub(crate) fn finish<P: Pieces>(mut self, pieces: &mut P) -> Result<End, P::Error> {
        match self.state {
            State::Before => Ok(End::Empty),
            State::Uncut if self.piece.trim_ascii().is_empty() => Ok(End::Empty),
            State::Uncut => pieces.piece(&mut self.piece).map(|()| End::Whole),
            State::Name => Ok(End::Truncated),
            State::Kept | State::Skipped if !self.ended || self.colon => Ok(End::Truncated),
            State::Kept | State::Skipped => self.flush(pieces).map(|()| End::Whole),
        }
    }
}

#[cfg(test)]
mod tests;
