//! The positions of an object's parts in its files, so that a finding can be located there, even one that a ruler makes
//! long after the file was read. The memory for a rule is about as long as its names.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::finding::{Location, Position};

/// The positions of an object's groups, rules and fields in files. Empty for objects that come from none.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Positions {
    /// Marks, compressed with LZ4.
    packed: Arc<[u8]>,
}

/// A position in a field's text, and the matching position in the file. From there the text continues in the file
/// unchanged, to the end of its line or to the next segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// The position in the text, with its column in bytes.
    pub text: Position,
    /// The position in the file, with its column in characters.
    pub file: Position,
}

/// Records positions in the order of the text.
#[derive(Debug, Default)]
pub struct PositionsBuilder {
    marks: Vec<u8>,
    line: usize,
}

const FILE: u8 = 0;
const GROUP: u8 = 1;
const RULE: u8 = 2;
const FIELD: u8 = 3;

impl PositionsBuilder {
    /// Starts a file, with the document that begins at this position.
    pub fn file(&mut self, file: &str, at: Position) {
        self.line = 0;
        self.mark(FILE, Some(file), at);
    }

    /// Starts the object's next group.
    pub fn group(&mut self, name: &str, at: Position) {
        self.mark(GROUP, Some(name), at);
    }

    /// Starts the group's next rule.
    pub fn rule(&mut self, at: Position) {
        self.mark(RULE, None, at);
    }

    /// Adds a field of the rule or the group, such as `labels.severity`. Its text begins at `at` and continues
    /// unchanged unless `segments` differ; with `None`, positions in it are unknown.
    pub fn field(&mut self, name: &str, at: Position, segments: Option<&[Segment]>) {
        self.mark(FIELD, Some(name), at);
        self.number(segments.map_or(0, |segments| segments.len() + 1));
        let (mut text, mut line) = (1, at.line);
        for segment in segments.unwrap_or_default() {
            self.number(segment.text.line.saturating_sub(text));
            self.number(segment.text.column);
            self.number(segment.file.line.saturating_sub(line));
            self.number(segment.file.column);
            (text, line) = (segment.text.line, segment.file.line);
        }
    }

    /// Returns the recorded positions.
    pub fn build(self) -> Positions {
        match self.marks.is_empty() {
            true => Positions::default(),
            false => Positions { packed: lz4_flex::compress_prepend_size(&self.marks).into() },
        }
    }

    fn mark(&mut self, kind: u8, name: Option<&str>, at: Position) {
        self.marks.push(kind);
        if let Some(name) = name {
            self.number(name.len());
            self.marks.extend(name.as_bytes());
        }
        // A merged mapping may come earlier in the file.
        self.number(usize::from(at.line < self.line) | at.line.abs_diff(self.line) << 1);
        self.number(at.column);
        self.line = at.line;
    }

    /// Writes a number with seven bits per byte, the lowest first.
    fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.marks.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.marks.push(number as u8);
    }
}

impl Positions {
    /// Returns whether no position is known.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// Joins the positions of several objects to those of one with all their groups.
    pub fn concat<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let marks = all.into_iter().flat_map(Self::marks).collect();
        PositionsBuilder { marks, line: 0 }.build()
    }

    /// Creates the positions of groups that come from no file: their names, by which they are numbered.
    pub(crate) fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut builder = PositionsBuilder::default();
        names.into_iter().for_each(|name| builder.group(name, Position { line: 0, column: 0 }));
        builder.build()
    }

    /// Adds the file and the position in it to a location in an object, as far as they are known. An object that comes from
    /// no file has the path from below `root` instead, which is `spec.` for Kubernetes resources.
    pub fn locate(&self, location: &mut Location, root: &str) {
        self.map().locate(location, root);
    }

    fn marks(&self) -> Vec<u8> {
        lz4_flex::decompress_size_prepended(&self.packed).unwrap_or_default()
    }

    /// Reads the marks, to find positions among them.
    pub(crate) fn map(&self) -> PositionMap {
        PositionMap::of(lz4_flex::decompress_size_prepended(&self.packed).unwrap_or_default())
    }
}

