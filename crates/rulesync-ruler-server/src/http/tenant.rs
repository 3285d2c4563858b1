//! The tenant of a request, and the answers to an invalid one.

use crate::model::kind::InvalidTenant;

/// The answer to a request without a valid tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TenantError {
    /// A status and a plain-text message.
    Text(u16, String),
    /// A status and a JSON error of the corresponding type.
    Json(u16, &'static str),
}

/// The requested API; the error messages differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestedApi {
    Config,
    State,
}

/// Parses the tenant header.
///
/// # Errors
/// If the tenant is missing or malformed, or there are several.
pub(crate) fn parse(
    header: Option<&str>,
    style: InvalidTenant,
    federation: bool,
    api: RequestedApi,
) -> Result<String, TenantError> {
    let Some(header) = header.filter(|header| !header.is_empty()) else {
        return Err(TenantError::Text(401, "no org id".to_owned()));
    };
    match style {
        InvalidTenant::Generic => match check(header) {
            Ok(()) => Ok(header.to_owned()),
            Err(_) => Err(TenantError::Json(400, "no org id")),
        },
        InvalidTenant::WithReason => match only(header).map_err(|text| TenantError::Text(401, text))? {
            Ok(one) => Ok(one),
            Err(_) if federation => Err(TenantError::Json(400, "no valid org id found")),
            Err(several) => Err(TenantError::Text(
                422,
                format!("too many tenant IDs present in the request. max: 1 actual: {several}"),
            )),
        },
        InvalidTenant::ServerError => match (only(header), api) {
            (Ok(Ok(one)), _) => Ok(one),
            (_, RequestedApi::Config) => Err(TenantError::Json(500, "no org id")),
            (Ok(Err(_)), RequestedApi::State) => Err(TenantError::Json(400, "too many org ids found")),
            (Err(_), RequestedApi::State) => Err(TenantError::Json(500, "no valid org id found")),
        },
    }
}

/// The only tenant of a header that may contain several, or else their number.
///
/// # Errors
/// The reason if a tenant is malformed.
fn only(header: &str) -> Result<Result<String, usize>, String> {
    let mut tenants = Vec::new();
    for tenant in header.split('|') {
        // The part after a colon is tenant-specific metadata.
        let tenant = tenant.split_once(':').map_or(tenant, |(tenant, _)| tenant);
        check(tenant)?;
        tenants.push(tenant);
    }
    tenants.sort_unstable();
    tenants.dedup();
    Ok(match tenants.as_slice() {
        [one] => Ok((*one).to_owned()),
        several => Err(several.len()),
    })
}

/// The maximum length of a tenant's name in bytes.
const LONGEST: usize = 150;

fn check(tenant: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!-_.*'()".contains(c);
    if let Some(odd) = tenant.chars().find(|c| !allowed(*c)) {
        return Err(format!("tenant ID '{tenant}' contains unsupported character '{odd}'"));
    }
    if tenant.len() > LONGEST {
        return Err(format!("tenant ID is too long: max {LONGEST} characters"));
    }
    if tenant == "." || tenant == ".." {
        return Err("tenant ID is '.' or '..'".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(header: &str, style: InvalidTenant, federation: bool) -> Result<String, TenantError> {
        parse(Some(header), style, federation, RequestedApi::Config)
    }

    fn state(header: &str) -> Result<String, TenantError> {
        parse(Some(header), InvalidTenant::ServerError, false, RequestedApi::State)
    }

    #[test]
    fn tenant_ignores_metadata_and_duplicates() {
        for style in [InvalidTenant::WithReason, InvalidTenant::ServerError] {
            assert_eq!(config("a:x", style, false), Ok("a".to_owned()));
            assert_eq!(config("a|a", style, false), Ok("a".to_owned()));
        }
    }

    #[test]
    fn tenant_errors_differ_by_kind() {
        let text = |status, text: &str| Err(TenantError::Text(status, text.to_owned()));
        for style in [InvalidTenant::WithReason, InvalidTenant::Generic, InvalidTenant::ServerError] {
            for api in [RequestedApi::Config, RequestedApi::State] {
                assert_eq!(parse(None, style, false, api), text(401, "no org id"));
                assert_eq!(parse(Some(""), style, false, api), text(401, "no org id"));
            }
        }
        let explained = |header: &str| config(header, InvalidTenant::WithReason, false);
        assert_eq!(explained("a b"), text(401, "tenant ID 'a b' contains unsupported character ' '"));
        assert_eq!(explained(&"t".repeat(151)), text(401, "tenant ID is too long: max 150 characters"));
        assert_eq!(explained(".."), text(401, "tenant ID is '.' or '..'"));
        let two = "too many tenant IDs present in the request. max: 1 actual: 2";
        assert_eq!(explained("a|b"), text(422, two));
        let json = |status, error| Err(TenantError::Json(status, error));
        assert_eq!(config("a|b", InvalidTenant::WithReason, true), json(400, "no valid org id found"));
        assert_eq!(config("a|b", InvalidTenant::Generic, false), json(400, "no org id"));
        for bad in ["a b", "..", "a|b"] {
            assert_eq!(config(bad, InvalidTenant::ServerError, false), json(500, "no org id"));
        }
        assert_eq!(state("a|b"), json(400, "too many org ids found"));
        assert_eq!(state("a|b c"), json(500, "no valid org id found"));
    }
}
