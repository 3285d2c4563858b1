//! The functions and variables that each server provides to templates. This is the only list of them.
//! Taken from Go 1.26, Prometheus 3 (v0.316 of its module), Loki 3.7 and vmalert 1.154.

/// The functions and variables that a template may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    /// Lists of the existing functions; `None` if any name is allowed.
    functions: Option<&'static [&'static [&'static str]]>,
    /// The variables set before the template begins; `None` if any name is allowed.
    variables: Option<&'static [&'static str]>,
}

impl Environment {
    /// Labels and annotations of alerting rules in Prometheus, Mimir and Cortex.
    pub const PROMETHEUS: Self = Self {
        functions: Some(&[GO, ALERTS, PROMETHEUS]),
        variables: Some(&["$labels", "$externalLabels", "$externalURL", "$value"]),
    };

    /// Labels and annotations of alerting rules in Loki: as in Prometheus, except for `$externalURL`.
    pub const LOKI_RULES: Self = Self {
        functions: Some(&[GO, ALERTS, PROMETHEUS]),
        variables: Some(&["$labels", "$externalLabels", "$value"]),
    };

    /// Labels and annotations of alerting rules in vmalert.
    pub const VMALERT: Self =
        Self { functions: Some(&[GO, ALERTS, VMALERT]), variables: Some(VMALERT_VARIABLES) };

    /// `line_format` and `label_format` of LogQL.
    pub const LOGQL: Self = Self { functions: Some(&[GO, LOGQL]), variables: Some(&[]) };

    /// Any server: every name counts as known, so that only the syntax is checked.
    pub const ANY: Self = Self { functions: None, variables: None };

    /// Returns the same environment with every function counting as known, for servers newer than this list.
    #[must_use]
    pub const fn with_any_function(self) -> Self {
        Self { functions: None, ..self }
    }

    /// Returns `true` if there is a function of this name.
    #[must_use]
    pub fn has_function(&self, name: &str) -> bool {
        let among = |functions: &&[&str]| functions.binary_search(&name).is_ok();
        self.functions.is_none_or(|lists| lists.iter().any(among))
    }

    /// Returns `true` if there is a variable of this name, `$` included, before a template declares any.
    #[must_use]
    pub fn has_variable(&self, name: &str) -> bool {
        name == "$" || self.variables.is_none_or(|variables| variables.contains(&name))
    }

    /// Returns `true` if variables need not be declared.
    pub(super) const fn allows_any_variable(&self) -> bool {
        self.variables.is_none()
    }

    /// Returns the variables that are set before a template begins, besides `$`; empty if any name is allowed.
    #[must_use]
    pub fn variables(&self) -> &'static [&'static str] {
        self.variables.unwrap_or_default()
    }
}

/// The builtin functions of Go templates. Sorted, like the other lists.
const GO: &[&str] = &[
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print",
    "printf", "println", "slice", "urlquery",
];

/// The functions that both Prometheus and vmalert add. `tmpl` is missing: it exists only in console templates.
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

/// The further functions of Prometheus.
const PROMETHEUS: &[&str] = &["graphLink", "tableLink", "toDuration", "urlQueryEscape"];

/// The functions that Loki adds in pipelines, including some of sprig's.
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

/// The further functions of vmalert.
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

/// The variables set by vmalert.
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
    fn environment_function_lists_are_sorted() {
        for names in [GO, ALERTS, PROMETHEUS, LOGQL, VMALERT] {
            assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        }
    }

    #[test]
    fn environment_names_depend_on_the_server() {
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
