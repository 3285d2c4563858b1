//! Checks of the shape of the workspace, on its sources.
//!
//! A *module circle* is a set of files of one crate that import each other in a loop. In a circle no file can be
//! understood, tested or moved without the others. [`Crate::read`] reads the files of a crate as the compiler would
//! find them, [`Crate::arrows`] says which file takes which names from which other, and [`circles`] finds the loops.
//!
//! An arrow goes to the file that defines the name: re-exports are followed, and `mod child;` alone is no arrow. Code
//! that is compiled for tests only is left out. Methods are not seen, because a name does not tell their type.

mod arrow;
mod circle;
mod module;
mod scan;
mod tree;

pub use arrow::Arrow;
pub use circle::{Circle, circles};
pub use tree::{Crate, ReadError};
