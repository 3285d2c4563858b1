use super::*;
use crate::model::duration::PromDuration;
use crate::model::language::QueryLanguage::PromQl;
use crate::model::name::GroupKey;

const RESPELLS: Server = Server {
    fields: StoredFields::ALL,
    normalization: Normalization::Respells {
        oldest: StoredFields { query_offset: false, keep_firing_for: false, ..StoredFields::ALL },
    },
    language: PromQl,
};

const EXACT: Server = Server { normalization: Normalization::Exact, ..RESPELLS };

fn sent() -> Group {
    let rule = |alert: &str| Rule {
        alert: alert.into(),
        expr: "sum by (job) (up) > 1".into(),
        for_duration: "5m".parse().unwrap(),
        keep_firing_for: "1m".parse().unwrap(),
        labels: BTreeMap::from([("severity".to_owned(), "page".to_owned())]),
        ..Rule::default()
    };
    Group {
        name: "g".into(),
        limit: 3,
        query_offset: "30s".parse().unwrap(),
        rules: vec![rule("A"), rule("B")],
        ..Group::default()
    }
}

fn altered(alter: impl FnOnce(&mut Group)) -> Group {
    let mut group = sent();
    alter(&mut group);
    group
}

fn key() -> GroupKey {
    ("us.ns.o".into(), "g".into())
}

/// Judges a difference in two lists, the second of which reads the whole group.
fn judge_twice(normalizations: &mut Normalizations, read: &Group, server: Server) -> [Difference; 2] {
    let pair = [&sent(), read].map(|group| Fingerprint::of(group, &StoredFields::ALL));
    let mut judge_once =
        |read_group| normalizations.judge(&key(), (pair[0], pair[1]), || Some(sent()), read_group, server);
    [judge_once(None), judge_once(Some(read))]
}

#[test]
fn normalization_learns_what_servers_change_by_themselves() {
    let cases: [(&str, Group, &[&str]); 4] = [
        ("an older version", altered(|g| g.query_offset = "0s".parse().unwrap()), &["query_offset"]),
        (
            "one older still",
            altered(|g| g.rules.iter_mut().for_each(|r| r.keep_firing_for = "0s".parse().unwrap())),
            &["keep_firing_for"],
        ),
        ("a printer", altered(|g| g.rules[0].expr = "(sum(up) by (job)) > 1.0".into()), &["expr"]),
        (
            "both",
            altered(|g| {
                g.query_offset = "0s".parse().unwrap();
                g.rules[1].expr = "sum by(job)(up)>1".into();
            }),
            &["expr", "query_offset"],
        ),
    ];
    for (what, read, fields) in cases {
        let expected = Difference::Learned(fields.iter().copied().collect());
        let differences = judge_twice(&mut Normalizations::default(), &read, RESPELLS);
        assert_eq!(differences, [Difference::Unknown, expected], "{what}");
        let differences = judge_twice(&mut Normalizations::default(), &read, EXACT);
        assert_eq!(
            differences,
            [Difference::Change, Difference::Change],
            "{what}, where the engine writes the files"
        );
    }
}