/// The positions of an object, read once for any number of lookups.
#[derive(Debug, Default)]
pub(crate) struct PositionMap {
    marks: Vec<u8>,
    /// The first file, and the position where the object begins in it.
    first: Option<(Arc<str>, Position)>,
    groups: Vec<MarkedGroup>,
    /// The first group of each name.
    by_name: HashMap<Box<str>, usize>,
}

#[derive(Debug)]
struct MarkedGroup {
    file: Option<Arc<str>>,
    at: Position,
    /// The beginning of the marks of its rules and fields, and the line of the mark before them.
    marks: (usize, usize),
}

impl PositionMap {
    fn of(marks: Vec<u8>) -> Self {
        let mut map = Self::default();
        let mut file: Option<Arc<str>> = None;
        let mut reader = Marks { rest: &marks, line: 0 };
        while let Some(mark) = reader.next() {
            match mark {
                Mark::File { name, at } => {
                    let name = Arc::from(name);
                    if map.first.is_none() && at.line > 0 {
                        map.first = Some((Arc::clone(&name), at));
                    }
                    file = Some(name);
                }
                Mark::Group { name, at } => {
                    map.by_name.entry(name.into()).or_insert(map.groups.len());
                    let marks = (marks.len() - reader.rest.len(), reader.line);
                    map.groups.push(MarkedGroup { file: file.clone(), at, marks });
                }
                Mark::Rule { .. } | Mark::Field { .. } => {}
            }
        }
        Self { marks, ..map }
    }

    /// Adds the position in its file to a location in an object, or else the path from below `root`.
    pub(crate) fn locate(&self, location: &mut Location, root: &str) {
        if is_located(location) {
            return;
        }
        let number =
            location.group_index.or_else(|| location.group.as_deref().and_then(|group| self.number(group)));
        let group = number.and_then(|number| self.groups.get(number));
        let in_group = group.and_then(|group| Some((group.file.clone()?, self.within(group, location)?)));
        if let Some((file, at)) = in_group.or_else(|| self.first.clone()) {
            location.file = Some(file.to_string());
            location.in_field = location.position.replace(at);
        } else if let Some(group) = number.or(self.marks.is_empty().then_some(0))
            && location.group.is_some()
        {
            let rule = location.rule.map(|rule| format!(".rules[{rule}]")).unwrap_or_default();
            let field = location.field.as_ref().map(|field| format!(".{field}")).unwrap_or_default();
            location.path = Some(format!("{root}groups[{group}]{rule}{field}"));
        }
    }

    /// Returns the number of the group that a ruler has under this name: the first that is declared by it, or that it
    /// is a part of ([`crate::intake::split`]).
    fn number(&self, name: &str) -> Option<usize> {
        let parts = (1..4).filter_map(|digits| {
            let (whole, number) = name.split_at_checked(name.len().checked_sub(digits)?)?;
            number.parse::<u32>().is_ok().then_some(whole)
        });
        let parts = parts.flat_map(|whole| [Some(whole), whole.strip_suffix('-')]).flatten();
        parts.chain([name]).filter_map(|name| self.by_name.get(name)).min().copied()
    }

    /// Returns the closest position of a location in its group; none where there are no lines.
    fn within(&self, group: &MarkedGroup, location: &Location) -> Option<Position> {
        let (start, line) = group.marks;
        let marks = Marks { rest: self.marks.get(start..).unwrap_or_default(), line };
        let (mut rule, mut depth, mut found) = (None::<usize>, 0, group.at);
        for mark in marks {
            let (closer, at) = match mark {
                Mark::File { .. } | Mark::Group { .. } => break,
                Mark::Rule { at } => {
                    rule = Some(rule.map_or(0, |rule| rule + 1));
                    (usize::from(rule == location.rule), at)
                }
                Mark::Field { name, at, text } if rule == location.rule => {
                    match location.field.as_deref().unwrap_or_default().strip_prefix(name) {
                        Some("") => {
                            (3, location.position.and_then(|inside| text.position(at, inside)).unwrap_or(at))
                        }
                        Some(rest) if rest.starts_with(['.', '[']) => (2, at),
                        _ => (0, at),
                    }
                }
                Mark::Field { at, .. } => (0, at),
            };
            if closer > depth {
                (depth, found) = (closer, at);
            }
        }
        (found.line > 0).then_some(found)
    }
}

