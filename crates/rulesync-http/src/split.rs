//! Cuts a list document into namespaces while it arrives, so that a tenant's rules never stand in memory as a whole,
//! and those of others not at all.
//!
//! The servers write block style (Go's yaml.v3): a line that begins in column 0 begins a namespace, and everything
//! below it is indented. To YAML a carriage return ends a line too. A document that is written otherwise, such as `{}`,
//! is one piece. Cutting decides nothing about content: each piece is a YAML document of its own.

/// Takes what a [`Splitter`] cuts.
pub(crate) trait Pieces {
    /// Why a document is given up.
    type Error;

    /// The line a namespace begins with, without its line break; whether the namespace is to be kept.
    fn begins(&mut self, line: &[u8]) -> Result<bool, Self::Error>;

    /// A namespace that was to be kept, or a whole document that could not be cut. It may be taken away.
    fn piece(&mut self, piece: &mut Vec<u8>) -> Result<(), Self::Error>;
}

/// How a document ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With a line break, or as one whole piece.
    Whole,
    /// Before it began: not even `{}`.
    Empty,
    /// In the middle of a line, which no server writes: something is missing.
    Torn,
}

/// Takes bytes in any portions, gives pieces.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    state: State,
    /// What is kept of the current piece.
    piece: Vec<u8>,
    mid_line: bool,
    /// The last byte so far is a line feed, as at the end of every document.
    ended: bool,
    /// A `:` in column 0 was the last byte so far; what follows it decides.
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

/// Room that is kept from one piece for the next.
const SPARE_BYTES: usize = 64 * 1024;

impl Splitter {
    /// More bytes.
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
                    // An empty line, or a comment; one of a text always has its indentation before it.
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

    /// The line that names a namespace is complete.
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

    /// How much is kept of what has not become a piece yet.
    pub(crate) fn kept(&self) -> usize {
        self.piece.len()
    }

    /// Whether that is the beginning of a line that names a namespace.
    pub(crate) fn in_name(&self) -> bool {
        self.state == State::Name
    }

    /// The end of the bytes.
    pub(crate) fn finish<P: Pieces>(mut self, pieces: &mut P) -> Result<End, P::Error> {
        match self.state {
            State::Before => Ok(End::Empty),
            State::Uncut if self.piece.trim_ascii().is_empty() => Ok(End::Empty),
            State::Uncut => pieces.piece(&mut self.piece).map(|()| End::Whole),
            State::Name => Ok(End::Torn),
            State::Kept | State::Skipped if !self.ended || self.colon => Ok(End::Torn),
            State::Kept | State::Skipped => self.flush(pieces).map(|()| End::Whole),
        }
    }
}

#[cfg(test)]
mod tests;