#[test]
fn normalization_never_learns_what_only_people_and_tools_change() {
    let cases: [(&str, Group); 15] = [
        ("another name", altered(|g| g.name = "h".into())),
        ("another interval", altered(|g| g.interval = "1m".parse().unwrap())),
        ("another keep_firing_for", altered(|g| g.rules[1].keep_firing_for = "2m".parse().unwrap())),
        ("fewer rules", altered(|g| drop(g.rules.pop()))),
        ("more rules", altered(|g| g.rules.push(g.rules[0].clone()))),
        ("another order", altered(|g| g.rules.reverse())),
        ("another alert", altered(|g| g.rules[0].alert = "C".into())),
        ("a record", altered(|g| g.rules[0].record = "r".into())),
        ("a label", altered(|g| drop(g.rules[0].labels.insert("severity".into(), "none".into())))),
        ("no label", altered(|g| g.rules[0].labels.clear())),
        ("an annotation", altered(|g| drop(g.rules[0].annotations.insert("a".into(), "b".into())))),
        ("another for", altered(|g| g.rules[0].for_duration = "6m".parse().unwrap())),
        ("another meaning", altered(|g| g.rules[0].expr = "sum by (job) (up) > 2".into())),
        ("a field that every version keeps", altered(|g| g.limit = 0)),
        ("another value of one that some lack", altered(|g| g.query_offset = "1m".parse().unwrap())),
    ];
    // Together with a field that the server drops by itself, it is a change all the same.
    let with_dropped = |(what, read): &(&'static str, Group)| {
        (*what, Group { query_offset: PromDuration::ZERO, ..read.clone() })
    };
    let dropped: Vec<(&str, Group)> = cases.iter().map(with_dropped).collect();
    let meaningful = |(what, _): &(&str, Group)| *what != "another value of one that some lack";
    for (what, read) in cases.into_iter().chain(dropped.into_iter().filter(meaningful)) {
        let mut normalizations = Normalizations::default();
        for round in 0..10 {
            let [first, second] = judge_twice(&mut normalizations, &read, RESPELLS);
            let known = if round == 0 { Difference::Unknown } else { Difference::Change };
            assert_eq!([first, second], [known, Difference::Change], "{what}");
        }
        assert_eq!(normalizations.groups(), 0, "{what}");
        assert!(normalizations.wanted().is_empty(), "{what} was read whole once");
    }
}

/// Sets one field of a group to that of another.
type Set = fn(&mut Group, Group);

#[test]
fn normalization_may_drop_optional_fields_and_never_adds_them() {
    let none = StoredFields {
        group_labels: false,
        limit: StoredLimit::No,
        query_offset: false,
        evaluation_delay: false,
        source_tenants: false,
        align_evaluation_time: false,
        keep_firing_for: false,
    };
    let server = Server { normalization: Normalization::Respells { oldest: none }, ..RESPELLS };
    let bare = Group { limit: 0, query_offset: PromDuration::ZERO, ..sent() };
    let full = Group {
        evaluation_delay: "1m".parse().unwrap(),
        labels: [("a".to_owned(), "b".to_owned())].into(),
        source_tenants: vec!["t".to_owned()],
        align_evaluation_time_on_interval: true,
        ..sent()
    };
    let fields: [(&str, Set); 6] = [
        ("limit", |to, from| to.limit = from.limit),
        ("query_offset", |to, from| to.query_offset = from.query_offset),
        ("evaluation_delay", |to, from| to.evaluation_delay = from.evaluation_delay),
        ("labels", |to, from| to.labels = from.labels),
        ("source_tenants", |to, from| to.source_tenants = from.source_tenants),
        ("align_evaluation_time_on_interval", |to, from| {
            to.align_evaluation_time_on_interval = from.align_evaluation_time_on_interval;
        }),
    ];
    for (field, set) in fields {
        let mut dropped = full.clone();
        set(&mut dropped, bare.clone());
        assert_eq!(server.made(&full, &dropped), Some([field].into()), "{field} is dropped");
        assert_eq!(server.made(&dropped, &full), None, "{field} is made up");
        let keeps_all =
            Server { normalization: Normalization::Respells { oldest: StoredFields::ALL }, ..server };
        assert_eq!(keeps_all.made(&full, &dropped), None, "{field} is kept by every version");
    }
    assert_eq!(server.made(&full, &full), None, "nothing differs");
    // A limit of 32 bits wraps.
    let narrow =
        Server { fields: StoredFields { limit: StoredLimit::Bits32, ..StoredFields::ALL }, ..server };
    let wide = Group { limit: 3 + (1 << 32), query_offset: PromDuration::ZERO, ..sent() };
    assert_eq!(narrow.made(&wide, &Group { limit: 4, ..wide.clone() }), None);
    let wrapped = Group { limit: 3, ..sent() };
    assert_eq!(narrow.made(&Group { limit: 3 + (1 << 32), ..sent() }, &wrapped), None, "the same to it");
    let offset = Group { query_offset: PromDuration::ZERO, ..wrapped };
    assert_eq!(
        narrow.made(&Group { limit: 3 + (1 << 32), ..sent() }, &offset),
        Some(["query_offset"].into())
    );
}

