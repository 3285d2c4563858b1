//! The ruler namespaces of a history: named by the owner; or at first as several Alloys named them, or as declared, on the
//! way to the owner's.

use rulesync_core::Route;
use rulesync_core::naming::{AlloyNaming, Naming};

use super::cluster::Name;

/// The prefixes of two Alloy components, by the Kubernetes namespace that each selects. With the separator `-`, one is
/// the beginning of the other.
const PREFIXES: [(&str, &str); 2] = [("a", "alloy"), ("b", "alloy-b")];

/// The length of a UID in characters.
const UID: usize = 36;

/// The naming with which a history begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    Owner,
    /// That of two Alloy components with this separator.
    Alloy(&'static str),
    Verbatim,
}

/// The names of a history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// The naming with which it begins.
    pub(crate) first: First,
    /// True once the names of the owner are the present ones, and the first are legacy.
    pub(crate) renamed: bool,
}

impl Names {
    /// Returns whether the form of names does not show who wrote them.
    pub(crate) fn are_uncertain(self) -> bool {
        self.first == First::Alloy("-")
    }

    /// Returns the present ruler namespace of an object.
    pub(crate) fn of(self, (namespace, name): &Name, number: u32) -> String {
        let prefix = PREFIXES.iter().find(|(of, _)| of == namespace).map_or("alloy", |(_, prefix)| prefix);
        match self.first {
            First::Alloy(separator) if !self.renamed => {
                [prefix, namespace, name, &uid(number)].join(separator)
            }
            First::Verbatim if !self.renamed => declared(&(namespace.clone(), name.clone())),
            _ => format!("us.{namespace}.{name}"),
        }
    }

    /// Returns an own namespace as the owner would name it; none for foreign namespaces.
    pub(crate) fn canonical(self, namespace: &str) -> Option<String> {
        if namespace.starts_with("us.") {
            return Some(namespace.to_owned());
        }
        let is_own = |name: &str| name == STRAY || (name.len() == 2 && name.starts_with('o'));
        let separator = match self.first {
            First::Owner => return None,
            First::Alloy(separator) => separator,
            First::Verbatim => {
                let (of, name) = namespace.strip_prefix("rules of ")?.split_once('/')?;
                return (["a", "b"].contains(&of) && is_own(name)).then(|| format!("us.{of}.{name}"));
            }
        };
        PREFIXES.iter().find_map(|(of, prefix)| {
            let rest = namespace.strip_prefix(prefix)?.strip_prefix(separator)?;
            let (rest, _) = rest.split_at_checked(rest.len().checked_sub(UID)?)?;
            let name = rest.strip_suffix(separator)?.strip_prefix(of)?.strip_prefix(separator)?;
            is_own(name).then(|| format!("us.{of}.{name}"))
        })
    }

    /// Returns the namespace of an object that is not declared; none if nobody could tell whose it is.
    pub(crate) fn stray(self) -> Option<String> {
        let is_recorded = self.first != First::Verbatim || self.renamed;
        (is_recorded && !self.are_uncertain()).then(|| self.of(&("a".to_owned(), STRAY.to_owned()), 0))
    }

    /// Returns names that others have written, as similar to own ones as they can be.
    pub(crate) fn foreign(self) -> Vec<String> {
        let mut names: Vec<String> = ["us-2.a.o0", "user", "usa.x.y"].map(str::to_owned).into();
        if self.first == First::Verbatim {
            names.extend(["rules of a", "rules of a/gone", "rules of c/o0"].map(str::to_owned));
        }
        if let First::Alloy(separator) = self.first {
            let uid = uid(1);
            for parts in
                [["alloy-x", "a", "o0", &uid], ["alloy2", "b", "o1", &uid], ["alloy", "a", "o0", "1"]]
            {
                names.push(parts.join(separator));
            }
            if self.are_uncertain() {
                names.push(["alloy", "a", "gone", &uid].join(separator));
            }
        }
        names
    }

    /// Returns the routes with the namings of the history: two of each, if there are two components.
    pub(crate) fn of_routes(self, mut routes: Vec<Route>) -> Vec<Route> {
        let separator = match self.first {
            First::Owner => return routes,
            First::Alloy(separator) => separator,
            First::Verbatim => {
                for route in &mut routes {
                    match self.renamed {
                        true => route.legacy.push(Naming::Verbatim),
                        false => route.naming = Some(Naming::Verbatim),
                    }
                }
                return routes;
            }
        };
        let of_component = |(route, (of, prefix)): (&Route, &(&str, &str))| {
            let naming = Naming::Alloy(AlloyNaming::new(prefix, separator).unwrap());
            let (naming, legacy) =
                if self.renamed { (None, vec![naming]) } else { (Some(naming), Vec::new()) };
            let mut namespace_selector = route.namespace_selector.clone();
            namespace_selector.match_labels.insert("kubernetes.io/metadata.name".into(), (*of).into());
            let name = format!("{}-{of}", route.name).as_str().into();
            Route { name, namespace_selector, naming, legacy, ..route.clone() }
        };
        routes
            .iter()
            .flat_map(|route| PREFIXES.iter().map(move |prefix| (route, prefix)))
            .map(of_component)
            .collect()
    }
}

/// The name of an object that is not declared.
const STRAY: &str = "stray";

/// Returns the ruler namespace that an object declares.
pub(crate) fn declared((namespace, name): &Name) -> String {
    format!("rules of {namespace}/{name}")
}

/// Returns the UID of the object that was created as this one.
pub(crate) fn uid(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

#[test]
fn names_of_every_separator_and_prefix_are_told_from_foreign_ones() {
    for first in [First::Owner, First::Alloy("/"), First::Alloy("-"), First::Verbatim] {
        let names = Names { first, renamed: false };
        for name in [("a", "o0"), ("b", "o1")] {
            let name: Name = (name.0.to_owned(), name.1.to_owned());
            let canonical = Some(format!("us.{}.{}", name.0, name.1));
            assert_eq!(names.canonical(&names.of(&name, 7)), canonical);
            assert_eq!(names.canonical(&Names { renamed: true, ..names }.of(&name, 7)), canonical);
        }
        for foreign in names.foreign() {
            assert_eq!(names.canonical(&foreign), None, "{foreign}");
        }
    }
}