/// Returns whether a location is as precise as it can be.
pub(crate) fn is_located(location: &Location) -> bool {
    location.file.is_some() || location.path.is_some()
}

enum Mark<'a> {
    File { name: &'a str, at: Position },
    Group { name: &'a str, at: Position },
    Rule { at: Position },
    Field { name: &'a str, at: Position, text: Inside<'a> },
}

/// The segments of a field.
struct Inside<'a> {
    count: usize,
    segments: Marks<'a>,
}

impl Inside<'_> {
    /// Returns the position in the file of a position in the text; none if it is unknown.
    fn position(mut self, at: Position, inside: Position) -> Option<Position> {
        let same_line = |segment: Segment| Position {
            line: segment.file.line,
            column: segment.file.column + (inside.column - segment.text.column),
        };
        let start = Position { line: 1, column: 1 };
        let mut segment = Segment { text: start, file: at };
        let mut best = (self.count == 1).then_some(segment);
        for _ in 1..self.count {
            let line = segment.text.line + self.segments.number()?;
            let text = Position { line, column: self.segments.number()? };
            let line = segment.file.line + self.segments.number()?;
            segment = Segment { text, file: Position { line, column: self.segments.number()? } };
            if segment.text <= inside {
                best = Some(segment);
            }
        }
        best.filter(|segment| segment.text.line == inside.line).map(same_line)
    }
}

/// Reads the output of [`PositionsBuilder`].
struct Marks<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Marks<'a> {
    fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Some(number)
    }

    fn name(&mut self) -> Option<&'a str> {
        let length = self.number()?;
        let (name, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(name).ok()
    }

    fn at(&mut self) -> Option<Position> {
        let delta = self.number()?;
        let by = delta >> 1;
        self.line = if delta & 1 == 1 { self.line.saturating_sub(by) } else { self.line + by };
        Some(Position { line: self.line, column: self.number()? })
    }
}

impl<'a> Iterator for Marks<'a> {
    type Item = Mark<'a>;

    fn next(&mut self) -> Option<Mark<'a>> {
        let (kind, rest) = self.rest.split_first()?;
        self.rest = rest;
        match *kind {
            FILE => {
                self.line = 0;
                Some(Mark::File { name: self.name()?, at: self.at()? })
            }
            GROUP => Some(Mark::Group { name: self.name()?, at: self.at()? }),
            RULE => Some(Mark::Rule { at: self.at()? }),
            _ => {
                let (name, at) = (self.name()?, self.at()?);
                let count = self.number()?;
                let text = Inside { count, segments: Marks { rest: self.rest, line: 0 } };
                // Four numbers per segment.
                for _ in 4..count.saturating_mul(4) {
                    self.number()?;
                }
                Some(Mark::Field { name, at, text })
            }
        }
    }
}

