//! Whether the file makes sense.

mod tls;

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::time::Duration;

use rulesync_http::Secret;

use super::file::{HeadersFile, RateLimitFile, WebFile};
use super::settings::{RateLimit, TlsServer};
use crate::validate::Report;
use crate::yaml::{Document, Path, Problem};

/// The highest cost of a hash: each step doubles the time that everyone who can send a request can take from the process.
/// Already this one, which the documentation of exporter-toolkit names, takes seconds.
const MAX_COST: u32 = 18;

/// What is known of a file.
pub(super) struct Checked {
    pub(super) tls: Option<TlsServer>,
    pub(super) http2: bool,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) users: BTreeMap<String, Secret>,
    pub(super) rate_limit: Option<RateLimit>,
    pub(super) problems: Vec<Problem>,
}

/// Checks a file whose relative paths are relative to `directory`.
pub(super) fn check(file: WebFile, document: &Document, directory: &FilePath) -> Checked {
    let mut report = Report::new(document);
    let tls = file.tls_server_config.and_then(|tls| tls::tls_server(tls, directory, &mut report));
    let headers = headers(file.http_server_config.headers, &mut report);
    users(&file.basic_auth_users, &mut report);
    let rate_limit = rate_limit(&file.rate_limit, &mut report);
    Checked {
        tls,
        http2: file.http_server_config.http2.unwrap_or(true),
        headers,
        users: file.basic_auth_users,
        rate_limit,
        problems: report.into_problems(),
    }
}

fn headers(file: HeadersFile, report: &mut Report<'_>) -> Vec<(&'static str, String)> {
    let HeadersFile {
        content_security_policy,
        x_frame_options,
        x_content_type_options,
        x_xss_protection,
        strict_transport_security,
    } = file;
    let headers: [(_, _, &[&str]); 5] = [
        ("Content-Security-Policy", content_security_policy, &[]),
        ("X-Frame-Options", x_frame_options, &["deny", "sameorigin"]),
        ("X-Content-Type-Options", x_content_type_options, &["nosniff"]),
        ("X-XSS-Protection", x_xss_protection, &[]),
        ("Strict-Transport-Security", strict_transport_security, &[]),
    ];
    let mut set = Vec::new();
    for (name, value, allowed) in headers {
        // A blank one is as if absent.
        let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
        let at = Path::of("http_server_config").key("headers").key(name);
        if !allowed.is_empty() && !allowed.contains(&value.as_str()) {
            let allowed: Vec<String> = allowed.iter().map(|value| format!("`{value}`")).collect();
            report.error(&at, format!("unknown value `{value}`"), &format!("write {}", allowed.join(" or ")));
        } else if let Some(c) = value.chars().find(|c| !matches!(c, ' '..='~')) {
            let message = format!("`{}` is not possible in a header", c.escape_debug());
            report.error(&at, message, "write one line of ASCII");
        }
        set.push((name, value));
    }
    set
}

fn users(users: &BTreeMap<String, Secret>, report: &mut Report<'_>) {
    for (name, hash) in users {
        let at = Path::of("basic_auth_users").key(name);
        if name.contains(':') || name.chars().any(char::is_control) {
            report.error_at_key(
                &at,
                "a user has a `:` or a control character in the name",
                "rename the user",
            );
        }
        match bcrypt_cost(hash.expose()) {
            None => {
                let hint = "make one with `htpasswd -nBC 10 \"\" | tr -d ':\\n'`";
                report.error(&at, "the value is not a hash of bcrypt", hint);
            }
            Some(cost) if cost > MAX_COST => {
                let message = format!("the cost of the hash is {cost}: each request would take minutes");
                report.error(&at, message, &format!("hash with a cost of 10, or {MAX_COST} at most"));
            }
            Some(_) => {}
        }
    }
}

/// Returns the cost of a hash such as `$2y$10$` with 53 characters behind it; none if it has another form.
fn bcrypt_cost(hash: &str) -> Option<u32> {
    let rest = ["$2a$", "$2b$", "$2x$", "$2y$"].iter().find_map(|version| hash.strip_prefix(version))?;
    let (cost, rest) = rest.split_once('$')?;
    let is_plain = rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/'));
    let cost =
        if cost.len() == 2 && cost.bytes().all(|c| c.is_ascii_digit()) { cost.parse().ok()? } else { 0 };
    ((4..=31).contains(&cost) && rest.len() == 53 && is_plain).then_some(cost)
}

fn rate_limit(file: &RateLimitFile, report: &mut Report<'_>) -> Option<RateLimit> {
    let at = Path::of("rate_limit");
    let interval = Duration::from_millis(file.interval.unwrap_or_default().as_millis());
    let burst = file.burst.unwrap_or_default();
    if interval.is_zero() {
        return None;
    }
    if burst == 0 {
        let key = at.key("burst");
        if report.is_damaged(&key) {
            return None;
        }
        let at = if file.burst.is_some() { &key } else { &at };
        report.error(at, "without a burst every request is refused", "set `burst` to 1 or more");
        return None;
    }
    Some(RateLimit { interval, burst })
}
