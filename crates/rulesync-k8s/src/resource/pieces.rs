//! Parses a spec group by group, if it cannot be parsed as a whole: an invalid field is reported with its path, and does
//! not affect other groups.

use rulesync_core::Finding;
use rulesync_core::finding::{Code, Location};
use rulesync_core::model::DeclaredGroup;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The groups of a spec, and the findings of those that cannot be parsed.
#[derive(Debug)]
pub(super) struct Pieces {
    pub(super) groups: Vec<DeclaredGroup>,
    pub(super) findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Spec {
    groups: Vec<Box<RawValue>>,
}

/// The name of an invalid group, which stays as it is in its rulers.
#[derive(Deserialize)]
#[serde(expecting = "a group")]
struct Named {
    name: String,
}

/// Parses a spec group by group.
///
/// # Errors
///
/// A finding if the spec is not a list of groups with names: then it is unknown which groups it declares.
pub(super) fn parse(spec: &str) -> Result<Pieces, Box<Finding>> {
    let error = |path: String, message: String| {
        let location = Location { path: Some(path).filter(|path| !path.is_empty()), ..Location::default() };
        Finding::error(Code::Spec, message).at(location)
    };
    let Spec { groups: texts } =
        parse_part(spec, "spec").map_err(|(path, message)| Box::new(error(path, message)))?;
    let mut pieces = Pieces { groups: Vec::with_capacity(texts.len()), findings: Vec::new() };
    for (index, text) in texts.iter().enumerate() {
        let root = format!("spec.groups[{index}]");
        match parse_part::<DeclaredGroup>(text.get(), &root) {
            Ok(group) => pieces.groups.push(group),
            Err((path, message)) => {
                let Named { name } = parse_part(text.get(), &root)
                    .map_err(|(path, message)| Box::new(error(path, message)))?;
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

/// Parses a part of an object. An error is the path of the invalid field from the root of the object, and a message.
fn parse_part<'t, T: Deserialize<'t>>(text: &'t str, root: &str) -> Result<T, (String, String)> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let path = match path.as_str() {
            "." => root.to_owned(),
            path if path.starts_with('[') => format!("{root}{path}"),
            path => format!("{root}.{path}"),
        };
        // The position in the API server's JSON is meaningless to the author.
        let message = error.into_inner().to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        (path, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_reports_invalid_groups_with_their_paths() {
        let spec = r#"{"groups":[{"name":"good","rules":[{"record":"r","expr":"1"}]},
            {"name":"bad","rules":[{"record":"r","expr":"1"},{"alert":"A","expr":"up","for":["5m"]}]},
            {"name":"odd","limit":"many"}]}"#;
        let Pieces { groups, findings } = parse(spec).unwrap();
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["good", "bad", "odd"]);
        let messages: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let expected = [
            r#"group "bad", spec.groups[1].rules[1].for: invalid type: sequence, expected a string"#,
            r#"group "odd", spec.groups[2].limit: invalid type: string "many", expected a whole number"#,
        ];
        assert_eq!(messages, expected);
        assert_eq!(findings[1].location.group_index, Some(2));
    }

    #[test]
    fn parse_requires_groups_with_names() {
        for (spec, message) in [
            (r#"{"groups":{}}"#, "spec.groups: invalid type: map, expected a sequence"),
            (
                r#"{"groups":[{"name":[1]}]}"#,
                "spec.groups[0].name: invalid type: sequence, expected a string",
            ),
            (r#"{"groups":[7]}"#, "spec.groups[0]: invalid type: integer `7`, expected a group"),
            ("{}", "spec: missing field `groups`"),
        ] {
            assert_eq!(parse(spec).unwrap_err().to_string(), message);
        }
    }
}
