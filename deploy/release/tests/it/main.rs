//! What is released, as far as the files of the repository say it, and as far as `.ci/run` has built it.
//!
//! | file | content |
//! |---|---|
//! | `repository` | files of the repository, and programs that are run at its root |
//! | `workspace` | the crates can be published, and the versions agree |
//! | `image` | the image, and that the chart knows it |
//! | `packages` | the archive, the bills of materials and the Debian packages |
//! | `unit` | the unit file of the daemon |
//! | `scripts` | the scripts that the workflows run, with programs that note what they are asked for |

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod image;
#[cfg(test)]
mod packages;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod unit;
#[cfg(test)]
mod workspace;
