//! The crates to publish, each after those that it depends on: a registry takes none whose dependencies it does not have.

use std::collections::{BTreeMap, BTreeSet};

use crate::workspace::{Package, Workspace};

/// The crates cannot be published as they are.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// A crate depends on one that is never published.
    #[error("`{package}` is published and depends on `{dependency}`, which is not")]
    Unpublished {
        /// The crate.
        package: String,
        /// The other one.
        dependency: String,
    },
    /// Crates depend on each other in a circle.
    #[error(
        "the crates {} depend on each other in a circle; a dependency for tests alone can be one without a version",
        .0.join(", ")
    )]
    Circle(Vec<String>),
}

/// Returns the crates in an order in which they can be published; alphabetical where there is a choice.
///
/// # Errors
/// If there is no such order.
pub fn of(workspace: &Workspace) -> Result<Vec<&Package>, OrderError> {
    let published: BTreeMap<&str, &Package> =
        workspace.published().map(|package| (&*package.name, package)).collect();
    let mut waiting = BTreeMap::new();
    for (name, package) in &published {
        waiting.insert(*name, needed(package, &published)?);
    }
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let Some(next) = waiting.iter().find(|(_, needs)| needs.is_empty()).map(|(name, _)| *name) else {
            return Err(OrderError::Circle(circle(&waiting)));
        };
        waiting.remove(next);
        for needs in waiting.values_mut() {
            needs.remove(next);
        }
        order.extend(published.get(next));
    }
    Ok(order)
}

/// Returns the crates of the workspace that a crate needs.
fn needed<'a>(
    package: &'a Package,
    published: &BTreeMap<&str, &Package>,
) -> Result<BTreeSet<&'a str>, OrderError> {
    let ours = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
    ours.filter(|dependency| dependency.is_published())
        .map(|dependency| {
            if published.contains_key(&*dependency.name) {
                Ok(&*dependency.name)
            } else {
                let (package, dependency) = (package.name.clone(), dependency.name.clone());
                Err(OrderError::Unpublished { package, dependency })
            }
        })
        .collect()
}

/// Returns one circle among crates of which each waits for another.
fn circle(waiting: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let mut way: Vec<&str> = waiting.keys().take(1).copied().collect();
    while let Some(next) = way.last().and_then(|last| waiting.get(last)).and_then(BTreeSet::first) {
        if let Some(start) = way.iter().position(|seen| seen == next) {
            return way.iter().skip(start).map(|&name| name.to_owned()).collect();
        }
        way.push(next);
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, publish: Option<Vec<String>>, needs: &[(&str, &str, Option<&str>)]) -> Package {
        let dependencies = needs.iter().map(|(name, req, kind)| Dependency {
            name: (*name).to_owned(),
            req: (*req).to_owned(),
            kind: kind.map(str::to_owned),
            path: Some(format!("/{name}")),
        });
        Package {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            publish,
            dependencies: dependencies.collect(),
        }
    }

    fn names(packages: &[Package]) -> Result<Vec<String>, OrderError> {
        let workspace = Workspace { packages: packages.to_vec() };
        of(&workspace).map(|order| order.iter().map(|package| package.name.clone()).collect())
    }

    #[test]
    fn order_puts_each_crate_after_those_that_it_needs() {
        let packages = [
            package("a", None, &[("c", "^1", None), ("tests", "*", Some("dev"))]),
            package("b", None, &[]),
            package("c", None, &[("d", "^1", Some("build")), ("b", "^1", Some("dev"))]),
            package("d", Some(vec!["crates-io".to_owned()]), &[]),
            package("tests", Some(vec![]), &[("a", "^1", None)]),
        ];
        assert_eq!(names(&packages).unwrap(), ["b", "d", "c", "a"]);
    }

    #[test]
    fn order_is_missing_where_a_dependency_is_never_published() {
        let packages = [package("a", None, &[("tests", "*", None)]), package("tests", Some(vec![]), &[])];
        let error = names(&packages).unwrap_err().to_string();
        assert_eq!(error, "`a` is published and depends on `tests`, which is not");
    }

    #[test]
    fn order_names_the_crates_of_a_circle() {
        let packages = [
            package("a", None, &[("b", "^1", None)]),
            package("b", None, &[("c", "^1", None)]),
            package("c", None, &[("b", "^1", Some("dev"))]),
        ];
        assert_eq!(names(&packages), Err(OrderError::Circle(vec!["b".to_owned(), "c".to_owned()])));
    }

    #[test]
    fn order_ignores_crates_of_others() {
        let mut one = package("a", None, &[("serde", "^1", None)]);
        one.dependencies[0].path = None;
        assert_eq!(names(&[one]).unwrap(), ["a"]);
    }
}
