//! What a server lets templates use: the one place that knows which functions and variables there are.
//! Taken from Go 1.26, Prometheus 3 (v0.316 of its module), Loki 3.7 and vmalert 1.154.

/// The functions and variables that a template may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    /// Lists of those that there are; none if any name will do.
    functions: Option<&'static [&'static [&'static str]]>,
    /// Those that are set before the template begins; none if any name will do.
    variables: Option<&'static [&'static str]>,
}

impl Environment {
    /// Labels and annotations of alerting rules in Prometheus, Mimir and Cortex.
    pub const PROMETHEUS: Self = Self {
        functions: Some(&[GO, ALERTS, PROMETHEUS]),
        variables: Some(&["$labels", "$externalLabels", "$externalURL", "$value"]),
    };

    /// Labels and annotations of alerting rules in Loki: as in Prometheus, but for `$externalURL`.
    pub const LOKI_RULES: Self = Self {
        functions: Some(&[GO, ALERTS, PROMETHEUS]),
        variables: Some(&["$labels", "$externalLabels", "$value"]),
    };

    /// Labels and annotations of alerting rules in vmalert.
    pub const VMALERT: Self =
        Self { functions: Some(&[GO, ALERTS, VMALERT]), variables: Some(VMALERT_VARIABLES) };

    /// `line_format` and `label_format` of LogQL.
    pub const LOGQL: Self = Self { functions: Some(&[GO, LOGQL]), variables: Some(&[]) };

    /// Any server: whatever name a template uses counts as known, so that only its syntax is judged.
    pub const ANY: Self = Self { functions: None, variables: None };

    /// The same with every function counting as known, for servers that may be newer than this list.
    #[must_use]
    pub const fn with_any_function(self) -> Self {
        Self { functions: None, ..self }
    }

    /// Whether there is a function of this name.
    #[must_use]
    pub fn has_function(&self, name: &str) -> bool {
        let among = |functions: &&[&str]| functions.binary_search(&name).is_ok();
        self.functions.is_none_or(|lists| lists.iter().any(among))
    }

    /// Whether there is a variable of this name, `$` included, before a template declares any.
    #[must_use]
    pub fn has_variable(&self, name: &str) -> bool {
        name == "$" || self.variables.is_none_or(|variables| variables.contains(&name))
    }

    /// Whether variables need not be declared.
    pub(super) const fn allows_any_variable(&self) -> bool {
        self.variables.is_none()
    }

    /// The variables that are set before a template begins, besides `$`. None where any name will do.
    #[must_use]
    pub fn variables(&self) -> &'static [&'static str] {
        self.variables.unwrap_or_default()
    }
}

/// What every template of Go has. Sorted, like the others.
const GO: &[&str] = &[
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print",
    "printf", "println", "slice", "urlquery",
];

/// What Prometheus and vmalert both add. `tmpl` is not among it: it exists in console templates only.
const ALERTS: &[&str] = &[
    "args",
    "externalURL",
    "first",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "label",
    "match",
    "now",
    "parseDuration",
    "pathPrefix",
    "query",
    "reReplaceAll",
    "safeHtml",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "title",
    "toLower",
    "toTime",
    "toUpper",
    "value",
];

/// What Prometheus adds to that.
const PROMETHEUS: &[&str] = &["graphLink", "tableLink", "toDuration", "urlQueryEscape"];

/// What Loki adds in pipelines, a part of sprig's included.
const LOGQL: &[&str] = &[
    "Replace",
    "ToLower",
    "ToUpper",
    "Trim",
    "TrimLeft",
    "TrimPrefix",
    "TrimRight",
    "TrimSpace",
    "TrimSuffix",
    "__line__",
    "__timestamp__",
    "add",
    "addf",
    "alignLeft",
    "alignRight",
    "b64dec",
    "b64enc",
    "bytes",
    "ceil",
    "contains",
    "count",
    "date",
    "default",
    "div",
    "divf",
    "duration",
    "duration_seconds",
    "float64",
    "floor",
    "fromJson",
    "hasPrefix",
    "hasSuffix",
    "indent",
    "int",
    "lower",
    "max",
    "maxf",
    "min",
    "minf",
    "mod",
    "mul",
    "mulf",
    "nindent",
    "now",
    "regexReplaceAll",
    "regexReplaceAllLiteral",
    "repeat",
    "replace",
    "round",
    "sub",
    "subf",
    "substr",
    "title",
    "toDate",
    "toDateInZone",
    "trim",
    "trimAll",
    "trimPrefix",
    "trimSuffix",
    "trunc",
    "unixEpoch",
    "unixEpochMillis",
    "unixEpochNanos",
    "unixToTime",
    "upper",
    "urldecode",
    "urlencode",
];

/// What vmalert adds to that.
const VMALERT: &[&str] = &[
    "crlfEscape",
    "formatTime",
    "htmlEscape",
    "jsonEscape",
    "parseDurationTime",
    "pathEscape",
    "queryEscape",
    "quotesEscape",
];

/// What vmalert sets.
const VMALERT_VARIABLES: &[&str] = &[
    "$value",
    "$type",
    "$labels",
    "$expr",
    "$interval",
    "$externalLabels",
    "$externalURL",
    "$alertID",
    "$groupID",
    "$activeAt",
    "$for",
    "$isPartial",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted() {
        for names in [GO, ALERTS, PROMETHEUS, LOGQL, VMALERT] {
            assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        }
    }

    #[test]
    fn each_server_has_its_own() {
        let servers =
            [Environment::PROMETHEUS, Environment::LOKI_RULES, Environment::VMALERT, Environment::LOGQL];
        for (name, has) in [
            ("printf", [true, true, true, true]),
            ("query", [true, true, true, false]),
            ("humanize", [true, true, true, false]),
            ("graphLink", [true, true, false, false]),
            ("quotesEscape", [false, false, true, false]),
            ("__line__", [false, false, false, true]),
            ("fromJson", [false, false, false, true]),
            ("tmpl", [false, false, false, false]),
        ] {
            assert_eq!(servers.map(|server| server.has_function(name)), has, "{name}");
        }
        for (name, has) in [
            ("$", [true, true, true, true]),
            ("$labels", [true, true, true, false]),
            ("$externalURL", [true, false, true, false]),
            ("$expr", [false, false, true, false]),
        ] {
            assert_eq!(servers.map(|server| server.has_variable(name)), has, "{name}");
        }
        assert!(Environment::ANY.has_function("tmpl") && Environment::ANY.has_variable("$x"));
        let newer = Environment::LOGQL.with_any_function();
        assert!(newer.has_function("tmpl") && !newer.has_variable("$x"));
    }
}
