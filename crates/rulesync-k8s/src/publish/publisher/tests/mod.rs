//! A publisher beside a running engine, in virtual time: a source that sends what the test has it send, a ruler and a
//! cluster in memory.

mod cluster;
mod failures;
mod leftovers;
mod limits;
mod numbers;
mod objects;
mod owners;
mod shared;
mod world;
