//! Positions in the files that are read, also where a configuration is embedded in another file.

/// A position in one of the files that are read together. Lines and columns are counted from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of the file, from 0, in the order in which the files were given.
    pub file: usize,
    /// The line.
    pub line: usize,
    /// The column in characters.
    pub column: usize,
}

/// Where a text stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The text is the whole file with this number.
    Whole(usize),
    /// The text is a block of the file, whose first line is at this position, and whose lines are all indented alike.
    Indented(Position),
    /// The text is written in another form, such as with escapes: everything in it is at one position.
    Somewhere(Position),
}

impl Placement {
    /// Returns the position in the file of a line and a column of the text, both from 1.
    #[must_use]
    pub fn position(self, line: usize, column: usize) -> Position {
        match self {
            Self::Whole(file) => Position { file, line, column },
            Self::Indented(first) => {
                Position { file: first.file, line: first.line + line - 1, column: first.column + column - 1 }
            }
            Self::Somewhere(position) => position,
        }
    }
}
