//! Variables of the environment: rulesync's own first, then those of mimirtool, lokitool and cortextool, under the names
//! that these read. Pure.

use std::collections::HashMap;

use super::flags::RulerKind;

/// A value, and the flag or variable that it comes from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) text: String,
    /// Such as `--address` or `MIMIR_ADDRESS`.
    pub(crate) origin: String,
}

/// The origin alone: the value may be a secret.
impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Given({})", self.origin)
    }
}

impl Given {
    /// Returns a path that does not depend on a directory.
    pub(crate) fn into_absolute(self) -> Self {
        match std::path::absolute(&self.text) {
            Ok(path) => Self { text: path.display().to_string(), ..self },
            Err(_) => self,
        }
    }

    pub(crate) fn flag(name: &str, text: impl Into<String>) -> Self {
        Self { text: text.into(), origin: format!("--{name}") }
    }
}

/// The variables of one kind of ruler.
#[derive(Clone, Copy)]
pub(crate) struct Variables<'a> {
    environment: &'a HashMap<String, String>,
    kind: RulerKind,
}

/// The prefix of rulesync's own variables.
const OWN: &str = "RULESYNC_";

impl RulerKind {
    const ALL: [Self; 3] = [Self::Mimir, Self::Loki, Self::Cortex];

    /// The prefix of its tool's variables.
    fn prefix(self) -> &'static str {
        match self {
            Self::Mimir => "MIMIR_",
            Self::Loki => "LOKI_",
            Self::Cortex => "CORTEX_",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mimir => "mimir",
            Self::Loki => "loki",
            Self::Cortex => "cortex",
        }
    }
}

/// Returns one of rulesync's own variables. One that is empty counts as not set.
pub(crate) fn own(environment: &HashMap<String, String>, name: &str) -> Option<Given> {
    variable(environment, OWN, name)
}

fn variable(environment: &HashMap<String, String>, prefix: &str, name: &str) -> Option<Given> {
    let origin = format!("{prefix}{name}");
    let text = environment.get(&origin).filter(|text| !text.is_empty())?.clone();
    Some(Given { text, origin })
}

/// Returns the kind of ruler that variables describe; Mimir if none do.
///
/// # Errors
///
/// What to do if several tools' variables are set, or RULESYNC_RULER is no kind.
pub(crate) fn kind(environment: &HashMap<String, String>) -> Result<RulerKind, String> {
    if let Some(given) = own(environment, "RULER") {
        let named = RulerKind::ALL.into_iter().find(|kind| kind.name() == given.text);
        return named.ok_or_else(|| "RULESYNC_RULER must be mimir, loki or cortex".to_owned());
    }
    let set = |kind: &RulerKind| variable(environment, kind.prefix(), "ADDRESS").is_some();
    let mut set = RulerKind::ALL.into_iter().filter(set);
    match (set.next(), set.next()) {
        (Some(one), Some(other)) => {
            let (one, other) = (one.prefix(), other.prefix());
            Err(format!("{one}ADDRESS and {other}ADDRESS are both set: say which with --ruler"))
        }
        (one, _) => Ok(one.unwrap_or(RulerKind::Mimir)),
    }
}

impl<'a> Variables<'a> {
    pub(crate) fn new(environment: &'a HashMap<String, String>, kind: RulerKind) -> Self {
        Self { environment, kind }
    }

    /// Returns a value by rulesync's name for it: its own variable, or else the tool's.
    pub(crate) fn get(&self, name: &str) -> Option<Given> {
        let tools = self.tool_names(name).iter().find_map(|name| self.tool(name));
        own(self.environment, name).or(tools)
    }

    /// Returns a variable of the tool only.
    pub(crate) fn tool(&self, name: &str) -> Option<Given> {
        variable(self.environment, self.kind.prefix(), name)
    }

    /// The names by which the tool knows a value. Those of mimirtool are rulesync's, too. lokitool reads other names for
    /// TLS than its help says, and both are meant by somebody.
    fn tool_names(&self, name: &'a str) -> Vec<&'a str> {
        match (self.kind, name) {
            (_, "PROMETHEUS_HTTP_PREFIX") => vec![],
            (RulerKind::Mimir, _) => vec![name],
            (RulerKind::Loki | RulerKind::Cortex, "TLS_CA_PATH") => vec!["TLS_CA_CERT", name],
            (RulerKind::Loki | RulerKind::Cortex, "TLS_CERT_PATH") => vec!["TLS_CLIENT_CERT", name],
            (RulerKind::Loki | RulerKind::Cortex, "TLS_KEY_PATH") => vec!["TLS_CLIENT_KEY", name],
            (RulerKind::Loki | RulerKind::Cortex, _) => vec![name],
        }
    }

    /// Returns a value that is true or false, in the words that these tools take.
    ///
    /// # Errors
    ///
    /// The name of the variable, if its value is something else.
    pub(crate) fn is_true(&self, given: Option<&Given>) -> Result<bool, String> {
        match given {
            None => Ok(false),
            Some(Given { text, origin }) => match text.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
                _ => Err(format!("{origin} must be true or false")),
            },
        }
    }
}
