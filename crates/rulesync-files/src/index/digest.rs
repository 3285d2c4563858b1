//! Tells a change from a repetition, without keeping what is compared.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Returns a digest that means something within this process only.
pub(super) fn digest_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
