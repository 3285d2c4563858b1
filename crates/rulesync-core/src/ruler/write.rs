//! One change of a namespace, for rulers that take a namespace as a whole ([`Capabilities::batches`]).

use crate::model::encoded::EncodedGroup;

#[cfg(doc)]
use crate::model::capabilities::Capabilities;

/// One change of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write<'a> {
    /// Creates or replaces a group.
    Put {
        /// The group.
        group: &'a EncodedGroup<'a>,
        /// True if the local checks have findings about the group. It may be valid all the same, but is better tried
        /// apart from groups without findings.
        has_finding: bool,
    },
    /// Deletes a group.
    DeleteGroup(&'a str),
    /// Deletes the namespace with all its groups, which are these as far as is known.
    DeleteNamespace(&'a [&'a str]),
}
