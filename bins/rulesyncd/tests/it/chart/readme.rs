//! The chart's `README.md`: a table of its values, made of the comments in `values.yaml`.

use rulesync_testkit::transcript;
use serde_json::Value;

use super::{directory, presets, read};

/// What a comment says of the value below it.
struct Described {
    path: Vec<String>,
    text: String,
    /// Values that have to be given are there as comments only.
    is_required: bool,
}

/// Returns the values that are described, in their order, and the paths of all keys.
fn described(text: &str) -> (Vec<Described>, Vec<Vec<String>>) {
    let (mut values, mut keys) = (Vec::new(), Vec::new());
    let (mut path, mut comment): (Vec<(usize, String)>, Option<String>) = (Vec::new(), None);
    for line in text.lines() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if let Some(first) = trimmed.strip_prefix("# -- ") {
            comment = Some(first.to_owned());
            continue;
        }
        if trimmed.is_empty() {
            comment = None;
            continue;
        }
        let key_of = |line: &str| {
            let (key, rest) = line.split_once(':')?;
            let is_key = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !key.is_empty();
            (is_key && (rest.is_empty() || rest.starts_with(' '))).then(|| key.to_owned())
        };
        let (line, is_required) = match trimmed.strip_prefix("# ") {
            Some(line) if comment.is_some() && key_of(line).is_some() => (line, true),
            Some(more) => {
                if let Some(comment) = &mut comment {
                    *comment += " ";
                    *comment += more;
                }
                continue;
            }
            None => (trimmed, false),
        };
        let Some(key) = key_of(line) else { continue };
        path.retain(|(outer, _)| *outer < indent);
        path.push((indent, key));
        let here: Vec<String> = path.iter().map(|(_, key)| key.clone()).collect();
        if let Some(text) = comment.take() {
            values.push(Described { path: here.clone(), text, is_required });
        }
        keys.push(here);
    }
    (values, keys)
}

/// Returns the text of a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn page() -> String {
    let text = read("values.yaml");
    let values: Value = serde_saphyr::from_str(&text).unwrap();
    let (described, keys) = described(&text);
    for key in &keys {
        let is_described = described.iter().any(|value| key.starts_with(&value.path));
        let is_section = described.iter().any(|value| value.path.starts_with(key));
        assert!(
            is_described || is_section,
            "{} is not described: write a comment that begins with `# --`",
            key.join(".")
        );
    }
    let mut rows = String::new();
    for Described { path, text, is_required } in &described {
        let value = path.iter().fold(&values, |value, key| &value[key.as_str()]);
        let default = match is_required {
            true => "required".to_owned(),
            false => format!("`{}`", cell(&value.to_string())),
        };
        rows += &format!("| `{}` | {default} | {} |\n", path.join("."), cell(text));
    }
    let mut examples = String::new();
    for (name, path) in presets() {
        let text = std::fs::read_to_string(path).unwrap();
        let comment: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
        assert!(!comment.is_empty(), "{name}: say at its beginning what it is for");
        examples += &format!("| [`{name}`](ci/{name}-values.yaml) | {} |\n", cell(&comment.join(" ")));
    }
    read("README.md.in").replace("{{values}}\n", &rows).replace("{{presets}}\n", &examples)
}

#[test]
fn chart_readme_has_all_values_and_presets() {
    transcript::check(&directory().join("README.md"), &page());
}
