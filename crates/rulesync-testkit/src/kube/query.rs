//! The query parameters of lists and watches, their combined meaning, and the continue token.

use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::field_error::FieldError;
use super::refused::Refused;
use super::resource::Resource;
use super::selector::Selector;

/// Decoded query parameters; the first of repeated ones counts, as with the real server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    pub(crate) fn parse(query: &str) -> Self {
        let mut params = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            params.entry(decode(key)).or_insert_with(|| decode(value));
        }
        Self(params)
    }

    /// The value; empty for an absent parameter.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    /// Returns `true` if a boolean parameter is set: `true`, `1`, or the bare name.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| !matches!(value.as_str(), "false" | "0"))
    }

    fn number(&self, key: &str) -> Result<u64, Refused> {
        let text = self.text(key);
        if text.is_empty() {
            return Ok(0);
        }
        text.parse()
            .map_err(|_| Refused::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")))
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// The consistency that a resourceVersion requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// The newest state, confirmed by etcd.
    Consistent,
    /// The state in the cache, however old.
    Any,
    /// The state at this revision or later.
    NotOlder(u64),
    /// The state at this revision.
    Exact(u64),
}

/// The parameters of a list.
#[derive(Debug, Clone)]
pub(crate) struct ListQuery {
    pub(crate) selector: Selector,
    pub(crate) freshness: Freshness,
    /// The number of items per page; 0 for no limit.
    pub(crate) limit: usize,
    pub(crate) token: Option<Token>,
}

impl ListQuery {
    /// Parses the parameters and checks their combination.
    pub(crate) fn parse(params: &Params, resource: &Resource) -> Result<Self, Refused> {
        let selector = Selector::parse(params.text("labelSelector"), params.text("fieldSelector"), resource)?;
        // A limit that is none is not one.
        let negative =
            params.text("limit").strip_prefix('-').is_some_and(|number| number.parse::<u64>().is_ok());
        let limit = if negative { 0 } else { params.number("limit")? };
        let mut limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (version, matching) = (params.text("resourceVersion"), params.text("resourceVersionMatch"));
        let token = match params.text("continue") {
            "" => None,
            text => Some(Token::decode(text)?),
        };
        if token.is_some() && !matches!(version, "" | "0") {
            let message = "specifying resource version is not allowed when using continue";
            return Err(Refused::bad_request(message));
        }
        let forbid =
            |why: &str| Err(Refused::invalid_options(FieldError::forbidden("resourceVersionMatch", why)));
        if !matching.is_empty() {
            if version.is_empty() {
                return forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
            }
            if token.is_some() {
                return forbid("resourceVersionMatch is forbidden when continue is provided");
            }
            if !matches!(matching, "Exact" | "NotOlderThan") {
                let supported = [json!("Exact"), json!("NotOlderThan"), json!("")];
                let error = FieldError::unsupported("resourceVersionMatch", &json!(matching), &supported);
                return Err(Refused::invalid_options(error));
            }
            if matching == "Exact" && version == "0" {
                return forbid("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
            }
        }
        let freshness = match (version, matching) {
            ("", _) => Freshness::Consistent,
            ("0", _) => Freshness::Any,
            (version, "Exact") => Freshness::Exact(revision(version)?),
            // A limit with only a revision requests that exact snapshot.
            (version, "") if limit > 0 => Freshness::Exact(revision(version)?),
            (version, _) => Freshness::NotOlder(revision(version)?),
        };
        if freshness == Freshness::Any && token.is_none() {
            // The cache answers, and it does not support paging.
            limit = 0;
        }
        Ok(Self { selector, freshness, limit, token })
    }
}

/// The start of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// All existing objects, then new events.
    Existing,
    /// All existing objects, once this revision is reached.
    ExistingSince(u64),
    /// The events after the revision.
    After(u64),
}

/// The parameters of a watch.
#[derive(Debug, Clone)]
pub(crate) struct WatchQuery {
    pub(crate) selector: Selector,
    pub(crate) start: Start,
    pub(crate) bookmarks: bool,
    pub(crate) timeout_seconds: Option<u64>,
}

impl WatchQuery {
    /// Parses the parameters and checks their combination. `streaming_allowed` is the WatchList feature gate.
    pub(crate) fn parse(
        params: &Params,
        resource: &Resource,
        streaming_allowed: bool,
    ) -> Result<Self, Refused> {
        let selector = Selector::parse(params.text("labelSelector"), params.text("fieldSelector"), resource)?;
        let (version, matching) = (params.text("resourceVersion"), params.text("resourceVersionMatch"));
        let asked = !params.text("sendInitialEvents").is_empty();
        let forbid =
            |field: &str, why: &str| Err(Refused::invalid_options(FieldError::forbidden(field, why)));
        if asked {
            if matching != "NotOlderThan" {
                let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
                return forbid("resourceVersionMatch", why);
            }
            if !streaming_allowed {
                let why =
                    "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
                return forbid("sendInitialEvents", why);
            }
        } else if !matching.is_empty() {
            let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            return forbid("resourceVersionMatch", why);
        }
        let streaming = asked && params.flag("sendInitialEvents");
        let start = match version {
            "" | "0" if asked && !streaming => Start::After(0),
            "" | "0" => Start::Existing,
            version if streaming => Start::ExistingSince(revision(version)?),
            version => Start::After(revision(version)?),
        };
        let seconds = params.number("timeoutSeconds")?;
        Ok(Self {
            selector,
            start,
            bookmarks: params.flag("allowWatchBookmarks"),
            timeout_seconds: (seconds > 0).then_some(seconds),
        })
    }
}

/// Parses a revision; as with the real server, a value that is not a number is an internal error.
fn revision(text: &str) -> Result<u64, Refused> {
    text.parse().map_err(|_| {
        Refused::internal(format!(
            "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}

/// Base64 as the real server decodes it: with or without padding, with any trailing bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A continue token: the snapshot and the start of the next page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    #[serde(rename = "v")]
    format: String,
    /// The revision of the snapshot; −1 to continue with the current state.
    #[serde(rename = "rv")]
    pub(crate) revision: i64,
    start: String,
}

impl Token {
    /// Creates a token for the items after `key` in the snapshot.
    pub(crate) fn after(key: &str, revision: u64) -> Self {
        let revision = i64::try_from(revision).unwrap_or(i64::MAX);
        Self { format: "meta.k8s.io/v1".to_owned(), revision, start: format!("/{key}\0") }
    }

    /// The same position, in the state at the time of use.
    pub(crate) fn inconsistent(&self) -> Self {
        Self { revision: -1, start: self.key().to_owned(), ..self.clone() }
    }

    /// The key at which the page starts.
    pub(crate) fn key(&self) -> &str {
        self.start.strip_prefix('/').unwrap_or(&self.start)
    }

    pub(crate) fn encode(&self) -> String {
        BASE64.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn decode(text: &str) -> Result<Self, Refused> {
        let invalid = |why: &str| {
            Refused::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
        };
        let bytes = BASE64.decode(text).map_err(|_| invalid("illegal base64 data at input byte 0"))?;
        let token: Self = match (bytes.first(), serde_json::from_slice(&bytes)) {
            (_, Ok(token)) => token,
            (Some(first), Err(_)) if *first != b'{' => {
                let shown = match first {
                    0x20..=0x7e => char::from(*first).to_string(),
                    other => format!("\\u{other:04x}"),
                };
                return Err(invalid(&format!("invalid character '{shown}' looking for beginning of value")));
            }
            (_, Err(_)) => return Err(invalid("unexpected end of JSON input")),
        };
        if token.format != "meta.k8s.io/v1" {
            return Err(invalid(&format!("server does not recognize this encoded version {}", token.format)));
        }
        if token.key().split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(invalid(&token.start));
        }
        if token.revision == 0 {
            return Err(invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)"));
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(query: &str) -> Result<ListQuery, Refused> {
        ListQuery::parse(&Params::parse(query), &Resource::namespaces())
    }

    fn watch(query: &str) -> Result<WatchQuery, Refused> {
        WatchQuery::parse(&Params::parse(query), &Resource::namespaces(), true)
    }

    #[test]
    fn continue_token_matches_the_real_encoding() {
        let token = Token::after("team-a/r2", 293);
        let text = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MjkzLCJzdGFydCI6Ii90ZWFtLWEvcjJcdTAwMDAifQ";
        assert_eq!(token.encode(), text);
        let read = Token::decode(text).unwrap();
        assert_eq!((read.key(), read.revision), ("team-a/r2\0", 293));
        let fresh = Token::after("team-a/q04", 823).inconsistent().encode();
        assert_eq!(fresh, "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoidGVhbS1hL3EwNFx1MDAwMCJ9");
    }

    #[test]
    fn continue_token_errors_describe_the_problem() {
        let refused = list("limit=2&continue=garbage").unwrap_err();
        assert_eq!(refused.code, 400);
        assert_eq!(
            refused.message,
            "invalid continue token: continue key is not valid: invalid character '\\u0081' looking for beginning of value"
        );
        assert_eq!(list("continue=%25%25").unwrap_err().code, 400);
        assert_eq!(list("continue=e30").unwrap_err().code, 400);
    }

    #[test]
    fn list_freshness_depends_on_version_match_and_limit() {
        let freshness = |query: &str| list(query).unwrap().freshness;
        assert_eq!(freshness(""), Freshness::Consistent);
        assert_eq!(freshness("resourceVersion=0"), Freshness::Any);
        assert_eq!(freshness("resourceVersion=5"), Freshness::NotOlder(5));
        assert_eq!(freshness("resourceVersion=5&limit=1"), Freshness::Exact(5));
        assert_eq!(
            freshness("resourceVersion=5&limit=1&resourceVersionMatch=NotOlderThan"),
            Freshness::NotOlder(5)
        );
        assert_eq!(list("resourceVersion=0&limit=1").unwrap().limit, 0);
        assert_eq!(list("resourceVersionMatch=Exact").unwrap_err().code, 422);
        assert_eq!(list("resourceVersion=0&resourceVersionMatch=Exact").unwrap_err().code, 422);
        assert_eq!(list("resourceVersion=5&resourceVersionMatch=Around").unwrap_err().code, 422);
        assert_eq!(list("limit=many").unwrap_err().code, 400);
    }

    #[test]
    fn watch_start_depends_on_parameters() {
        let start = |query: &str| watch(query).unwrap().start;
        assert_eq!(start("watch=1"), Start::Existing);
        assert_eq!(start("resourceVersion=0"), Start::Existing);
        assert_eq!(start("resourceVersion=7"), Start::After(7));
        let streaming = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
        assert_eq!(start(streaming), Start::Existing);
        assert_eq!(start(&format!("{streaming}&resourceVersion=7")), Start::ExistingSince(7));
        assert_eq!(watch("sendInitialEvents=true").unwrap_err().code, 422);
        assert_eq!(watch("resourceVersionMatch=Exact").unwrap_err().code, 422);
        let refused =
            WatchQuery::parse(&Params::parse(streaming), &Resource::namespaces(), false).unwrap_err();
        assert!(refused.message.contains("WatchList feature gate"), "{refused}");
        let garbage = watch("resourceVersion=abc").unwrap_err();
        assert_eq!((garbage.code, garbage.reason.as_str()), (500, ""));
    }
}
