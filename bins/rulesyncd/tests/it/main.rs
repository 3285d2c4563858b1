//! The daemon's binary, run as a process against the testkit's servers.

// `cfg(test)` is always true here; it tells clippy that everything below is test code.
#[cfg(test)]
mod check;
#[cfg(test)]
mod flags;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod pipes;
#[cfg(test)]
mod process;
#[cfg(test)]
mod quickstart;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod visible;
