//! The signatures of Prometheus' functions, and the servers that support them.

use super::value_type::ValueType;

use Availability::{Experimental, Legacy, Stable};
use ValueType::{InstantVector as V, RangeVector as M, Scalar as S, String as T};

/// A PromQL function.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The types of its arguments; the last one repeats if the number of arguments is variable.
    pub args: &'static [ValueType],
    /// The number of arguments.
    pub arity: Arity,
    /// The type of its result.
    pub returns: ValueType,
    /// The servers that support it.
    pub availability: Availability,
}

/// The number of arguments of a function, relative to [`Function::args`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// Exactly as many as listed.
    Exact,
    /// The last argument may be omitted, or be given up to this many times.
    UpTo(usize),
    /// The last argument may be omitted, or be given any number of times.
    AtLeast,
}

/// The servers that support a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// All current servers.
    Stable,
    /// Servers with experimental functions enabled.
    Experimental,
    /// Servers of the Prometheus 2 era, such as Cortex.
    Legacy,
}

/// Finds a function by name, regardless of availability. Names are case-sensitive.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    let at = FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok()?;
    FUNCTIONS.get(at)
}

const fn function(
    name: &'static str,
    args: &'static [ValueType],
    arity: Arity,
    returns: ValueType,
    availability: Availability,
) -> Function {
    Function { name, args, arity, returns, availability }
}

/// A stable function with fixed arguments that returns an instant vector, as most do.
const fn plain(name: &'static str, args: &'static [ValueType]) -> Function {
    function(name, args, Arity::Exact, V, Stable)
}

/// An experimental function with fixed arguments that returns an instant vector.
const fn experimental(name: &'static str, args: &'static [ValueType]) -> Function {
    function(name, args, Arity::Exact, V, Experimental)
}

/// An experimental function from scalars to a scalar.
const fn experimental_scalar(name: &'static str, args: &'static [ValueType]) -> Function {
    function(name, args, Arity::Exact, S, Experimental)
}

/// A calendar function; its argument defaults to the evaluation time.
const fn calendar(name: &'static str) -> Function {
    function(name, &[V], Arity::UpTo(1), V, Stable)
}

/// All functions, sorted by name for the binary search.
static FUNCTIONS: &[Function] = &[
    plain("abs", &[V]),
    plain("absent", &[V]),
    plain("absent_over_time", &[M]),
    plain("acos", &[V]),
    plain("acosh", &[V]),
    plain("asin", &[V]),
    plain("asinh", &[V]),
    plain("atan", &[V]),
    plain("atanh", &[V]),
    plain("avg_over_time", &[M]),
    plain("ceil", &[V]),
    plain("changes", &[M]),
    plain("clamp", &[V, S, S]),
    plain("clamp_max", &[V, S]),
    plain("clamp_min", &[V, S]),
    plain("cos", &[V]),
    plain("cosh", &[V]),
    plain("count_over_time", &[M]),
    calendar("day_of_month"),
    calendar("day_of_week"),
    calendar("day_of_year"),
    calendar("days_in_month"),
    plain("deg", &[V]),
    plain("delta", &[M]),
    plain("deriv", &[M]),
    experimental("double_exponential_smoothing", &[M, S, S]),
    experimental_scalar("end", &[]),
    plain("exp", &[V]),
    experimental("first_over_time", &[M]),
    plain("floor", &[V]),
    plain("histogram_avg", &[V]),
    plain("histogram_count", &[V]),
    plain("histogram_fraction", &[S, S, V]),
    plain("histogram_quantile", &[S, V]),
    function("histogram_quantiles", &[V, T, S, S], Arity::UpTo(9), V, Experimental),
    plain("histogram_stddev", &[V]),
    plain("histogram_stdvar", &[V]),
    plain("histogram_sum", &[V]),
    function("holt_winters", &[M, S, S], Arity::Exact, V, Legacy),
    calendar("hour"),
    plain("idelta", &[M]),
    plain("increase", &[M]),
    function("info", &[V, V], Arity::UpTo(1), V, Experimental),
    plain("irate", &[M]),
    function("label_join", &[V, T, T, T], Arity::AtLeast, V, Stable),
    plain("label_replace", &[V, T, T, T, T]),
    plain("last_over_time", &[M]),
    plain("ln", &[V]),
    plain("log10", &[V]),
    plain("log2", &[V]),
    experimental("mad_over_time", &[M]),
    experimental_scalar("max_of", &[S, S]),
    plain("max_over_time", &[M]),
    experimental_scalar("min_of", &[S, S]),
    plain("min_over_time", &[M]),
    calendar("minute"),
    calendar("month"),
    function("pi", &[], Arity::Exact, S, Stable),
    plain("predict_linear", &[M, S]),
    plain("present_over_time", &[M]),
    plain("quantile_over_time", &[S, M]),
    plain("rad", &[V]),
    experimental_scalar("range", &[]),
    plain("rate", &[M]),
    plain("resets", &[M]),
    function("round", &[V, S], Arity::UpTo(1), V, Stable),
    function("scalar", &[V], Arity::Exact, S, Stable),
    plain("sgn", &[V]),
    plain("sin", &[V]),
    plain("sinh", &[V]),
    plain("sort", &[V]),
    function("sort_by_label", &[V, T], Arity::AtLeast, V, Experimental),
    function("sort_by_label_desc", &[V, T], Arity::AtLeast, V, Experimental),
    plain("sort_desc", &[V]),
    plain("sqrt", &[V]),
    experimental_scalar("start", &[]),
    experimental("start_timestamp", &[V]),
    plain("stddev_over_time", &[M]),
    plain("stdvar_over_time", &[M]),
    experimental_scalar("step", &[]),
    plain("sum_over_time", &[M]),
    plain("tan", &[V]),
    plain("tanh", &[V]),
    function("time", &[], Arity::Exact, S, Stable),
    function("timeseries_gen", &[T, T], Arity::UpTo(1), V, Experimental),
    plain("timestamp", &[V]),
    experimental("ts_of_first_over_time", &[M]),
    experimental("ts_of_last_over_time", &[M]),
    experimental("ts_of_max_over_time", &[M]),
    experimental("ts_of_min_over_time", &[M]),
    plain("vector", &[S]),
    calendar("year"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_sorted_by_name() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
        for function in FUNCTIONS {
            assert_eq!(find(function.name), Some(function));
        }
        assert_eq!(find("Rate"), None);
    }

    #[test]
    fn variadic_functions_list_an_argument() {
        assert!(FUNCTIONS.iter().all(|function| function.arity == Arity::Exact || !function.args.is_empty()));
    }
}