impl fmt::Debug for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Positions({} bytes)", self.packed.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(line: usize, column: usize) -> Position {
        Position { line, column }
    }

    fn noted() -> Positions {
        let mut builder = PositionsBuilder::default();
        builder.file("a.yaml", at(1, 1));
        builder.group("g", at(2, 3));
        builder.field("interval", at(3, 13), Some(&[]));
        builder.rule(at(5, 5));
        builder.field("expr", at(6, 13), Some(&[]));
        builder.rule(at(8, 5));
        builder.field(
            "expr",
            at(10, 9),
            Some(&[segment((1, 1), (10, 9)), segment((2, 1), (12, 9)), segment((2, 4), (12, 20))]),
        );
        builder.field("labels", at(14, 7), Some(&[]));
        builder.field("labels.a.b", at(15, 9), None);
        builder.group("g", at(20, 3));
        builder.build()
    }

    fn segment(text: (usize, usize), file: (usize, usize)) -> Segment {
        Segment { text: at(text.0, text.1), file: at(file.0, file.1) }
    }

    fn located(positions: &Positions, location: Location) -> String {
        let mut location = location;
        positions.map().locate(&mut location, "spec.");
        location.to_string()
    }

    fn of(rule: Option<usize>, field: &str, inside: Option<(usize, usize)>) -> Location {
        let field = Some(field).filter(|field| !field.is_empty()).map(str::to_owned);
        let position = inside.map(|(line, column)| at(line, column));
        Location { group: Some("g".into()), rule, field, position, ..Location::default() }
    }

    #[test]
    fn location_gets_the_closest_known_position() {
        let positions = noted();
        for (location, expected) in [
            (Location::default(), "a.yaml:1:1"),
            (of(None, "", None), "a.yaml:2:3"),
            (of(None, "interval", None), "a.yaml:3:13"),
            (of(None, "limit", None), "a.yaml:2:3"),
            (of(Some(0), "", None), "a.yaml:5:5"),
            (of(Some(0), "expr", Some((1, 7))), "a.yaml:6:19"),
            (of(Some(0), "expr", Some((2, 7))), "a.yaml:6:13"),
            (of(Some(1), "expr", Some((1, 3))), "a.yaml:10:11"),
            (of(Some(1), "expr", Some((2, 2))), "a.yaml:12:10"),
            (of(Some(1), "expr", Some((2, 5))), "a.yaml:12:21"),
            (of(Some(1), "expr", Some((9, 9))), "a.yaml:10:9"),
            (of(Some(1), "labels.a.b", Some((1, 3))), "a.yaml:15:9"),
            (of(Some(1), "labels.c", None), "a.yaml:14:7"),
            (of(Some(7), "expr", None), "a.yaml:2:3"),
            (Location { group_index: Some(1), ..of(None, "", None) }, "a.yaml:20:3"),
            (Location { group: Some("g-2".into()), ..of(None, "", None) }, "a.yaml:2:3"),
            (Location { group: Some("other".into()), ..of(Some(0), "", None) }, "a.yaml:1:1"),
        ] {
            let shown = located(&positions, location.clone());
            assert_eq!(shown.split(',').next(), Some(expected), "{location:?}");
        }
    }

    #[test]
    fn location_in_an_object_of_several_files_gets_the_file_of_its_group() {
        let mut builder = PositionsBuilder::default();
        builder.file("b.yaml", at(1, 1));
        builder.group("h", at(3, 3));
        let both = Positions::concat([&noted(), &builder.build()]);
        let location = Location { group: Some("h".into()), ..Location::default() };
        assert_eq!(located(&both, location), r#"b.yaml:3:3, group "h""#);
        assert_eq!(located(&both, of(None, "", None)), r#"a.yaml:2:3, group "g""#);
        assert!(Positions::concat([]).is_empty());
    }

    #[test]
    fn location_in_an_object_without_a_file_gets_a_path() {
        let positions = Positions::of_names(["f", "g"]);
        let location = of(Some(3), "labels.severity", Some((1, 2)));
        assert_eq!(
            located(&positions, location),
            r#"group "g", rule 3, spec.groups[1].rules[3].labels.severity, 1:2"#
        );
        assert_eq!(located(&Positions::default(), of(None, "", None)), r#"group "g", spec.groups[0]"#);
        assert_eq!(located(&positions, Location::default()), "");
    }

    proptest! {
        #[test]
        fn positions_are_read_back(line in 1usize..1 << 40, column in 1usize..1 << 40, before in 1usize..1000, name in ".*") {
            let mut builder = PositionsBuilder::default();
            builder.file(&name, at(before, 1));
            builder.group(&name, at(line, column));
            let mut location = Location { group: Some(name.clone()), ..Location::default() };
            builder.build().map().locate(&mut location, "");
            prop_assert_eq!((location.file, location.position), (Some(name), Some(at(line, column))));
        }
    }
}
