//! A spec that cannot be read as a whole, read group by group: what is not as the CRD wants it is told by the way that
//! leads to it, and leaves the other groups alone.

use rulesync_core::Finding;
use rulesync_core::finding::{Code, Location};
use rulesync_core::model::DeclaredGroup;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The groups of a spec, and what is wrong with those that cannot be read.
#[derive(Debug)]
pub(super) struct Pieces {
    pub(super) groups: Vec<DeclaredGroup>,
    pub(super) findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Spec {
    groups: Vec<Box<RawValue>>,
}

/// All that is needed of a group that stays as it is in its rulers.
#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Reads a spec group by group.
///
/// # Errors
///
/// What is wrong, if it is no list of groups with names: then nobody knows which groups are meant to be there.
pub(super) fn read(spec: &str) -> Result<Pieces, Box<Finding>> {
    let error = |path: String, message: String| {
        let location = Location { path: Some(path).filter(|path| !path.is_empty()), ..Location::default() };
        Finding::error(Code::Spec, message).at(location)
    };
    let Spec { groups: texts } =
        parse(spec, "spec").map_err(|(path, message)| Box::new(error(path, message)))?;
    let mut pieces = Pieces { groups: Vec::with_capacity(texts.len()), findings: Vec::new() };
    for (index, text) in texts.iter().enumerate() {
        let root = format!("spec.groups[{index}]");
        match parse::<DeclaredGroup>(text.get(), &root) {
            Ok(group) => pieces.groups.push(group),
            Err((path, message)) => {
                let Named { name } =
                    parse(text.get(), &root).map_err(|(path, message)| Box::new(error(path, message)))?;
                let mut finding = error(path, message);
                finding.location.group = Some(name.clone());
                finding.location.group_index = Some(index);
                pieces.groups.push(DeclaredGroup { name, ..DeclaredGroup::default() });
                pieces.findings.push(finding);
            }
        }
    }
    Ok(pieces)
}

/// Reads a part of an object, or says the way to what is wrong in it from the object's root.
fn parse<'t, T: Deserialize<'t>>(text: &'t str, root: &str) -> Result<T, (String, String)> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let way = match path.as_str() {
            "." => root.to_owned(),
            path if path.starts_with('[') => format!("{root}{path}"),
            path => format!("{root}.{path}"),
        };
        // Where in the server's JSON that is, nobody can see.
        let message = error.into_inner().to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        (way, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_cannot_be_read_is_told_by_its_path_and_leaves_the_others_alone() {
        let spec = r#"{"groups":[{"name":"good","rules":[{"record":"r","expr":"1"}]},
            {"name":"bad","rules":[{"record":"r","expr":"1"},{"alert":"A","expr":"up","for":["5m"]}]},
            {"name":"odd","limit":"many"}]}"#;
        let Pieces { groups, findings } = read(spec).unwrap();
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["good", "bad", "odd"]);
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let expected = [
            r#"group "bad", spec.groups[1].rules[1].for: invalid type: sequence, expected a string"#,
            r#"group "odd", spec.groups[2].limit: invalid type: string "many", expected a whole number"#,
        ];
        assert_eq!(told, expected);
        assert_eq!(findings[1].location.group_index, Some(2));
    }

    #[test]
    fn without_names_nobody_knows_which_groups_are_meant() {
        for (spec, told) in [
            (r#"{"groups":{}}"#, "spec.groups: invalid type: map, expected a sequence"),
            (
                r#"{"groups":[{"name":[1]}]}"#,
                "spec.groups[0].name: invalid type: sequence, expected a string",
            ),
            (r#"{"groups":[7]}"#, "spec.groups[0]: invalid type: integer `7`, expected struct Named"),
            ("{}", "spec: missing field `groups`"),
        ] {
            assert_eq!(read(spec).unwrap_err().to_string(), told);
        }
    }
}
