//! Addresses of servers in settings and in messages. Pure.

use reqwest::Url;

/// Parses an http or https address. The error completes a sentence that begins with the key, and shows nothing that may
/// be secret. `instead` is the setting for credentials.
pub(crate) fn parse(address: &str, instead: &str) -> Result<Url, String> {
    if !address.contains("://") {
        return Err(without_scheme(address));
    }
    let url = Url::parse(address.trim_end_matches('/')).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with `http://` or `https://`".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("must not hold credentials: use `{instead}`"));
    }
    Ok(url)
}

/// The error for an address without a scheme: `localhost:9009` would parse as a URL with the scheme `localhost`.
fn without_scheme(address: &str) -> String {
    let host = |c: char| c.is_ascii_alphanumeric() || "-._:[]/".contains(c);
    if address.is_empty() {
        "is empty".to_owned()
    } else if address.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
        && address.chars().all(host)
    {
        format!("has no scheme: write `http://{address}` or `https://{address}`")
    } else {
        "has no scheme: it must begin with `http://` or `https://`".to_owned()
    }
}

/// Formats an address for messages: without userinfo, query and fragment, which may contain secrets.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // These fail for URLs that cannot have userinfo.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// Describes a redirect for messages.
pub(crate) fn redirection(asked: &Url, location: &str) -> String {
    match asked.join(location) {
        Ok(target) if !location.is_empty() => format!("from {} to {}", shown(asked), shown(&target)),
        _ => format!("from {} to nowhere", shown(asked)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_explains_invalid_address() {
        for (address, expected) in [
            ("localhost:9009", "write `http://localhost:9009` or"),
            ("mimir.monitoring.svc:9009/prefix", "write `http://mimir.monitoring.svc:9009/prefix` or"),
            ("10.0.0.1:9009", "write `http://10.0.0.1:9009` or"),
            ("[::1]:9009", "write `http://[::1]:9009` or"),
            ("mimir", "write `http://mimir` or"),
            ("", "is empty"),
            ("u:hunter2@mimir", "has no scheme: it must begin"),
            ("mimir?hunter2", "has no scheme: it must begin"),
            ("ftp://mimir", "must begin with `http://` or `https://`"),
            ("http://u:hunter2@mimir", "must not hold credentials: use `basic_auth`"),
        ] {
            let error = parse(address, "basic_auth").unwrap_err();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{address}: {error}");
        }
        assert!(parse("https://mimir/", "basic_auth").is_ok());
    }

    #[test]
    fn redirection_shows_no_secrets() {
        let asked = Url::parse("http://u:hunter2@a/rules?token=hunter2#x").unwrap();
        for (location, shown) in [
            ("https://v:hunter2@b/login?token=hunter2", "from http://a/rules to https://b/login"),
            ("/other?hunter2", "from http://a/rules to http://a/other"),
            ("", "from http://a/rules to nowhere"),
            ("http://[", "from http://a/rules to nowhere"),
        ] {
            assert_eq!(redirection(&asked, location), shown);
        }
    }
}
