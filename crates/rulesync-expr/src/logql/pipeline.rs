//! The stages of a log pipeline, as parsed by `parse`.

use super::operator::{Conversion, LineFilterOp};
use super::selector::Matcher;
use crate::promql::{BinaryOp, MatchOp};
use crate::span::Span;

/// A pipeline stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// The byte range from its operator or `|` to its end.
    pub span: Span,
    /// The kind of stage and its parameters.
    pub kind: StageKind,
}

/// The kinds of stages.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StageKind {
    /// `|= "error" or "warn"`: filters lines by their content.
    LineFilter {
        /// The filter operator.
        op: LineFilterOp,
        /// The search strings in source order; at least one.
        texts: Vec<LineText>,
    },
    /// `| level="error" and size > 20KB`: filters lines by their labels. The comparisons in source order; how they
    /// are combined is not stored.
    LabelFilter(Vec<LabelCondition>),
    /// `| json`, or `| json first="servers[0]"`.
    Json(Vec<Extraction>),
    /// `| logfmt --strict`, or `| logfmt level, msg="message"`.
    Logfmt {
        /// `--strict`: malformed input is an error.
        strict: bool,
        /// `--keep-empty`: keys without a value become labels.
        keep_empty: bool,
        /// The extracted labels; all if empty.
        extractions: Vec<Extraction>,
    },
    /// `| regexp "(?P<method>\\w+)"`.
    Regexp(Text),
    /// `| pattern "<ip> <_>"`.
    Pattern(Text),
    /// `| unpack`.
    Unpack,
    /// `| line_format "{{.message}}"`.
    LineFormat(Text),
    /// `| label_format level=severity, path="{{.uri}}"`.
    LabelFormat(Vec<LabelFormat>),
    /// `| decolorize`.
    Decolorize,
    /// `| drop level, app=~"x.*"`.
    Drop(Vec<LabelChoice>),
    /// `| keep level, app=~"x.*"`.
    Keep(Vec<LabelChoice>),
    /// `| unwrap duration(latency)`: converts lines to values.
    Unwrap {
        /// The label that contains the value.
        label: String,
        /// The conversion of the value; parsed as a number if `None`.
        conversion: Option<Conversion>,
    },
}

/// A string literal and its location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The value, without quotes or escapes.
    pub value: String,
    /// The byte range in the input, quotes included.
    pub span: Span,
}

/// The search string of a line filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineText {
    /// The string.
    pub text: Text,
    /// `true` if it is an address pattern: `ip("10.0.0.0/8")`.
    pub is_ip: bool,
}

/// A comparison in a label filter.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelCondition {
    /// The byte range from the label to the end of the value.
    pub span: Span,
    /// The label.
    pub label: String,
    /// The operator and value.
    pub test: LabelTest,
}

/// The operator and value of a label comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelTest {
    /// A string or regular expression.
    Text(MatchOp, Text),
    /// An address pattern: `addr != ip("10.0.0.0/8")`.
    Ip {
        /// `true` for `!=`.
        negated: bool,
        /// The pattern: an address, a range or a network.
        range: Text,
    },
    /// A number.
    Number(BinaryOp, f64),
    /// A duration, in seconds.
    Duration(BinaryOp, f64),
    /// A size as written, for example `20KB`.
    Size(BinaryOp, String),
}

/// A label extracted from a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extraction {
    /// The label.
    pub label: String,
    /// Its path in the line; the label's name if `None`.
    pub path: Option<String>,
}

/// A label and its new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFormat {
    /// The label.
    pub label: String,
    /// Its value.
    pub value: FormatValue,
}

/// The new value of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormatValue {
    /// The value of another label, which is removed.
    Label(String),
    /// The output of a template.
    Template(Text),
}

/// A label to drop or keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelChoice {
    /// Regardless of its value.
    Name(String),
    /// If its value matches.
    Matcher(Matcher),
}
