//! How rulesync is released, as far as it is decided anywhere but in a workflow: everything here runs on any machine.
//!
//! | module | content |
//! |---|---|
//! | [`workspace`] | the packages of the workspace, as `cargo metadata` tells them |
//! | [`version`] | what the tag of a release must agree with |
//! | [`changelog`] | the notes of a release, out of `CHANGELOG.md` |
//! | [`order`] | the crates to publish, each after those that it depends on |
//! | [`publish`] | publishing them, and going on where an earlier attempt has ended |
//! | [`dockerfile`] | the instructions of the `Dockerfile` |
//! | [`context`] | what `.dockerignore` leaves of the repository |
//! | [`replay`] | the instructions, carried out without Docker |

pub mod changelog;
pub mod context;
pub mod dockerfile;
pub mod order;
pub mod publish;
pub mod replay;
pub mod version;
pub mod workspace;
