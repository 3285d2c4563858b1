//! Which tenant a request speaks for, and how it is told when that is none.

use super::kind::BadTenant;

/// Why a request has no usable tenant, as the answer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A status and a text of its own.
    Text(u16, String),
    /// 400 and a JSON error of type `bad_data`.
    Json(&'static str),
}

/// The tenant named by the header.
///
/// # Errors
/// When there is none, it is not well formed or there are several.
pub(crate) fn parse(header: Option<&str>, style: BadTenant, federation: bool) -> Result<String, Refused> {
    let Some(header) = header.filter(|header| !header.is_empty()) else {
        return Err(Refused::Text(401, "no org id".to_owned()));
    };
    match style {
        BadTenant::Unexplained => match check(header) {
            Ok(()) => Ok(header.to_owned()),
            Err(_) => Err(Refused::Json("no org id")),
        },
        BadTenant::Explained => {
            let mut tenants = Vec::new();
            for tenant in header.split('|') {
                // What follows a colon is a part of the tenant's own business.
                let tenant = tenant.split_once(':').map_or(tenant, |(tenant, _)| tenant);
                check(tenant).map_err(|text| Refused::Text(401, text))?;
                tenants.push(tenant);
            }
            tenants.sort_unstable();
            tenants.dedup();
            match tenants.as_slice() {
                [one] => Ok((*one).to_owned()),
                _ if federation => Err(Refused::Json("no valid org id found")),
                several => Err(Refused::Text(
                    422,
                    format!("too many tenant IDs present in the request. max: 1 actual: {}", several.len()),
                )),
            }
        }
    }
}

/// The most bytes of a tenant's name.
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

    fn explained(header: &str) -> Result<String, Refused> {
        parse(Some(header), BadTenant::Explained, false)
    }

    #[test]
    fn a_tenant_is_taken_without_what_follows_a_colon_and_may_be_named_twice() {
        assert_eq!(explained("a:x"), Ok("a".to_owned()));
        assert_eq!(explained("a|a"), Ok("a".to_owned()));
    }

    #[test]
    fn each_kind_says_what_is_wrong_in_its_way() {
        let text = |status, text: &str| Err(Refused::Text(status, text.to_owned()));
        for style in [BadTenant::Explained, BadTenant::Unexplained] {
            assert_eq!(parse(None, style, false), text(401, "no org id"));
            assert_eq!(parse(Some(""), style, false), text(401, "no org id"));
        }
        assert_eq!(explained("a b"), text(401, "tenant ID 'a b' contains unsupported character ' '"));
        assert_eq!(explained(&"t".repeat(151)), text(401, "tenant ID is too long: max 150 characters"));
        assert_eq!(explained(".."), text(401, "tenant ID is '.' or '..'"));
        let two = "too many tenant IDs present in the request. max: 1 actual: 2";
        assert_eq!(explained("a|b"), text(422, two));
        assert_eq!(
            parse(Some("a|b"), BadTenant::Explained, true),
            Err(Refused::Json("no valid org id found"))
        );
        assert_eq!(parse(Some("a|b"), BadTenant::Unexplained, false), Err(Refused::Json("no org id")));
    }
}
