//! Whether what became of an object is published by this source, if others show it, too. Pure.

use rulesync_core::status::ObjectStatus;

/// How an object relates to those of its name that other sources show. In the order in which it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sharing {
    /// They are other objects, in other clusters.
    Unrelated,
    /// A later source shows the same object.
    First,
    /// An earlier source shows the same object, and publishes what became of it.
    Elsewhere,
}

impl Sharing {
    /// Compares an object with others of its name; none if there are none. `sources` are the sources in the order of the
    /// configuration.
    pub(super) fn of(status: &ObjectStatus, others: &[ObjectStatus], sources: &[String]) -> Option<Self> {
        let position = |status: &ObjectStatus| sources.iter().position(|name| *name == status.source);
        let with = |other: &ObjectStatus| {
            if status.uid.is_none() || status.uid != other.uid {
                Self::Unrelated
            } else if position(other) < position(status) {
                Self::Elsewhere
            } else {
                Self::First
            }
        };
        others.iter().map(with).max()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::publish::samples::status;

    #[test]
    fn shared_object_is_published_by_the_first_source_that_shows_it() {
        let of = |source: &str, uid: &str| status(json!({"source": source, "uid": uid}));
        let sources: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        let own = of("b", "1");
        for (others, expected) in [
            (vec![], None),
            (vec![of("a", "2")], Some(Sharing::Unrelated)),
            (vec![of("a", "2"), of("c", "1")], Some(Sharing::First)),
            (vec![of("a", "1"), of("c", "1")], Some(Sharing::Elsewhere)),
            (vec![status(json!({"source": "a", "uid": null}))], Some(Sharing::Unrelated)),
        ] {
            assert_eq!(Sharing::of(&own, &others, &sources), expected);
        }
        let unknown = status(json!({"source": "b", "uid": null}));
        assert_eq!(Sharing::of(&unknown, std::slice::from_ref(&unknown), &sources), Some(Sharing::Unrelated));
    }
}
