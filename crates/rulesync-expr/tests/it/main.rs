//! Tests of the public API on real-world expressions.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod corpus;
mod loki;
mod regex;
// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod template;
