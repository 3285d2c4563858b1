//! The HTTP of a ruler, without its meaning: routes, queries, tenants and the format of answers.

pub(crate) mod answer;
pub(crate) mod query;
pub(crate) mod route;
pub(crate) mod tenant;
