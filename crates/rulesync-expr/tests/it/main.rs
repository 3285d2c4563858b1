//! The crate seen from outside, on expressions that others wrote.

mod corpus;
mod loki;
mod regex;
