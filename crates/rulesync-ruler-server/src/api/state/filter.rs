//! The filter parameters of a request to the state API. The supported parameters differ by kind; others are ignored, as
//! by the real servers.

use regex::Regex;
use rulesync_expr::promql::{self, ExprKind, MatchOp};

use crate::{
    escape::{base64_url, from_base64_url},
    http::query,
    model::kind::StateStyle,
};

/// The filter of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct StateFilter {
    /// Only alerting (`true`) or only recording rules (`false`).
    pub(crate) alerting: Option<bool>,
    pub(crate) files: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) rules: Vec<String>,
    pub(crate) exclude_alerts: bool,
    /// Only alerting rules in this state.
    pub(crate) state: Option<String>,
    /// Only rules with this health.
    pub(crate) health: Option<String>,
    /// Only rules whose labels match one of these selectors; all if there are none.
    pub(crate) selectors: Vec<Selector>,
    /// The maximum number of groups in an answer; zero for no limit.
    pub(crate) limit: usize,
    /// The end of the previous page.
    pub(crate) after: Option<PagePosition>,
}

/// The conditions of a selector.
pub(crate) type Selector = Vec<Condition>;

/// A condition on a label.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    label: String,
    wanted: Wanted,
    negated: bool,
}

#[derive(Clone, Debug)]
enum Wanted {
    Text(String),
    Pattern(Regex),
}

impl Condition {
    /// Returns `true` if the value of the label, empty if absent, fulfils the condition.
    pub(crate) fn holds<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> bool {
        let value = value_of(&self.label).unwrap_or("");
        let matches = match &self.wanted {
            Wanted::Text(text) => text == value,
            Wanted::Pattern(pattern) => pattern.is_match(value),
        };
        matches != self.negated
    }
}

/// The position of a group in the order of pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PagePosition(String, String);

impl PagePosition {
    /// The position of a group. Cortex, whose tokens are hashes, pages in the order of the hashes instead of the names.
    pub(crate) fn of(file: &str, group: &str, style: StateStyle, paged: bool) -> Self {
        if style == StateStyle::Cortex && paged {
            return Self(format!("{:016x}", hash(file, group)), String::new());
        }
        Self(file.to_owned(), group.to_owned())
    }

    /// The token of the next page. Names may contain any character, so each is encoded separately.
    pub(crate) fn token(&self, style: StateStyle) -> String {
        match style {
            StateStyle::Cortex => self.0.clone(),
            StateStyle::Mimir | StateStyle::Loki => {
                format!("{}.{}", base64_url(&self.0), base64_url(&self.1))
            }
        }
    }

    fn from_token(token: &str, style: StateStyle) -> Option<Self> {
        match style {
            StateStyle::Cortex => Some(Self(token.to_owned(), String::new())),
            StateStyle::Mimir | StateStyle::Loki => {
                let (file, group) = token.split_once('.')?;
                Some(Self(from_base64_url(file)?, from_base64_url(group)?))
            }
        }
    }
}

/// FNV-1a; the only requirement is an order that differs from that of the names.
fn hash(file: &str, group: &str) -> u64 {
    let bytes = file.bytes().chain([0]).chain(group.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Parses the query of a request for rules.
///
/// # Errors
/// The error message of the answer, if a parameter has an invalid value.
pub(crate) fn filter(pairs: &[(String, String)], style: StateStyle) -> Result<StateFilter, String> {
    let first = |name: &str| query::first(pairs, name);
    // Mimir supports both forms and prefers the one with brackets; Cortex supports only that, Loki only the other.
    let values = |name: &str| {
        let bracketed = query::all(pairs, &format!("{name}[]"));
        match style {
            StateStyle::Cortex => bracketed,
            StateStyle::Mimir if !bracketed.is_empty() => bracketed,
            StateStyle::Mimir | StateStyle::Loki => query::all(pairs, name),
        }
    };
    let alerting = match (first("type").to_lowercase().as_str(), style) {
        ("", _) => None,
        ("alert", _) => Some(true),
        ("record", _) => Some(false),
        (_, StateStyle::Mimir | StateStyle::Loki) => {
            return Err(format!("not supported value {:?}", first("type")));
        }
        (_, StateStyle::Cortex) => return Err(format!("unsupported rule type {:?}", first("type"))),
    };
    let mut filter = StateFilter {
        alerting,
        files: values("file"),
        groups: values("rule_group"),
        rules: values("rule_name"),
        ..StateFilter::default()
    };
    if style == StateStyle::Loki {
        return Ok(filter);
    }
    filter.exclude_alerts = matches!(first("exclude_alerts"), "1" | "t" | "T" | "true" | "TRUE" | "True");
    filter.limit = match (first("group_limit"), style) {
        ("", StateStyle::Cortex) if !first("group_next_token").is_empty() => {
            return Err("group_limit needs to be set in order to paginate over the groups".to_owned());
        }
        ("", _) => 0,
        (text, StateStyle::Cortex) => text
            .parse()
            .ok()
            .filter(|limit| *limit > 0)
            .ok_or_else(|| "group_limit needs to be greater than 0".to_owned())?,
        (text, _) => text.parse().map_err(|_| "invalid group limit value".to_owned())?,
    };
    filter.after = Some(first("group_next_token"))
        .filter(|token| !token.is_empty())
        .and_then(|token| PagePosition::from_token(token, style));
    if style == StateStyle::Cortex {
        filter.state = one_of(first("state"), &["firing", "pending", "inactive"], "state")?;
        filter.health = one_of(first("health"), &["unknown", "ok", "err"], "health")?;
        filter.selectors =
            query::all(pairs, "match[]").iter().map(|text| selector(text)).collect::<Result<_, _>>()?;
    }
    Ok(filter)
}

fn one_of(value: &str, known: &[&str], what: &str) -> Result<Option<String>, String> {
    let value = value.to_lowercase();
    if value.is_empty() {
        return Ok(None);
    }
    if known.contains(&value.as_str()) {
        return Ok(Some(value));
    }
    Err(format!("unsupported {what} value {value:?}"))
}

fn selector(text: &str) -> Result<Selector, String> {
    let expr = promql::parse(text, &promql::Options::default()).map_err(|error| error.to_string())?;
    let ExprKind::VectorSelector(selector) = &expr.root().kind else {
        return Err(format!("{text:?} is no selector"));
    };
    let name = selector.metric.iter().map(|name| {
        let wanted = Wanted::Text(name.text.clone());
        Ok(Condition { label: "__name__".to_owned(), wanted, negated: false })
    });
    let conditions = selector.matchers.iter().map(|matcher| {
        let wanted = match matcher.op {
            MatchOp::Equal | MatchOp::NotEqual => Wanted::Text(matcher.value.clone()),
            MatchOp::Regex | MatchOp::NotRegex => {
                let pattern = format!("^(?s:{})$", matcher.value);
                Wanted::Pattern(Regex::new(&pattern).map_err(|error| error.to_string())?)
            }
        };
        let negated = matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex);
        Ok(Condition { label: matcher.label.clone(), wanted, negated })
    });
    name.chain(conditions).collect()
}
