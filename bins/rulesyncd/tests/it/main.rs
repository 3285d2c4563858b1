//! The daemon's binary, run as a process against the testkit's servers.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod alloy;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod chart;
#[cfg(test)]
mod check;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod documented;
#[cfg(test)]
mod dry_run;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile_names;
#[cfg(test)]
mod inventory;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod kubectl;
#[cfg(test)]
mod leader;
#[cfg(test)]
mod location;
#[cfg(test)]
mod log;
#[cfg(test)]
mod once;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod pipes;
#[cfg(test)]
mod process;
#[cfg(test)]
mod quickstart;
#[cfg(test)]
mod release;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod runbooks;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod visible;
#[cfg(test)]
mod web_config;
