//! [`rulesync_files::FilesSource`] over real directories. Time is virtual: it advances when all tasks are idle.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod changes;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod layouts;
