//! The types of values.

/// The type of an expression's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number.
    Scalar,
    /// A string.
    String,
    /// One sample per series.
    InstantVector,
    /// A range of samples per series.
    RangeVector,
}

impl ValueType {
    /// The name used in the Prometheus documentation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::InstantVector => "instant vector",
            Self::RangeVector => "range vector",
        }
    }
}
