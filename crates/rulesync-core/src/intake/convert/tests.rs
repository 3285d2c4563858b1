use super::*;

fn converted(groups: &str) -> Conversion {
    let annotations = BTreeMap::from([(SOURCE_TENANTS_ANNOTATION.to_owned(), " b,, a ,".to_owned())]);
    convert(serde_json::from_str(groups).unwrap(), &annotations, &[], OnInvalid::Group)
}

#[test]
fn finding_of_the_source_makes_the_rule_invalid_and_is_reported_once() {
    let groups = r#"[{"name":"g","rules":[{"record":"r","expr":""},{"record":"s","expr":"1"}]},{"name":"h"},
        {"name":"i","rules":[{"record":"r","expr":"1"}]}]"#;
    let unread = |group, rule| {
        let location = Location { group_index: Some(group), rule, ..Location::default() };
        Finding::error(Code::Type, "a list, and must be a text").at(location)
    };
    let found = [unread(0, Some(0)), unread(1, None)];
    let converted =
        |on_invalid| convert(serde_json::from_str(groups).unwrap(), &BTreeMap::new(), &found, on_invalid);
    let names = |conversion: &Conversion| -> Vec<(String, usize)> {
        conversion.groups.iter().map(|group| (group.name.clone(), group.rules.len())).collect()
    };
    let by_group = converted(OnInvalid::Group);
    assert_eq!(names(&by_group), [("i".to_owned(), 1)]);
    let faulty = by_group.faulty.iter().map(|faulty| (faulty.index, faulty.group.rules.len()));
    assert_eq!(faulty.collect::<Vec<_>>(), [(0, 2), (1, 0)]);
    assert_eq!((by_group.refused, by_group.findings), (vec!["g".to_owned(), "h".to_owned()], vec![]));
    let by_rule = converted(OnInvalid::Rule);
    assert_eq!(names(&by_rule), [("g".to_owned(), 1), ("i".to_owned(), 1)]);
    assert_eq!(by_rule.left_out[0].declared(0), 1);
    let cut = by_rule.cut.iter().map(|cut| (cut.index, cut.group.rules.len()));
    assert_eq!(cut.collect::<Vec<_>>(), [(0, 2)]);
    assert_eq!((by_rule.refused, by_rule.findings), (vec!["h".to_owned()], vec![]));
}

fn findings(groups: &str) -> Vec<String> {
    converted(groups).findings.iter().map(ToString::to_string).collect()
}

#[test]
fn conversion_takes_everything_the_crd_accepts() {
    let conversion = converted(
        r#"[{"name":"g","interval":"","partial_response_strategy":"warn","limit":5,"query_offset":"1m",
             "rules":[{"alert":"A","expr":1,"for":"","labels":{"a":null}},{"record":"r:x","expr":" up\n"}]},
            {"name":"none"},{"name":"empty","rules":[]}]"#,
    );
    assert_eq!(conversion.findings, []);
    let [group] = conversion.groups.as_slice() else { panic!("one group") };
    assert_eq!(group.source_tenants, ["b", "a"]);
    assert_eq!((group.rules[0].expr.as_str(), group.rules[1].expr.as_str()), ("1", "up"));
    assert_eq!(group.rules[0].labels["a"], "");
    assert_eq!(group.limit, 5);
    assert_eq!(converted("[]"), Conversion::default());
}

