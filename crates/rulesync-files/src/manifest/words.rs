//! The keys that rules have, what is nearly one of them, and which tools the others belong to.

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

/// Keys of groups that other tools have, and whose they are.
const GROUPS_OF_OTHERS: [(&str, &str); 13] = [
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

/// The keys of other tools without which the rules of a group mean something else.
const MEANING: [&str; 5] = ["type", "params", "headers", "tenant", "eval_offset"];

/// Keys of rules that other tools have, and whose they are.
const RULES_OF_OTHERS: [(&str, &str); 2] = [("debug", VMALERT), ("update_entries_limit", VMALERT)];

const VMALERT: &str = "vmalert";

/// Which tools have a key of a group that we do not read.
pub(super) fn owner_of_group_key(key: &str) -> Option<&'static str> {
    owner(&GROUPS_OF_OTHERS, key)
}

/// Whether a group's rules mean something else without this key of another tool.
pub(super) fn changes_the_meaning(key: &str) -> bool {
    MEANING.contains(&key)
}

/// Which tools have a key of a rule that we do not read.
pub(super) fn owner_of_rule_key(key: &str) -> Option<&'static str> {
    owner(&RULES_OF_OTHERS, key)
}

fn owner(table: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == key).map(|(_, owner)| *owner)
}

/// The known word that a key is most likely meant to be: one edit or transposition away, two for words of six letters and
/// more, and not there already.
pub(super) fn nearest<'w>(key: &str, known: &[&'w str], is_there: impl Fn(&str) -> bool) -> Option<&'w str> {
    // Extensions are meant to be nobody's.
    if key.starts_with("x-") {
        return None;
    }
    let key = key.to_lowercase();
    let near = |word: &&'w str| {
        let distance = osa_distance(&key, &word.to_lowercase());
        (distance <= reach(word) && !is_there(word)).then_some((distance, *word))
    };
    known.iter().filter_map(near).min().map(|(_, word)| word)
}

/// So many edits make a word of another.
fn reach(word: &str) -> usize {
    if word.len() < 6 { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_are_near_and_words_of_their_own_are_not() {
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
        assert_eq!(nearest("fro", &RULE, |word| word == "for"), None, "it is there");
    }

    #[test]
    fn no_key_of_another_tool_is_a_typo() {
        for (key, _) in GROUPS_OF_OTHERS {
            assert_eq!(nearest(key, &GROUP, |_| false), None, "{key}");
        }
        for (key, _) in RULES_OF_OTHERS {
            assert_eq!(nearest(key, &RULE, |_| false), None, "{key}");
        }
        for key in METADATA {
            assert_eq!(nearest(key, &METADATA, |word| word == key), None, "{key}");
        }
    }
}
