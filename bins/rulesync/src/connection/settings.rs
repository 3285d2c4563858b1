//! One ruler and tenant, as flags and the environment describe it. Pure: standard input is read before.

use std::collections::HashMap;

use super::flags::{RulerArgs, RulerKind};
use super::variables::{self, Given, Variables};

/// One ruler and tenant.
#[derive(Debug)]
pub(crate) struct RulerSettings {
    pub(super) kind: RulerKind,
    pub(super) address: Given,
    pub(super) tenant: Option<Given>,
    pub(super) authentication: Authentication,
    pub(super) headers: Vec<(String, Given)>,
    /// Keys of `tls_config` with their values.
    pub(super) tls: Vec<(&'static str, Given)>,
    pub(super) insecure_skip_verify: bool,
    pub(super) prometheus_http_prefix: Option<Given>,
    /// Keys of `sigv4` with their values.
    pub(super) sigv4: Vec<(&'static str, Given)>,
    /// The variable that asks for the FIPS endpoint of AWS's token service.
    pub(super) sigv4_fips: Option<Given>,
}

/// How requests are authenticated.
#[derive(Debug)]
pub(super) enum Authentication {
    None,
    Basic { user: Given, key: Option<Secret> },
    Token(Secret),
}

/// A secret, or the file that holds it.
#[derive(Debug, Clone)]
pub(crate) enum Secret {
    Text(Given),
    File(Given),
}

/// The variables of mimirtool's SigV4 settings with the keys of rulesync's.
const SIGV4: [(&str, &str); 7] = [
    ("SIGV4_REGION", "region"),
    ("SIGV4_ACCESS_KEY", "access_key"),
    ("SIGV4_SECRET_KEY", "secret_key"),
    ("SIGV4_PROFILE", "profile"),
    ("SIGV4_ASSUME_ROLE_ARN", "role_arn"),
    ("SIGV4_EXTERNAL_ID", "external_id"),
    ("SIGV4_SERVICE_NAME", "service_name"),
];

impl RulerSettings {
    /// Resolves flags and the environment. `stdin` is what standard input held, if a flag says `-`.
    ///
    /// # Errors
    ///
    /// What is missing, contradictory or not supported, with the flag or variable.
    pub(super) fn resolve(
        args: &RulerArgs,
        tenant: Option<&String>,
        environment: &HashMap<String, String>,
        stdin: Option<&str>,
    ) -> Result<Self, String> {
        let kind = args.ruler.map_or_else(|| variables::kind(environment), Ok)?;
        let variables = Variables::new(environment, kind);
        let value = |flag: &str, given: Option<&String>, name: &str| {
            given.map(|text| Given::flag(flag, text.as_str())).or_else(|| variables.get(name))
        };
        let address = value("address", args.address.as_ref(), "ADDRESS");
        let Some(address) = address else {
            return Err("where? Give --address, or RULESYNC_ADDRESS, or --config".to_owned());
        };
        if let Some(given) = variables.tool("USE_LEGACY_ROUTES")
            && variables.is_true(Some(&given))?
        {
            let hint = match kind {
                RulerKind::Mimir => "; Cortex's routes are used with --ruler cortex",
                _ => "",
            };
            return Err(format!("{}: legacy routes are not supported{hint}", given.origin));
        }
        let tenant = value("tenant", tenant, "TENANT_ID");
        let fips = variables.get("SIGV4_USE_FIPS_STS_ENDPOINT");
        variables.is_true(fips.as_ref())?;
        let insecure = variables.get("TLS_INSECURE_SKIP_VERIFY");
        let tls = [
            ("ca_file", value("tls-ca-path", args.tls_ca_path.as_ref(), "TLS_CA_PATH")),
            ("cert_file", value("tls-cert-path", args.tls_cert_path.as_ref(), "TLS_CERT_PATH")),
            ("key_file", value("tls-key-path", args.tls_key_path.as_ref(), "TLS_KEY_PATH")),
        ];
        let prefix = args.prometheus_http_prefix.as_ref();
        let prefix = value("prometheus-http-prefix", prefix, "PROMETHEUS_HTTP_PREFIX");
        if let Some(prefix) = prefix.as_ref().filter(|_| kind != RulerKind::Mimir) {
            return Err(format!("{}: only mimir has such a prefix", prefix.origin));
        }
        Ok(Self {
            kind,
            authentication: authentication(args, variables, tenant.as_ref(), stdin)?,
            headers: variables
                .get("EXTRA_HEADERS")
                .map_or_else(|| Ok(Vec::new()), |given| headers(&given))?,
            address,
            tenant,
            tls: tls.into_iter().filter_map(|(key, given)| Some((key, given?))).collect(),
            insecure_skip_verify: args.tls_insecure_skip_verify || variables.is_true(insecure.as_ref())?,
            prometheus_http_prefix: prefix,
            sigv4_fips: fips.filter(|fips| variables.is_true(Some(fips)) == Ok(true)),
            sigv4: SIGV4.iter().filter_map(|(name, key)| Some((*key, variables.get(name)?))).collect(),
        })
    }
}

impl RulerSettings {
    /// Makes the paths of files independent of the directory that the configuration is in.
    pub(super) fn make_files_absolute(&mut self) {
        let secret = match &mut self.authentication {
            Authentication::Basic { key: Some(Secret::File(file)), .. }
            | Authentication::Token(Secret::File(file)) => Some(file),
            _ => None,
        };
        for file in self.tls.iter_mut().map(|(_, file)| file).chain(secret) {
            *file = file.clone().into_absolute();
        }
    }
}

/// As these tools do it: a user or a key is basic authentication, with the tenant as the user if there is none.
fn authentication(
    args: &RulerArgs,
    variables: Variables<'_>,
    tenant: Option<&Given>,
    stdin: Option<&str>,
) -> Result<Authentication, String> {
    let secret = |flag: &str, file: Option<&std::path::PathBuf>, name: &str| {
        let from_file = file.map(|file| match stdin.filter(|_| file.as_os_str() == "-") {
            Some(text) => Secret::Text(Given::flag(flag, text.trim_end_matches(['\r', '\n']))),
            None => Secret::File(Given::flag(flag, file.display().to_string())),
        });
        from_file.or_else(|| variables.get(name).map(Secret::Text))
    };
    let user = args.user.as_ref().map(|user| Given::flag("user", user.as_str()));
    let user = user.or_else(|| variables.get("API_USER"));
    let (mut key, mut token) = (
        secret("key-file", args.key_file.as_ref(), "API_KEY"),
        secret("auth-token-file", args.auth_token_file.as_ref(), "AUTH_TOKEN"),
    );
    // A flag replaces whatever else the environment has.
    if args.key_file.is_some() {
        token = None;
    } else if args.auth_token_file.is_some() {
        key = None;
    }
    match (user, key, token) {
        (Some(_), _, Some(token)) | (None, Some(_), Some(token)) if args.auth_token_file.is_none() => {
            Err(format!("{}: give a token or a user and key, not both", token.origin()))
        }
        (_, _, Some(token)) => Ok(Authentication::Token(token)),
        (Some(user), key, None) => Ok(Authentication::Basic { user, key }),
        (None, Some(key), None) => match tenant {
            Some(tenant) => Ok(Authentication::Basic { user: tenant.clone(), key: Some(key) }),
            None => Err(format!("{}: a key needs a user or a tenant: give --user or --tenant", key.origin())),
        },
        (None, None, None) => Ok(Authentication::None),
    }
}

impl Secret {
    fn origin(&self) -> &str {
        match self {
            Self::Text(given) | Self::File(given) => &given.origin,
        }
    }
}

/// Parses `name=value` or `name:value` lines.
fn headers(given: &Given) -> Result<Vec<(String, Given)>, String> {
    let lines = given.text.lines().map(str::trim).filter(|line| !line.is_empty());
    let header = |line: &str| {
        let (name, value) = line
            .split_once(['=', ':'])
            .ok_or_else(|| format!("{}: each line must be of the form `name=value`", given.origin))?;
        Ok((name.trim().to_owned(), Given { text: value.trim().to_owned(), origin: given.origin.clone() }))
    };
    lines.map(header).collect()
}

#[cfg(test)]
mod tests;
