//! The known keys of rule files, the detection of misspelt keys, and the keys of other tools.

use strsim::osa_distance;

/// The keys of a group.
pub(super) const GROUP: [&str; 10] = [
    "name",
    "interval",
    "query_offset",
    "evaluation_delay",
    "limit",
    "labels",
    "rules",
    "source_tenants",
    "align_evaluation_time_on_interval",
    "partial_response_strategy",
];

/// The keys of a rule.
pub(super) const RULE: [&str; 7] =
    ["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"];

/// The keys of an object.
pub(super) const OBJECT: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// The keys of an object's metadata.
pub(super) const METADATA: [&str; 15] = [
    "name",
    "namespace",
    "labels",
    "annotations",
    "uid",
    "generateName",
    "generation",
    "finalizers",
    "ownerReferences",
    "managedFields",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];

/// The keys of groups in other tools, and these tools.
const FOREIGN_GROUP_KEYS: [(&str, &str); 13] = [
    ("concurrency", VMALERT),
    ("type", VMALERT),
    ("params", VMALERT),
    ("headers", VMALERT),
    ("notifier_headers", VMALERT),
    ("eval_offset", VMALERT),
    ("eval_delay", VMALERT),
    ("eval_alignment", VMALERT),
    ("tenant", VMALERT),
    ("extra_filter_labels", VMALERT),
    ("debug", VMALERT),
    ("checksum", VMALERT),
    ("remote_write", "mimirtool and lokitool"),
];

/// The keys of other tools that change the meaning of the rules in a group.
const SEMANTIC_KEYS: [&str; 5] = ["type", "params", "headers", "tenant", "eval_offset"];

/// The keys of rules in other tools, and these tools.
const FOREIGN_RULE_KEYS: [(&str, &str); 2] = [("debug", VMALERT), ("update_entries_limit", VMALERT)];

const VMALERT: &str = "vmalert";

/// The tools that support a key of a group that rulesync does not.
pub(super) fn owner_of_group_key(key: &str) -> Option<&'static str> {
    owner(&FOREIGN_GROUP_KEYS, key)
}

/// Returns `true` if a key of another tool changes the meaning of a group's rules.
pub(super) fn changes_meaning(key: &str) -> bool {
    SEMANTIC_KEYS.contains(&key)
}

/// The tools that support a key of a rule that rulesync does not.
pub(super) fn owner_of_rule_key(key: &str) -> Option<&'static str> {
    owner(&FOREIGN_RULE_KEYS, key)
}

fn owner(table: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == key).map(|(_, owner)| *owner)
}

/// Returns the known key that `key` most likely misspells: one edit or transposition away, two for known keys of six
/// letters and more, and not present yet.
pub(super) fn nearest<'w>(
    key: &str,
    known: &[&'w str],
    is_present: impl Fn(&str) -> bool,
) -> Option<&'w str> {
    // Extension keys are ignored by convention.
    if key.starts_with("x-") {
        return None;
    }
    let key = key.to_lowercase();
    let near = |word: &&'w str| {
        let distance = osa_distance(&key, &word.to_lowercase());
        (distance <= max_distance(word) && !is_present(word)).then_some((distance, *word))
    };
    known.iter().filter_map(near).min().map(|(_, word)| word)
}

/// The maximum edit distance to a known key.
fn max_distance(word: &str) -> usize {
    if word.len() < 6 { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_typos_only() {
        for (key, word) in [
            ("fro", "for"),
            ("fr", "for"),
            ("FOR", "for"),
            ("lables", "labels"),
            ("label", "labels"),
            ("anotation", "annotations"),
            ("expression", ""),
            ("recrod", "record"),
            ("exp", "expr"),
            ("keepFiringFor", "keep_firing_for"),
            ("doc", ""),
            ("org", ""),
            ("unit", ""),
            ("team", ""),
            ("x-for", ""),
            ("description", ""),
        ] {
            assert_eq!(nearest(key, &RULE, |_| false).unwrap_or_default(), word, "{key}");
        }
        for (key, word) in [
            ("intervall", "interval"),
            ("rule", "rules"),
            ("nmae", "name"),
            ("unit", ""),
            ("doc", ""),
            ("org", ""),
            ("source", ""),
        ] {
            assert_eq!(nearest(key, &GROUP, |_| false).unwrap_or_default(), word, "{key}");
        }
        assert_eq!(nearest("fro", &RULE, |word| word == "for"), None, "the key is present");
    }

    #[test]
    fn nearest_ignores_keys_of_other_tools() {
        for (key, _) in FOREIGN_GROUP_KEYS {
            assert_eq!(nearest(key, &GROUP, |_| false), None, "{key}");
        }
        for (key, _) in FOREIGN_RULE_KEYS {
            assert_eq!(nearest(key, &RULE, |_| false), None, "{key}");
        }
        for key in METADATA {
            assert_eq!(nearest(key, &METADATA, |word| word == key), None, "{key}");
        }
    }
}
