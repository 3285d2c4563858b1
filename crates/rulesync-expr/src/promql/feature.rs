//! Language features that need a feature flag in Prometheus.

use crate::span::Span;

/// A language feature that a server rejects unless its flag is enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Feature {
    /// Functions such as `mad_over_time`, and the aggregations `limitk` and `limit_ratio`.
    ExperimentalFunctions,
    /// Arithmetic on durations: `[5m * 2]`.
    DurationExpressions,
    /// The modifiers `anchored` and `smoothed`.
    ExtendedRangeSelectors,
    /// The modifiers `fill`, `fill_left` and `fill_right`.
    FillModifiers,
}

impl Feature {
    /// The name of the feature for Prometheus' `--enable-feature`.
    ///
    /// ```
    /// use rulesync_expr::promql::{self, Feature, Options};
    ///
    /// let expr = promql::parse("1 + mad_over_time(up[5m])", &Options::default())?;
    /// let (feature, span) = expr.features()[0];
    /// assert_eq!(feature, Feature::ExperimentalFunctions);
    /// assert_eq!(feature.flag(), "promql-experimental-functions");
    /// assert_eq!(span.start, 4);
    /// # Ok::<(), rulesync_expr::ParseError>(())
    /// ```
    #[must_use]
    pub fn flag(self) -> &'static str {
        match self {
            Self::ExperimentalFunctions => "promql-experimental-functions",
            Self::DurationExpressions => "promql-duration-expr",
            Self::ExtendedRangeSelectors => "promql-extended-range-selectors",
            Self::FillModifiers => "promql-binop-fill-modifiers",
        }
    }
}

/// A use of a feature and its byte range.
pub(super) type Use = (Feature, Span);
