//! The names of `RuleStatus` objects.

use rulesync_core::Owner;
use rulesync_core::model::{KINDS, PROMETHEUS_RULE};

use crate::publish::metadata::{MAX_NAME, limited_name};

/// Returns the name of the `RuleStatus` of an object: `{name}.{owner}`, and `{name}.{kind}.{owner}` for other kinds than the
/// PrometheusRule. Two objects never have one name, nor do two owners. What comes before the owner is cut if it is too long,
/// and then ends in a hash of the whole.
pub fn name(kind: &str, name: &str, owner: &Owner) -> String {
    // A PrometheusRule that is named like what another kind makes of a name has its kind in the name as well.
    let last = name.rsplit_once('.').map(|(_, last)| last);
    let is_ambiguous = last.is_some_and(|last| KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(last)));
    let full = match kind == PROMETHEUS_RULE && !is_ambiguous {
        true => name.to_owned(),
        false => format!("{name}.{}", kind.to_ascii_lowercase()),
    };
    format!("{}.{owner}", limited_name(full, MAX_NAME - 1 - owner.as_str().len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rule_status_name_ends_in_the_owner() {
        let owner: Owner = "prod".parse().unwrap();
        for (kind, object, expected) in [
            ("PrometheusRule", "node", "node.prod"),
            ("PrometheusRule", "node.rules", "node.rules.prod"),
            ("AlertingRule", "node", "node.alertingrule.prod"),
            ("RecordingRule", "node", "node.recordingrule.prod"),
            ("PrometheusRule", "node.alertingrule", "node.alertingrule.prometheusrule.prod"),
        ] {
            assert_eq!(name(kind, object, &owner), expected);
        }
        let long = name("PrometheusRule", &"a".repeat(253), &owner);
        assert_eq!(long.len(), 253);
        assert!(long.ends_with(".prod"), "{long}");
    }

    proptest! {
        #[test]
        fn rule_status_name_is_a_dns_name_and_that_of_one_object(
            objects in prop::collection::vec(
                (
                    prop::sample::select(vec!["PrometheusRule", "AlertingRule", "RecordingRule"]),
                    "[ab]([ab-]{0,100}[ab])?(\\.[ab]([ab-]{0,70}[ab])?){0,2}(\\.(alertingrule|prometheusrule))?",
                ),
                2,
            ),
            owner in "[a-z]([a-z0-9-]{0,61}[a-z0-9])?",
        ) {
            let owner: Owner = owner.parse().unwrap();
            let names: Vec<String> = objects.iter().map(|(kind, object)| name(kind, object, &owner)).collect();
            prop_assert_eq!(names[0] == names[1], objects[0] == objects[1]);
            for name in names {
                let is_label = |label: &str| {
                    let ends = label.as_bytes().first().zip(label.as_bytes().last());
                    ends.is_some_and(|(first, last)| first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric())
                };
                prop_assert!(name.len() <= 253 && name.split('.').all(is_label), "{}", name);
            }
        }
    }
}
