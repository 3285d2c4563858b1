//! [`rulesync_files::FilesSource`] over real directories. Time is virtual: a second passes when nothing is left to do.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod changes;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod places;
#[cfg(test)]
mod world;
