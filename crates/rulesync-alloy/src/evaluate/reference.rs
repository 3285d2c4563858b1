//! What references lead to: arguments, constants and components. Evaluates nothing.

use super::value::{StoredKind, Value};

/// A step to a field or an element.
pub(super) enum Step {
    Field(String),
    Element(i64),
}

/// What a name with fields leads to.
pub(super) enum Target<'s> {
    /// An argument of the module; further steps lead into its value.
    Argument(&'s str),
    Hostname,
    OperatingSystem,
    /// The content of the file of a component with this label.
    File(&'s str),
    Stored {
        kind: StoredKind,
        label: &'s str,
        key: &'s str,
    },
}

impl<'s> Target<'s> {
    /// Finds out what a name leads to, or why it leads nowhere.
    pub(super) fn of(root: &str, steps: &'s [Step]) -> Result<Self, String> {
        let field = |step: &'s Step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::Element(_) => None,
        };
        let fields: Vec<&str> = steps.iter().map_while(field).collect();
        match (root, fields.as_slice()) {
            ("argument", [name, "value", ..]) => Ok(Self::Argument(name)),
            ("constants", ["hostname"]) => Ok(Self::Hostname),
            ("constants", ["os"]) => Ok(Self::OperatingSystem),
            ("constants", [name @ ("arch" | "version")]) => {
                Err(format!("`constants.{name}` depends on the machine that Alloy runs on"))
            }
            ("constants", [name]) => Err(format!("there is no constant `{name}`")),
            ("local", ["file", label, "content"]) => Ok(Self::File(label)),
            ("remote", ["kubernetes", "secret", label, "data", key]) => {
                Ok(Self::Stored { kind: StoredKind::Secret, label, key })
            }
            ("remote", ["kubernetes", "configmap", label, "data", key]) => {
                Ok(Self::Stored { kind: StoredKind::ConfigMap, label, key })
            }
            (root, fields) => {
                let name = [&[root], fields].concat().join(".");
                Err(format!(
                    "`{name}` cannot be imported: settings can refer to `local.file`, `remote.kubernetes.secret`, \
                     `remote.kubernetes.configmap`, `argument` and `constants`"
                ))
            }
        }
    }
}

/// Follows steps into a value.
pub(super) fn within(value: Value, steps: &[Step]) -> Result<Value, String> {
    let mut value = value;
    for step in steps {
        value = match (step, value) {
            (Step::Field(name), Value::Object(fields)) => {
                let field = fields.into_iter().find(|(field, _)| field == name);
                field.map(|(_, value)| value).ok_or_else(|| format!("there is no field `{name}`"))?
            }
            (Step::Element(index), Value::List(items)) => {
                let item = usize::try_from(*index).ok().and_then(|index| items.into_iter().nth(index));
                item.ok_or_else(|| format!("there is no element {index}"))?
            }
            (Step::Field(name), other) => return Err(format!("{} has no field `{name}`", other.type_name())),
            (Step::Element(_), other) => return Err(format!("{} has no elements", other.type_name())),
        };
    }
    Ok(value)
}
