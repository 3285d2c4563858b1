//! The operators of LogQL and their properties.

use std::fmt;

/// A range aggregation operator, which aggregates log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeOp {
    /// `absent_over_time`
    Absent,
    /// `avg_over_time`
    Avg,
    /// `bytes_over_time`
    Bytes,
    /// `bytes_rate`
    BytesRate,
    /// `count_over_time`
    Count,
    /// `first_over_time`
    First,
    /// `last_over_time`
    Last,
    /// `max_over_time`
    Max,
    /// `min_over_time`
    Min,
    /// `quantile_over_time`
    Quantile,
    /// `rate`
    Rate,
    /// `rate_counter`
    RateCounter,
    /// `stddev_over_time`
    Stddev,
    /// `stdvar_over_time`
    Stdvar,
    /// `sum_over_time`
    Sum,
}

const RANGE_OPS: [(&str, RangeOp); 15] = [
    ("absent_over_time", RangeOp::Absent),
    ("avg_over_time", RangeOp::Avg),
    ("bytes_over_time", RangeOp::Bytes),
    ("bytes_rate", RangeOp::BytesRate),
    ("count_over_time", RangeOp::Count),
    ("first_over_time", RangeOp::First),
    ("last_over_time", RangeOp::Last),
    ("max_over_time", RangeOp::Max),
    ("min_over_time", RangeOp::Min),
    ("quantile_over_time", RangeOp::Quantile),
    ("rate", RangeOp::Rate),
    ("rate_counter", RangeOp::RateCounter),
    ("stddev_over_time", RangeOp::Stddev),
    ("stdvar_over_time", RangeOp::Stdvar),
    ("sum_over_time", RangeOp::Sum),
];

impl RangeOp {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        RANGE_OPS.iter().find(|(known, _)| *known == name).map(|&(_, op)| op)
    }

    /// The name in an expression.
    #[must_use]
    pub fn name(self) -> &'static str {
        RANGE_OPS.iter().find(|&&(_, op)| op == self).map_or("", |&(name, _)| name)
    }

    /// Returns `true` if the operator accepts values extracted by `unwrap`.
    #[must_use]
    pub fn takes_unwrapped(self) -> bool {
        !matches!(self, Self::Bytes | Self::BytesRate | Self::Count)
    }

    /// Returns `true` if the operator accepts log lines.
    #[must_use]
    pub fn takes_lines(self) -> bool {
        matches!(self, Self::Absent | Self::Bytes | Self::BytesRate | Self::Count | Self::Rate)
    }

    /// Returns `true` if `by` and `without` may follow the operator.
    #[must_use]
    pub fn takes_grouping(self) -> bool {
        use RangeOp as R;
        matches!(self, R::Avg | R::First | R::Last | R::Max | R::Min | R::Quantile | R::Stddev | R::Stdvar)
    }
}

impl fmt::Display for RangeOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A vector aggregation operator, which aggregates or sorts series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VectorOp {
    /// `approx_topk`
    ApproxTopk,
    /// `avg`
    Avg,
    /// `bottomk`
    Bottomk,
    /// `count`
    Count,
    /// `max`
    Max,
    /// `min`
    Min,
    /// `sort`
    Sort,
    /// `sort_desc`
    SortDesc,
    /// `stddev`
    Stddev,
    /// `stdvar`
    Stdvar,
    /// `sum`
    Sum,
    /// `topk`
    Topk,
}

const VECTOR_OPS: [(&str, VectorOp); 12] = [
    ("approx_topk", VectorOp::ApproxTopk),
    ("avg", VectorOp::Avg),
    ("bottomk", VectorOp::Bottomk),
    ("count", VectorOp::Count),
    ("max", VectorOp::Max),
    ("min", VectorOp::Min),
    ("sort", VectorOp::Sort),
    ("sort_desc", VectorOp::SortDesc),
    ("stddev", VectorOp::Stddev),
    ("stdvar", VectorOp::Stdvar),
    ("sum", VectorOp::Sum),
    ("topk", VectorOp::Topk),
];

impl VectorOp {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        VECTOR_OPS.iter().find(|(known, _)| *known == name).map(|&(_, op)| op)
    }

    /// The name in an expression.
    #[must_use]
    pub fn name(self) -> &'static str {
        VECTOR_OPS.iter().find(|&&(_, op)| op == self).map_or("", |&(name, _)| name)
    }

    /// Returns `true` if the operator requires a number before the aggregated expression.
    #[must_use]
    pub fn takes_parameter(self) -> bool {
        matches!(self, Self::ApproxTopk | Self::Bottomk | Self::Topk)
    }
}

impl fmt::Display for VectorOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A line filter operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineFilterOp {
    /// `|=`
    Contains,
    /// `!=`
    NotContains,
    /// `|~`
    Regex,
    /// `!~`
    NotRegex,
    /// `|>`
    Pattern,
    /// `!>`
    NotPattern,
}

impl LineFilterOp {
    /// Returns `true` if the search string is a regular expression.
    #[must_use]
    pub fn is_regex(self) -> bool {
        matches!(self, Self::Regex | Self::NotRegex)
    }
}

/// A conversion of the label value in `unwrap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conversion {
    /// `bytes(label)`
    Bytes,
    /// `duration(label)`
    Duration,
    /// `duration_seconds(label)`, the same
    DurationSeconds,
}

impl Conversion {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        match name {
            "bytes" => Some(Self::Bytes),
            "duration" => Some(Self::Duration),
            "duration_seconds" => Some(Self::DurationSeconds),
            _ => None,
        }
    }
}
