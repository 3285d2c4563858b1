//! Equality of groups by value, as far as a ruler can store them.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

use super::capabilities::{StoredFields, StoredLimit};
use super::group::{Group, Rule};

/// A hash of the fields that a ruler stores of a group: groups with the same fingerprint are the same to that ruler.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Computes the fingerprint of a group for a ruler that stores these fields.
    ///
    /// Durations count by value; absent, empty and zero are the same; the expression is trimmed; the order of rules
    /// matters, that of labels and source tenants does not (docs/contracts/ruler-api.md 3.3).
    pub fn of(group: &Group, stored: &StoredFields) -> Self {
        let Group {
            name,
            interval,
            evaluation_delay,
            query_offset,
            limit,
            rules,
            labels,
            source_tenants,
            align_evaluation_time_on_interval,
        } = group;
        let mut hash = Gathered(Vec::with_capacity(TYPICAL_BYTES));
        hash.text(name);
        hash.number(interval.as_millis());
        hash.number(if stored.evaluation_delay { evaluation_delay.as_millis() } else { 0 });
        hash.number(if stored.query_offset { query_offset.as_millis() } else { 0 });
        #[expect(clippy::cast_possible_truncation, reason = "Mimir stores the limit in 32 bits, and wraps")]
        hash.number(match stored.limit {
            StoredLimit::No => 0,
            StoredLimit::Bits32 => i64::from(*limit as i32).cast_unsigned(),
            StoredLimit::Bits64 => limit.cast_unsigned(),
        });
        hash.map(if stored.group_labels { Some(labels) } else { None });
        let mut tenants: Vec<&str> = if stored.source_tenants {
            source_tenants.iter().map(String::as_str).collect()
        } else {
            Vec::new()
        };
        tenants.sort_unstable();
        tenants.dedup();
        hash.number(tenants.len() as u64);
        tenants.iter().for_each(|tenant| hash.text(tenant));
        hash.number(u64::from(stored.align_evaluation_time && *align_evaluation_time_on_interval));
        hash.number(rules.len() as u64);
        for Rule { record, alert, expr, for_duration, keep_firing_for, labels, annotations } in rules {
            hash.text(record);
            hash.text(alert);
            hash.text(expr.trim());
            hash.number(for_duration.as_millis());
            hash.number(if stored.keep_firing_for { keep_firing_for.as_millis() } else { 0 });
            hash.map(Some(labels));
            hash.map(Some(annotations));
        }
        Self::of_bytes(&hash.0)
    }

    /// Computes the fingerprint of bytes as they are, to detect whether a document has changed.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(&Sha256::digest(bytes)[..16]);
        Self(short)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The typical size of a group: the capacity that is reserved at first.
const TYPICAL_BYTES: usize = 1024;

/// Values with their lengths, so that no two different groups give the same bytes, to be hashed all at once.
struct Gathered(Vec<u8>);

impl Gathered {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn map(&mut self, map: Option<&BTreeMap<String, String>>) {
        self.number(map.map_or(0, BTreeMap::len) as u64);
        for (key, value) in map.into_iter().flatten() {
            self.text(key);
            self.text(value);
        }
    }
}
