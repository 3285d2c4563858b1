//! The object that a ruler namespace was made of.

/// The object that a ruler namespace was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Named<'a> {
    /// The Kubernetes namespace.
    pub namespace: &'a str,
    /// The object's name, complete or, in a namespace that was too long, cut.
    pub name: &'a str,
    /// The kind of the object; none if the name does not contain it.
    pub kind: Option<&'static str>,
}
