//! The canonical form of a group for a ruler: what the ruler stores of it, written in one way only.

use super::capabilities::{StoredFields, StoredLimit};
use super::group::Group;

impl Group {
    /// Returns the group as a ruler stores it that stores these fields: groups with the same
    /// [`Fingerprint`](super::fingerprint::Fingerprint) have the same canonical form. Fields that are not stored are
    /// empty, expressions are trimmed, and source tenants are sorted.
    #[must_use]
    pub fn canonical(mut self, stored: &StoredFields) -> Self {
        if !stored.evaluation_delay {
            self.evaluation_delay = Default::default();
        }
        if !stored.query_offset {
            self.query_offset = Default::default();
        }
        #[expect(clippy::cast_possible_truncation, reason = "Mimir stores the limit in 32 bits, and wraps")]
        match stored.limit {
            StoredLimit::No => self.limit = 0,
            StoredLimit::Bits32 => self.limit = i64::from(self.limit as i32),
            StoredLimit::Bits64 => {}
        }
        if !stored.group_labels {
            self.labels.clear();
        }
        if stored.source_tenants {
            self.source_tenants.sort_unstable();
            self.source_tenants.dedup();
        } else {
            self.source_tenants.clear();
        }
        self.align_evaluation_time_on_interval &= stored.align_evaluation_time;
        for rule in &mut self.rules {
            rule.expr = rule.expr.trim().to_owned();
            if !stored.keep_firing_for {
                rule.keep_firing_for = Default::default();
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::fingerprint::Fingerprint;

    /// Groups that differ in what rulers treat alike, or do not store, and in little else.
    fn groups() -> impl Strategy<Value = Group> {
        let group = r#"{"name":"g","interval":"1m","evaluation_delay":"D","query_offset":"D","limit":LIMIT,
            "rules":[{"alert":"A","expr":"EXPR","keep_firing_for":"D"}],"labels":{LABELS},
            "source_tenants":[TENANTS],"align_evaluation_time_on_interval":ALIGN}"#;
        let values = (
            prop::sample::select(vec!["0s", "60s", "1m"]),
            prop::sample::select(vec!["0", "1", "4294967297"]),
            prop::sample::select(vec!["up", " up\\n", "down"]),
            prop::sample::select(vec!["", r#""a":"b""#]),
            prop::sample::select(vec!["", r#""a","b""#, r#""b","a","b""#]),
            prop::sample::select(vec!["true", "false"]),
        );
        values.prop_map(move |(duration, limit, expr, labels, tenants, align)| {
            let text = group.replace("LIMIT", limit).replace("EXPR", expr).replace("LABELS", labels);
            let text = text.replace("TENANTS", tenants).replace("ALIGN", align);
            serde_json::from_str(&text.replace("\"D\"", &format!("{duration:?}"))).unwrap()
        })
    }

    fn fields() -> impl Strategy<Value = StoredFields> {
        let limit = prop::sample::select(vec![StoredLimit::No, StoredLimit::Bits32, StoredLimit::Bits64]);
        (prop::array::uniform6(any::<bool>()), limit).prop_map(
            |([group_labels, query_offset, evaluation_delay, source_tenants, align, keep], limit)| {
                StoredFields {
                    group_labels,
                    limit,
                    query_offset,
                    evaluation_delay,
                    source_tenants,
                    align_evaluation_time: align,
                    keep_firing_for: keep,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn canonical_forms_are_equal_exactly_where_fingerprints_are(a in groups(), b in groups(), stored in fields()) {
            let same = Fingerprint::of(&a, &stored) == Fingerprint::of(&b, &stored);
            let (a, b) = (a.canonical(&stored), b.canonical(&stored));
            prop_assert_eq!(a == b, same, "{:?} {:?}", a, b);
            prop_assert_eq!(a.clone().canonical(&stored), a);
        }
    }
}
