//! Enforcement of matchers with every operator, and of several on one label.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{equal, expression, for_all};
use crate::enforce::*;
use crate::promql::MatchOp;
use crate::promql::MatchOp::{Equal, NotEqual, NotRegex, Regex};

fn enforced(label: &str, mode: Mode, matchers: &[(MatchOp, &str)]) -> Enforcement {
    let (op, value) = matchers[0];
    let first = Enforcement::new(label, op, value, mode).unwrap();
    matchers[1..].iter().fold(first, |enforcement, (op, value)| enforcement.and(*op, value).unwrap())
}

#[test]
fn enforce_operators_are_written_as_in_expressions() {
    for (op, value, written) in [
        (Equal, "a", r#"up{team="a"}"#),
        (NotEqual, "a", r#"up{team!="a"}"#),
        (NotEqual, "", r#"up{team!=""}"#),
        (Regex, r"a|b\.c", r#"up{team=~"a|b\\.c"}"#),
        (NotRegex, ".+", r#"up{team!~".+"}"#),
        (NotRegex, "", r#"up{team!~""}"#),
    ] {
        let ours = enforced("team", Mode::Override, &[(op, value)]);
        for input in ["up", "up{team=~'.*'}", "up{team!=`x`, team!~'y'}"] {
            assert_eq!(enforce_promql(input, std::slice::from_ref(&ours)).as_deref(), Ok(written), "{input}");
        }
    }
}

#[test]
fn enforce_several_matchers_on_one_label() {
    let none_of = |mode| [enforced("ns", mode, &[(NotEqual, "a"), (NotRegex, "kube-.*")])];
    for (mode, input, expected) in [
        (Mode::Override, "up", r#"up{ns!="a",ns!~"kube-.*"}"#),
        (Mode::Override, "up{ns='x', b='c'}", r#"up{ns!="a", b='c',ns!~"kube-.*"}"#),
        (Mode::Override, "up{ns='x', ns!='y', ns='z'}", r#"up{ns!="a", ns!~"kube-.*"}"#),
        // Those that are there stay as they are, in any order.
        (Mode::Override, "up{ns!~'kube-.*', b='c', ns!='a'}", "up{ns!~'kube-.*', b='c', ns!='a'}"),
        (Mode::Override, "up{ns!~'kube-.*', ns='a'}", r#"up{ns!="a", ns!~"kube-.*"}"#),
        (Mode::AddIfAbsent, "up + down{ns='x'}", r#"up{ns!="a",ns!~"kube-.*"} + down{ns='x'}"#),
        (Mode::Require, "up{ns!~'kube-.*', ns='x', ns!='a'}", "up{ns!~'kube-.*', ns='x', ns!='a'}"),
    ] {
        assert_eq!(enforce_promql(input, &none_of(mode)).as_deref(), Ok(expected), "{input}");
    }
    let missing = enforce_promql("up{ns!='a'}", &none_of(Mode::Require)).unwrap_err();
    assert_eq!(missing.to_string(), r#"a selector lacks the matcher ns!~"kube-.*""#);
    let other_operator = enforce_promql("up{ns='a', ns!~'kube-.*'}", &none_of(Mode::Require)).unwrap_err();
    assert_eq!(other_operator.to_string(), r#"a selector lacks the matcher ns!="a""#);
    let twice = enforced("ns", Mode::Override, &[(Equal, "a"), (Equal, "a")]);
    assert_eq!(twice, equal("ns", "a", Mode::Override));
}

#[test]
fn enforcement_must_be_a_matcher_that_rulers_accept_and_that_isolates() {
    let new = |op, value| Enforcement::new("a", op, value, Mode::Override).map(|_| ());
    for op in [Equal, Regex] {
        assert_eq!(new(op, ""), Err(InvalidEnforcement::EmptyValue), "{op}");
    }
    for op in [Regex, NotRegex] {
        assert_eq!(
            new(op, "a(b").unwrap_err().to_string(),
            "the value is not a regular expression: error parsing regexp: missing closing ): `a(b`"
        );
        assert!(new(op, "(?!a)").is_err(), "Go has no look-ahead");
        assert!(enforced("a", Mode::Override, &[(Equal, "b")]).and(op, "[").is_err());
        assert_eq!(new(op, r"(?i)a\pL{2,3}|\Qb.\E"), Ok(()));
    }
    for op in [Equal, NotEqual] {
        assert_eq!(new(op, "a(b"), Ok(()), "it is no regular expression");
    }
}

#[test]
fn enforce_reports_selectors_without_any_other_matcher_that_selects() {
    let one = |op, value: &str| enforced("team", Mode::Override, &[(op, value)]);
    for ours in [one(NotEqual, "a"), one(NotRegex, "a.*"), one(Regex, ".*")] {
        for input in ["sum(\n {team='x'})", "sum(\n {team='x', b!='c', d=~'.*'})"] {
            let error = enforce_promql(input, std::slice::from_ref(&ours)).unwrap_err();
            assert!(matches!(error, EnforceError::MatchesEmpty { .. }), "{input}: {error}");
            assert_eq!(error.position().unwrap().to_string(), "2:2");
            assert!(error.to_string().contains(" that team"), "{error}");
        }
        for input in ["up{team='x'}", "{team='x', __name__='up'}", "{'up', team='x'}", "{team='x', b='c'}"] {
            assert!(enforce_promql(input, std::slice::from_ref(&ours)).is_ok(), "{input}");
        }
        let logs =
            enforce_logql("rate({team='x'}[5m])".replace('\'', "\"").as_str(), std::slice::from_ref(&ours));
        assert!(matches!(logs, Err(EnforceError::MatchesEmpty { .. })), "{logs:?}");
        // Another enforced matcher selects.
        let both = [ours.clone(), equal("cluster", "c", Mode::AddIfAbsent)];
        assert!(enforce_promql("{team='x'}", &both).is_ok());
        let kept = enforce_promql("{team='x', cluster!='y'}", &both);
        assert!(matches!(kept, Err(EnforceError::MatchesEmpty { .. })), "{kept:?}");
    }
    for ours in [one(NotEqual, ""), one(NotRegex, ""), one(NotRegex, ".*"), one(Regex, ".+")] {
        assert!(enforce_promql("{team='x'}", &[ours]).is_ok());
    }
}

#[test]
fn regex_of_words_matches_nothing_broader() {
    for (list, regex) in [("a", Ok("a")), ("eu.1|b-c_d", Ok(r"eu\.1|b-c_d")), ("é|ü", Ok("é|ü"))] {
        assert_eq!(regex_of_words(list).as_deref(), regex);
    }
    for empty in ["", "|", "a|", "|a", "a||b"] {
        assert_eq!(regex_of_words(empty), Err(WordListError::Empty), "{empty}");
    }
    for special in r"\+*?()[]{}^$".chars() {
        assert_eq!(regex_of_words(&format!("a.b{special}")), Err(WordListError::Special(special)));
    }
}

fn matchers() -> impl Strategy<Value = Vec<(MatchOp, String)>> {
    let op = prop_oneof![Just(Equal), Just(NotEqual), Just(Regex), Just(NotRegex)];
    let value = prop_oneof![Just("x"), Just("y,}"), Just("z.+|\\.\"{"), Just("é"), Just(".*")];
    let valid = |(op, value): (MatchOp, &str)| {
        Enforcement::new("a", op, value, Mode::Override).is_ok().then(|| (op, value.to_owned()))
    };
    prop::collection::vec((op, value).prop_filter_map("no regular expression", valid), 1..4)
}

type OnLabel = BTreeSet<(String, String)>;

/// The matchers of each selector: those on a label, and the others in their order.
fn selectors(input: &str, label: &str) -> Vec<(OnLabel, usize, Vec<String>)> {
    let expr = promql::parse(input, &promql::Options::default()).unwrap();
    let parts = |selector: &promql::VectorSelector| {
        let (on, others): (Vec<_>, Vec<_>) =
            selector.matchers.iter().partition(|matcher| matcher.label == label);
        let set = on.iter().map(|matcher| (matcher.op.to_string(), matcher.value.clone())).collect();
        let others = others.iter().map(|m| format!("{}{}{:?}", m.label, m.op, m.value)).collect();
        (set, on.len(), others)
    };
    expr.selectors().map(parts).collect()
}

/// Checks that each selector has exactly the wanted matchers on the label, and keeps all others.
fn check_exact(input: &str, label: &str, wanted: &[(MatchOp, String)]) -> Result<(), TestCaseError> {
    let borrowed: Vec<(MatchOp, &str)> = wanted.iter().map(|(op, value)| (*op, value.as_str())).collect();
    let ours = |mode| [enforced(label, mode, &borrowed)];
    let text = match enforce_promql(input, &ours(Mode::Override)) {
        Ok(text) => text,
        Err(EnforceError::MatchesEmpty { .. }) => {
            let empty = |(op, value): &(MatchOp, &str)| op.matches_empty(value);
            prop_assert!(borrowed.iter().all(empty), "{input}");
            return Ok(());
        }
        Err(error) => return Err(TestCaseError::fail(format!("{input}: {error}"))),
    };
    let set: OnLabel = wanted.iter().map(|(op, value)| (op.to_string(), value.clone())).collect();
    let (before, after) = (selectors(input, label), selectors(&text, label));
    prop_assert_eq!(before.len(), after.len());
    for ((.., others_before), (on, count, others)) in before.iter().zip(&after) {
        prop_assert_eq!(on, &set, "{} became {}", input, text);
        prop_assert_eq!(*count, set.len(), "{} became {}", input, text);
        prop_assert_eq!(others, others_before, "{} became {}", input, text);
    }
    for mode in [Mode::Override, Mode::Require, Mode::AddIfAbsent] {
        let again = enforce_promql(&text, &ours(mode));
        prop_assert_eq!(again.as_ref(), Ok(&text), "is stable");
    }
    // What is required of the author's own text is there or reported.
    let complete = before.iter().all(|(on, ..)| set.is_subset(on));
    prop_assert_eq!(enforce_promql(input, &ours(Mode::Require)).is_ok(), complete, "{}", input);
    Ok(())
}

#[test]
fn enforce_gives_every_selector_exactly_the_wanted_matchers() {
    let strategy =
        || (expression(), prop_oneof![Just("a"), Just("job"), Just("le"), Just("none")], matchers());
    for_all(super::CASES / 4, strategy, |(input, label, wanted)| {
        prop_assume!(promql::parse(&input, &promql::Options::default()).is_ok());
        check_exact(&input, label, &wanted)
    });
}

/// The same as [`check_exact`] for LogQL, whose selectors have no names.
fn check_exact_logql(input: &str, label: &str, wanted: &[(MatchOp, String)]) -> Result<(), TestCaseError> {
    let borrowed: Vec<(MatchOp, &str)> = wanted.iter().map(|(op, value)| (*op, value.as_str())).collect();
    let ours = |mode| [enforced(label, mode, &borrowed)];
    let text = match enforce_logql(input, &ours(Mode::Override)) {
        Ok(text) => text,
        Err(EnforceError::MatchesEmpty { .. }) => {
            let empty = |(op, value): &(MatchOp, &str)| op.matches_empty(value);
            prop_assert!(borrowed.iter().all(empty), "{input}");
            return Ok(());
        }
        Err(error) => return Err(TestCaseError::fail(format!("{input}: {error}"))),
    };
    let set: OnLabel = wanted.iter().map(|(op, value)| (op.to_string(), value.clone())).collect();
    let parts = |text: &str| {
        let expr = logql::parse(text).unwrap();
        let of = |selector: &logql::Selector| {
            let (on, others): (Vec<_>, Vec<_>) =
                selector.matchers.iter().partition(|matcher| matcher.label == label);
            let on: Vec<_> =
                on.iter().map(|matcher| (matcher.op.to_string(), matcher.value.clone())).collect();
            let others: Vec<_> = others.iter().map(|m| format!("{}{}{:?}", m.label, m.op, m.value)).collect();
            (on, others)
        };
        expr.selectors().map(of).collect::<Vec<_>>()
    };
    let (before, after) = (parts(input), parts(&text));
    prop_assert_eq!(before.len(), after.len());
    for ((_, others_before), (on, others)) in before.iter().zip(&after) {
        prop_assert_eq!(on.len(), set.len(), "{} became {}", input, text);
        prop_assert_eq!(&on.iter().cloned().collect::<OnLabel>(), &set, "{} became {}", input, text);
        prop_assert_eq!(others, others_before, "{} became {}", input, text);
    }
    for mode in [Mode::Override, Mode::Require, Mode::AddIfAbsent] {
        let again = enforce_logql(&text, &ours(mode));
        prop_assert_eq!(again.as_ref(), Ok(&text), "is stable");
    }
    Ok(())
}

#[test]
fn enforce_logql_gives_every_selector_exactly_the_wanted_matchers() {
    let label = prop_oneof![Just("am"), Just("bm"), Just("abm"), Just("none")];
    let strategy = || (logql::tests::robust::metrics(), label, matchers());
    for_all(super::CASES / 40, strategy, |(input, label, wanted)| check_exact_logql(&input, label, &wanted));
}
