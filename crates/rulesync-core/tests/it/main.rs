//! The engine as a whole, in paused time, between a scripted source and a ruler in memory.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod batches;
#[cfg(test)]
mod claim;
#[cfg(test)]
mod contested;
#[cfg(test)]
mod counts;
#[cfg(test)]
mod delete_guard;
#[cfg(test)]
mod evaluation;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod handover;
#[cfg(test)]
mod inheritance;
#[cfg(test)]
mod invalid;
#[cfg(test)]
mod inventory;
#[cfg(test)]
mod leadership;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod moves;
#[cfg(test)]
mod namings;
#[cfg(test)]
mod normalization;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod once;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod pressure;
#[cfg(test)]
mod refused_versions;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod removed_routes;
#[cfg(test)]
mod renames;
#[cfg(test)]
mod replacements;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod requested_tenants;
#[cfg(test)]
mod reviewed;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod telling;
#[cfg(test)]
mod transforms;
#[cfg(test)]
mod vanishing;
#[cfg(test)]
mod verbatim;
#[cfg(test)]
mod world;