#[test]
fn normalization_holds_for_one_sent_and_read_form_only() {
    let mut normalizations = Normalizations::default();
    assert!(normalizations.is_empty());
    let read = altered(|g| g.query_offset = "0s".parse().unwrap());
    judge_twice(&mut normalizations, &read, RESPELLS);
    let [sent_as, read_as, other] =
        [&sent(), &read, &altered(|g| g.limit = 9)].map(|group| Fingerprint::of(group, &StoredFields::ALL));
    assert!(normalizations.is_learned(&key(), (sent_as, read_as)));
    for pair in [(sent_as, other), (other, read_as)] {
        assert!(!normalizations.is_learned(&key(), pair));
    }
    assert!(!normalizations.is_learned(&("us.ns.o".into(), "h".into()), (sent_as, read_as)));
    let shown = |namespace: &str| {
        let fields = normalizations.of_namespace(namespace);
        fields.map(|(group, fields)| format!("{group} {fields:?}")).collect::<Vec<_>>()
    };
    assert_eq!(shown("us.ns.o"), [r#"g {"query_offset"}"#]);
    assert_eq!(shown("us.ns.p"), Vec::<String>::new());
    assert!(!normalizations.is_empty());
    normalizations.retain(|_| Some(sent_as));
    assert_eq!(normalizations.groups(), 1);
    normalizations.retain(|_| Some(other));
    assert!(normalizations.is_empty(), "something else is sent now");
}

#[tokio::test(start_paused = true)]
async fn normalization_that_changed_is_reported_at_the_test() {
    let mut normalizations = Normalizations::default();
    judge_twice(&mut normalizations, &altered(|g| g.query_offset = "0s".parse().unwrap()), RESPELLS);
    normalizations.retest(Instant::now());
    assert_eq!(normalizations.retest(Instant::now() + RETEST_INTERVAL), [key()]);
    assert!(!normalizations.is_empty() && normalizations.wanted().contains(&key()));
    let read = altered(|g| g.rules[0].expr = "(sum(up) by (job)) > 1.0".into());
    let [_, looked] = judge_twice(&mut normalizations, &read, RESPELLS);
    assert_eq!(looked, Difference::Learned(["expr"].into()));
}

#[tokio::test(start_paused = true)]
async fn normalization_is_tested_hourly_with_one_group_of_each_kind() {
    let mut normalizations = Normalizations::default();
    let read = altered(|g| g.query_offset = "0s".parse().unwrap());
    let [sent_as, read_as] = [&sent(), &read].map(|group| Fingerprint::of(group, &StoredFields::ALL));
    let keys: Vec<GroupKey> = (0..3).map(|n| (format!("us.ns.o{n}").into(), "g".into())).collect();
    let judge = |normalizations: &mut Normalizations, key: &GroupKey| {
        normalizations.judge(key, (sent_as, read_as), || Some(sent()), Some(&read), RESPELLS)
    };
    for key in &keys {
        assert_eq!(judge(&mut normalizations, key), Difference::Unknown);
        assert!(matches!(judge(&mut normalizations, key), Difference::Learned(_)));
        assert_eq!(judge(&mut normalizations, key), Difference::Normalized);
    }
    let mut now = Instant::now();
    assert!(normalizations.retest(now).is_empty());
    now += RETEST_INTERVAL;
    assert_eq!(normalizations.retest(now), [keys[0].clone()]);
    assert_eq!(judge(&mut normalizations, &keys[0]), Difference::Normalized, "not reported again");
    now += RETEST_INTERVAL;
    assert_eq!(normalizations.retest(now).len(), 1);
    let to_read_again = normalizations.same(&keys[0]);
    assert_eq!((to_read_again.len(), normalizations.groups()), (2, 0), "the server was upgraded");
}

#[test]
fn differences_are_named_by_field() {
    let read = altered(|g| {
        g.limit = 0;
        g.rules[0].expr = "up{}".into();
    });
    assert_eq!(differences(&sent(), &read), ["limit", "rules[0].expr"]);
    assert!(differences(&sent(), &sent()).is_empty());
}
