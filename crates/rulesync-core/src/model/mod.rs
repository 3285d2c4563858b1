//! The vocabulary: groups, rules, durations, tenants, objects. Plain values without I/O.

pub(crate) mod capabilities;
pub(crate) mod declared;
pub(crate) mod duration;
pub(crate) mod encoded;
pub(crate) mod fingerprint;
pub(crate) mod group;
pub(crate) mod kind;
pub(crate) mod labels;
pub(crate) mod language;
pub(crate) mod left_out;
pub(crate) mod object;
pub(crate) mod positions;
pub(crate) mod tenant;
