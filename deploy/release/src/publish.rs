//! Publishing crates, and going on where an earlier attempt has ended: what a registry has once stays, so that a release
//! that stops halfway can only be finished.

use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use crate::workspace::{Package, cargo};

/// How often a crate is tried. crates.io takes one new name in ten minutes after the first few.
const ATTEMPTS: u32 = 12;

/// The time between two attempts.
const PAUSE: Duration = Duration::from_secs(120);

/// A registry of crates.
pub trait Registry {
    /// Whether it has this version of a crate.
    ///
    /// # Errors
    /// If that cannot be found out.
    fn has(&mut self, package: &Package) -> std::io::Result<bool>;

    /// Publishes a crate, and returns whether it was taken.
    ///
    /// # Errors
    /// If that cannot be tried.
    fn publish(&mut self, package: &Package) -> std::io::Result<bool>;

    /// Waits before another attempt.
    fn wait(&mut self);
}

/// A crate was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The registry did not take it.
    #[error("`{0}` was not published: run the job again once the cause is gone, and it goes on there")]
    Refused(String),
    /// Nobody could be asked.
    #[error("cargo cannot be run: {0}")]
    Run(#[from] std::io::Error),
}

/// Publishes those of the crates that the registry does not have, in this order, and returns their names.
///
/// # Errors
/// If one of them is refused again and again; those after it are then not published.
pub fn publish(order: &[&Package], registry: &mut impl Registry) -> Result<Vec<String>, PublishError> {
    let mut published = Vec::new();
    for package in order {
        if !registry.has(package)? {
            publish_one(package, registry)?;
            published.push(package.name.clone());
        }
    }
    Ok(published)
}

fn publish_one(package: &Package, registry: &mut impl Registry) -> Result<(), PublishError> {
    for attempt in 1..=ATTEMPTS {
        if registry.publish(package)? {
            return Ok(());
        }
        if attempt < ATTEMPTS {
            registry.wait();
        }
    }
    Err(PublishError::Refused(package.name.clone()))
}

/// crates.io, by Cargo. Its credentials are those of Cargo.
#[derive(Debug)]
pub struct CratesIo;

impl CratesIo {
    fn run(arguments: &[&str], output: Stdio) -> std::io::Result<ExitStatus> {
        cargo().args(arguments).stdout(output).status()
    }
}

impl Registry for CratesIo {
    fn has(&mut self, package: &Package) -> std::io::Result<bool> {
        let version = format!("{}@{}", package.name, package.version);
        let found = Self::run(&["info", "--quiet", "--registry=crates-io", &version], Stdio::null())?;
        Ok(found.success())
    }

    fn publish(&mut self, package: &Package) -> std::io::Result<bool> {
        // All of them were built from their packages before the first one is published.
        let arguments = ["publish", "--locked", "--no-verify", "--package", &package.name];
        Ok(Self::run(&arguments, Stdio::inherit())?.success())
    }

    fn wait(&mut self) {
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A registry that refuses some crates a number of times.
    #[derive(Default)]
    struct Fake {
        has: Vec<String>,
        refuses: BTreeMap<&'static str, u32>,
        waits: u32,
    }

    impl Registry for Fake {
        fn has(&mut self, package: &Package) -> std::io::Result<bool> {
            Ok(self.has.contains(&package.name))
        }

        fn publish(&mut self, package: &Package) -> std::io::Result<bool> {
            if let Some(left) = self.refuses.get_mut(&*package.name).filter(|left| **left > 0) {
                *left -= 1;
                return Ok(false);
            }
            self.has.push(package.name.clone());
            Ok(true)
        }

        fn wait(&mut self) {
            self.waits += 1;
        }
    }

    fn packages() -> [Package; 3] {
        ["a", "b", "c"].map(|name| Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            publish: None,
            dependencies: Vec::new(),
        })
    }

    #[test]
    fn publish_leaves_out_what_is_there() {
        let packages = packages();
        let mut registry = Fake { has: vec!["a".to_owned()], ..Fake::default() };
        let published = publish(&packages.each_ref(), &mut registry).unwrap();
        assert_eq!(published, ["b", "c"]);
        assert_eq!(registry.has, ["a", "b", "c"]);
        assert!(publish(&packages.each_ref(), &mut registry).unwrap().is_empty());
    }

    #[test]
    fn publish_waits_and_tries_again() {
        let packages = packages();
        let mut registry = Fake { refuses: [("b", ATTEMPTS - 1)].into(), ..Fake::default() };
        assert_eq!(publish(&packages.each_ref(), &mut registry).unwrap(), ["a", "b", "c"]);
        assert_eq!(registry.waits, ATTEMPTS - 1);
    }

    #[test]
    fn publish_ends_at_the_first_crate_that_stays_refused() {
        let packages = packages();
        let mut registry = Fake { refuses: [("b", ATTEMPTS)].into(), ..Fake::default() };
        let error = publish(&packages.each_ref(), &mut registry).unwrap_err().to_string();
        assert!(error.starts_with("`b` was not published"), "{error}");
        assert_eq!(registry.has, ["a"]);
    }
}
