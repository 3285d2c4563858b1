//! The functions of Prometheus: what they take, what they give, who knows them.
//! Not for what they compute.

use super::ast::ValueType;

use Availability::{Experimental, Legacy, Stable};
use ValueType::{InstantVector as V, RangeVector as M, Scalar as S, String as T};

/// A function that an expression may call.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// The types of its arguments; the last one repeats if the count may vary.
    pub args: &'static [ValueType],
    /// How many arguments there may be.
    pub arity: Arity,
    /// What it evaluates to.
    pub returns: ValueType,
    /// Which servers know it.
    pub availability: Availability,
}

/// How many arguments a function takes, given the types it lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// As many as it lists.
    Exact,
    /// The last one listed may be missing, and up to this many may stand in its place.
    UpTo(usize),
    /// The last one listed may be missing, or be repeated at will.
    AtLeast,
}

/// Which servers know a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// All current ones.
    Stable,
    /// Those with experimental functions enabled.
    Experimental,
    /// Those of the time of Prometheus 2, as Cortex.
    Legacy,
}

/// The function of that name, of whatever availability. Names are case-sensitive.
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

/// A stable function with fixed arguments and a vector as its result, as most are.
const fn plain(name: &'static str, args: &'static [ValueType]) -> Function {
    function(name, args, Arity::Exact, V, Stable)
}

/// The same, experimental.
const fn trial(name: &'static str, args: &'static [ValueType]) -> Function {
    function(name, args, Arity::Exact, V, Experimental)
}

/// An experimental function from scalars to a scalar.
const fn trial_scalar(name: &'static str, args: &'static [ValueType]) -> Function {
    function(name, args, Arity::Exact, S, Experimental)
}

/// A function of time that takes the current time if it is given none.
const fn calendar(name: &'static str) -> Function {
    function(name, &[V], Arity::UpTo(1), V, Stable)
}

/// Sorted by name, for the search.
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
    trial("double_exponential_smoothing", &[M, S, S]),
    trial_scalar("end", &[]),
    plain("exp", &[V]),
    trial("first_over_time", &[M]),
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
    trial("mad_over_time", &[M]),
    trial_scalar("max_of", &[S, S]),
    plain("max_over_time", &[M]),
    trial_scalar("min_of", &[S, S]),
    plain("min_over_time", &[M]),
    calendar("minute"),
    calendar("month"),
    function("pi", &[], Arity::Exact, S, Stable),
    plain("predict_linear", &[M, S]),
    plain("present_over_time", &[M]),
    plain("quantile_over_time", &[S, M]),
    plain("rad", &[V]),
    trial_scalar("range", &[]),
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
    trial_scalar("start", &[]),
    trial("start_timestamp", &[V]),
    plain("stddev_over_time", &[M]),
    plain("stdvar_over_time", &[M]),
    trial_scalar("step", &[]),
    plain("sum_over_time", &[M]),
    plain("tan", &[V]),
    plain("tanh", &[V]),
    function("time", &[], Arity::Exact, S, Stable),
    function("timeseries_gen", &[T, T], Arity::UpTo(1), V, Experimental),
    plain("timestamp", &[V]),
    trial("ts_of_first_over_time", &[M]),
    trial("ts_of_last_over_time", &[M]),
    trial("ts_of_max_over_time", &[M]),
    trial("ts_of_min_over_time", &[M]),
    plain("vector", &[S]),
    calendar("year"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_every_function_is_found() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
        for function in FUNCTIONS {
            assert_eq!(find(function.name), Some(function));
        }
        assert_eq!(find("Rate"), None);
    }

    #[test]
    fn what_varies_has_something_to_vary() {
        assert!(FUNCTIONS.iter().all(|function| function.arity == Arity::Exact || !function.args.is_empty()));
    }
}