#[test]
fn conversion_of_an_invalid_group_does_not_affect_the_others() {
    let conversion = converted(
        r#"[{"name":"bad","interval":"1.5h","rules":[{"alert":"A","expr":"up","for":"x"},{"expr":"up"},
             {"record":"a","alert":"b","expr":"up"},{"record":"r"}]},
            {"name":"good","rules":[{"record":"r","expr":"up"}]},
            {"name":"good","rules":[{"record":"r2","expr":"up"}]}]"#,
    );
    assert_eq!(conversion.groups.len(), 1);
    assert_eq!(conversion.groups[0].rules[0].record, "r");
    assert_eq!(conversion.refused, ["bad"]);
    let texts: Vec<String> = conversion.findings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(texts.join("\n"), @r#"
    group "bad", interval: `1.5h` is not a Prometheus duration: write whole numbers with units in the order y, w, d, h, m, s, ms, such as `1h30m`
    group "bad", rule 0 "A", for: `x` is not a Prometheus duration: write whole numbers with units in the order y, w, d, h, m, s, ms, such as `1h30m`
    group "bad", rule 1: neither `record` nor `alert` is set (set one)
    group "bad", rule 2 "b": both `record` and `alert` are set (split it into two rules)
    group "bad", rule 3 "r", expr: the expression is empty
    group "good": a group of this name stands earlier in the object (the first one counts: rename or remove this one)
    "#);
}

#[test]
fn conversion_refuses_texts_that_freeze_a_tenant() {
    let rule = |field: &str| format!(r#"[{{"name":"g","rules":[{{"alert":"A","expr":"up",{field}}}]}}]"#);
    for poison in [
        rule(r#""annotations":{"a":"\tx\ny"}"#),
        rule(r#""labels":{"a":" \tx\n"}"#),
        rule(r#""annotations":{"a":"x\u0085y"}"#),
        rule(r#""annotations":{"a":"x\u2028y"}"#),
        rule(r#""annotations":{"a":"x\u0000y"}"#),
        rule(r#""labels":{"a\nb":"x"}"#),
        rule(r#""labels":{"__name__":"x"}"#),
        rule(r#""labels":{"<<":"x"}"#),
        rule(r#""annotations":{"<<":"x"}"#),
        rule(r#""annotations":{"a":"x\uffffy"}"#),
        r#"[{"name":"g","labels":{"<<":"x"},"rules":[{"alert":"A","expr":"up"}]}]"#.to_owned(),
        r#"[{"name":"g","rules":[{"alert":"\tA\nB","expr":"up"}]}]"#.to_owned(),
        "[{\"name\":\"\\nA\",\"rules\":[{\"alert\":\"A\",\"expr\":\"up\"}]}]".to_owned(),
        r#"[{"name":"","rules":[{"alert":"A","expr":"up"}]}]"#.to_owned(),
    ] {
        assert_eq!(converted(&poison).groups, [], "{poison}");
    }
    for harmless in [
        rule(r#""annotations":{"a":"x\n\ty"}"#),
        rule(r#""annotations":{"a":"\tx"}"#),
        rule(r#""annotations":{"a":"\nx"}"#),
        rule(r#""annotations":{"a":"x \r\n"}"#),
        rule(r#""annotations":{"a":"<<","b":"{{ $labels.x }}"}"#),
        r#"[{"name":"g","rules":[{"alert":"A","expr":"\tup\n\tor down"}]}]"#.to_owned(),
    ] {
        assert_eq!(findings(&harmless), Vec::<String>::new(), "{harmless}");
    }
}

#[test]
fn source_tenants_are_names_of_single_tenants() {
    let refused = |tenants: &str| {
        findings(&format!(
            r#"[{{"name":"g","source_tenants":[{tenants}],"rules":[{{"alert":"A","expr":"up"}}]}}]"#
        ))
    };
    assert_eq!(refused(r#""a","team-b""#), Vec::<String>::new());
    for odd in [r#""shared-x|victim""#, r#""a","..""#, r#""a\nb""#, r#""""#] {
        let errors = refused(odd);
        assert!(errors.len() == 1 && errors[0].contains("is not the name of a tenant"), "{odd}: {errors:?}");
    }
}

#[test]
fn conversion_offers_what_only_the_ruler_can_judge() {
    let groups =
        r#"[{"name":"g","rules":[{"record":"r","expr":"not promql (","for":"1m","annotations":{"a":"b"}}]}]"#;
    let conversion = converted(groups);
    assert_eq!(conversion.groups.len(), 1);
    assert_eq!(conversion.findings.len(), 2);
    assert!(conversion.findings.iter().all(|finding| finding.is_error() && !finding.withholds()));
}
