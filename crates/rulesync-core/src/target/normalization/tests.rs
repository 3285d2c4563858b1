use super::*;
use crate::dialect::PromQl;

const RESPELLS: Server<'static> = Server {
    keeps: Keeps::ALL,
    normalization: Normalization::Respells {
        oldest: Keeps { query_offset: false, keep_firing_for: false, ..Keeps::ALL },
    },
    dialect: &PromQl,
};

const EXACT: Server<'static> = Server { normalization: Normalization::Exact, ..RESPELLS };

fn sent() -> Group {
    let rule = |alert: &str| Rule {
        alert: alert.into(),
        expr: "sum by (job) (up) > 1".into(),
        hold: "5m".parse().unwrap(),
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

fn key() -> Key {
    ("us.ns.o".into(), "g".into())
}

/// Looks twice at what came back, the second time at the whole.
fn look_twice(normalizations: &mut Normalizations, read: &Group, server: Server<'_>) -> [Difference; 2] {
    let pair = [&sent(), read].map(|group| Fingerprint::of(group, &Keeps::ALL));
    let mut look =
        |read_group| normalizations.judge(&key(), (pair[0], pair[1]), || Some(sent()), read_group, server);
    [look(None), look(Some(read))]
}

#[test]
fn what_servers_make_by_themselves_is_learned() {
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
        let looks = look_twice(&mut Normalizations::default(), &read, RESPELLS);
        assert_eq!(looks, [Difference::Unknown, expected], "{what}");
        let looks = look_twice(&mut Normalizations::default(), &read, EXACT);
        assert_eq!(looks, [Difference::Change, Difference::Change], "{what}, where we write the files");
    }
}

#[test]
fn what_only_people_and_tools_change_is_never_learned() {
    let cases: [(&str, Group); 12] = [
        ("fewer rules", altered(|g| drop(g.rules.pop()))),
        ("more rules", altered(|g| g.rules.push(g.rules[0].clone()))),
        ("another order", altered(|g| g.rules.reverse())),
        ("another alert", altered(|g| g.rules[0].alert = "C".into())),
        ("a record", altered(|g| g.rules[0].record = "r".into())),
        ("a label", altered(|g| drop(g.rules[0].labels.insert("severity".into(), "none".into())))),
        ("no label", altered(|g| g.rules[0].labels.clear())),
        ("an annotation", altered(|g| drop(g.rules[0].annotations.insert("a".into(), "b".into())))),
        ("another for", altered(|g| g.rules[0].hold = "6m".parse().unwrap())),
        ("another meaning", altered(|g| g.rules[0].expr = "sum by (job) (up) > 2".into())),
        ("a field that every version keeps", altered(|g| g.limit = 0)),
        ("another value of one that some lack", altered(|g| g.query_offset = "1m".parse().unwrap())),
    ];
    for (what, read) in cases {
        let mut normalizations = Normalizations::default();
        for _ in 0..10 {
            let [_, second] = look_twice(&mut normalizations, &read, RESPELLS);
            assert_eq!(second, Difference::Change, "{what}");
        }
        assert_eq!(normalizations.groups(), 0, "{what}");
        assert!(normalizations.wanted().is_empty(), "{what} was read whole once");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_is_tested_again_with_one_group_an_hour() {
    let mut normalizations = Normalizations::default();
    let read = altered(|g| g.query_offset = "0s".parse().unwrap());
    let [sent_as, read_as] = [&sent(), &read].map(|group| Fingerprint::of(group, &Keeps::ALL));
    let keys: Vec<Key> = (0..3).map(|n| (format!("us.ns.o{n}").into(), "g".into())).collect();
    let judge = |normalizations: &mut Normalizations, key: &Key| {
        normalizations.judge(key, (sent_as, read_as), || Some(sent()), Some(&read), RESPELLS)
    };
    for key in &keys {
        assert_eq!(judge(&mut normalizations, key), Difference::Unknown);
        assert!(matches!(judge(&mut normalizations, key), Difference::Learned(_)));
        assert_eq!(judge(&mut normalizations, key), Difference::Normalized);
    }
    let mut now = Instant::now();
    assert!(normalizations.retest(now).is_empty());
    now += RETEST;
    assert_eq!(normalizations.retest(now), [keys[0].clone()]);
    assert_eq!(judge(&mut normalizations, &keys[0]), Difference::Normalized, "and nobody is told again");
    now += RETEST;
    assert_eq!(normalizations.retest(now).len(), 1);
    let anew = normalizations.same(&keys[0]);
    assert_eq!((anew.len(), normalizations.groups()), (2, 0), "the server was upgraded");
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
