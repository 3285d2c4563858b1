//! Whole files: what they become, that rulesync accepts it, and what is said of broken ones.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod broken;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod golden;
