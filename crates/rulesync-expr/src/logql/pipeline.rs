//! The stages a log line passes. Not for reading them: that is `parse`.

use super::ast::Matcher;
use super::operator::{Conversion, LineFilterOp};
use crate::promql::{BinaryOp, MatchOp};
use crate::span::Span;

/// One stage of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// From its operator or `|` to its end.
    pub span: Span,
    /// What it does.
    pub kind: StageKind,
}

/// What a stage does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StageKind {
    /// `|= "error" or "warn"`: keeps lines by their text.
    LineFilter {
        /// How the line is compared.
        op: LineFilterOp,
        /// The texts, in order; one at least.
        texts: Vec<LineText>,
    },
    /// `| level="error" and size > 20KB`: keeps lines by their labels. The comparisons in the order written;
    /// how they are joined is left in the text.
    LabelFilter(Vec<LabelCondition>),
    /// `| json`, or `| json first="servers[0]"`.
    Json(Vec<Extraction>),
    /// `| logfmt --strict`, or `| logfmt level, msg="message"`.
    Logfmt {
        /// `--strict`: what is not well formed is an error.
        strict: bool,
        /// `--keep-empty`: keys without a value become labels.
        keep_empty: bool,
        /// What is taken out; everything if empty.
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
    /// `| unwrap duration(latency)`: from here on, values.
    Unwrap {
        /// The label that holds the value.
        label: String,
        /// How it is read; as a number if none.
        conversion: Option<Conversion>,
    },
}

/// A text in quotes and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text, without quotes or escapes.
    pub value: String,
    /// The bytes it was written with, quotes included.
    pub span: Span,
}

/// What a line filter looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineText {
    /// The text.
    pub text: Text,
    /// Whether it is a range of addresses: `ip("10.0.0.0/8")`.
    pub is_ip: bool,
}

/// One comparison of a label filter.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelCondition {
    /// From the label to the end of the value.
    pub span: Span,
    /// The label.
    pub label: String,
    /// How it is compared, and with what.
    pub test: LabelTest,
}

/// How a label is compared, and with what.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelTest {
    /// With a text, or against a regular expression.
    Text(MatchOp, Text),
    /// With a range of addresses: `addr != ip("10.0.0.0/8")`.
    Ip {
        /// Whether addresses within the range are those left out.
        negated: bool,
        /// The range.
        range: Text,
    },
    /// With a number.
    Number(BinaryOp, f64),
    /// With a duration, in seconds.
    Duration(BinaryOp, f64),
    /// With a size as written, for example `20KB`.
    Size(BinaryOp, String),
}

/// A label taken out of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extraction {
    /// The label.
    pub label: String,
    /// Where in the line it is; under the label's own name if none.
    pub path: Option<String>,
}

/// A label given a new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFormat {
    /// The label.
    pub label: String,
    /// Its value.
    pub value: FormatValue,
}

/// What a label becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormatValue {
    /// The value of that other label, which goes.
    Label(String),
    /// What the template says.
    Template(Text),
}

/// A label to be dropped or kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelChoice {
    /// Whatever its value.
    Name(String),
    /// If its value matches.
    Matcher(Matcher),
}
