//! Fetches credentials: reads the files and asks the services that the plan names.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::HeaderName;
use tokio::time::Instant;

use super::environment::Environment;
use super::keys::{self, Keys};
use super::plan::{Origin, Plan, Role, needs_profiles, plan};
use super::profile::Profiles;
use super::{signature, sts};
use crate::connection::allowance::Allowance;
use crate::connection::credentials::{Credentials, Header, Method, RequestSigner};
use crate::connection::cut::CUT;
use crate::connection::endpoint::endpoint;
use crate::connection::error::SendError;
use crate::connection::limits::Limits;
use crate::connection::proxy::ProxySettings;
use crate::connection::redact::Redactor;
use crate::connection::request::{Method as RequestMethod, Request};
use crate::connection::send::Connection;
use crate::settings::{READ_DEADLINE, Secret, SecretSource, SigV4};

/// The maximum time for one answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time for an answer of a service on the same host, which nothing answers for elsewhere.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(2);

/// The maximum size of a file.
const MAX_BYTES: u64 = 1 << 20;

/// The hosts to which a container's credentials may be asked for without TLS, besides those of loopback: the services of
/// ECS and EKS.
const CONTAINER_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// Fetches credentials, and the region to use them in. The error is a message.
pub(super) async fn fetch(config: &SigV4, environment: &Environment) -> Result<(String, Keys), String> {
    let profiles = match needs_profiles(config, environment) {
        true => profiles(environment).await?,
        false => Profiles::default(),
    };
    let Plan { region, origin, roles } = plan(config, environment, &profiles)?;
    let sts = Sts {
        address: environment
            .sts
            .clone()
            .unwrap_or_else(|| sts::address(&region, config.use_fips_sts_endpoint)),
        region: &region,
    };
    let mut keys = match origin {
        Origin::Keys(keys) => keys,
        Origin::WebIdentity { role, token_file } => {
            let token = read(&token_file).await?;
            sts.ask(sts::assume_role_with_web_identity(&role, token.expose()), &role, None).await?
        }
        Origin::Container { address, token, token_file } => {
            container(&address, token, token_file.as_deref()).await?
        }
        Origin::Instance(address) => instance(&address).await?,
    };
    for role in &roles {
        keys = sts.ask(sts::assume_role(role), role, Some(keys)).await?;
    }
    Ok((region, keys))
}

/// Reads the shared files. Those that do not exist have no profiles.
async fn profiles(environment: &Environment) -> Result<Profiles, String> {
    let text = async |path: Option<&Path>| match path {
        None => Ok(String::new()),
        Some(path) => match rulesync_fs::read_with_deadline(path, MAX_BYTES, READ_DEADLINE).await {
            Ok(bytes) => {
                String::from_utf8(bytes).map_err(|_| format!("{}: is not UTF-8 text", path.display()))
            }
            Err(error) if error.is_not_found() => Ok(String::new()),
            Err(error) => Err(format!("{}: {error}", path.display())),
        },
    };
    let config = text(environment.config_file.as_deref()).await?;
    let credentials = text(environment.credentials_file.as_deref()).await?;
    Ok(Profiles::parse(&config, &credentials))
}

async fn read(path: &Path) -> Result<Secret, String> {
    let source = SecretSource::from_keys(None, Some(&path.to_owned()));
    match source {
        Some(source) => source.get().await.map_err(|error| error.to_string()),
        None => Err(format!("{}: cannot be read", path.display())),
    }
}

/// Signs a request to STS with given keys.
#[derive(Debug)]
struct GivenKeys {
    service: &'static str,
    region: String,
    keys: Keys,
}

#[async_trait]
impl RequestSigner for GivenKeys {
    async fn sign(&self, request: &mut reqwest::Request, redactor: &Redactor) -> Result<(), String> {
        let Self { service, region, keys } = self;
        redactor.remember(None, keys.secret.expose());
        signature::sign(request, keys, region, service, SystemTime::now())
    }

    fn distrust(&self, _: Instant) {}
}

/// The service that assumes roles.
struct Sts<'a> {
    address: String,
    region: &'a str,
}

impl Sts<'_> {
    /// Asks for the credentials of a role, with `keys` or with what is in the form.
    async fn ask(&self, form: Secret, role: &Role, keys: Option<Keys>) -> Result<Keys, String> {
        let signer = keys.map(|keys| GivenKeys { service: "sts", region: self.region.to_owned(), keys });
        let method = signer.map_or(Method::Anonymous, |signer| Method::Signature(Box::new(signer)));
        let connection = connection(&self.address, Reach::Remote, method, Vec::new())?;
        let request = Request::post("", "token")
            .with_body("application/x-www-form-urlencoded", form.expose().to_owned());
        let (status, body) = exchange(&connection, &request)
            .await
            .map_err(|error| format!("{} did not answer for the role {}: {error}", self.address, role.arn))?;
        if !(200..300).contains(&status) {
            let code = sts::error_code(&body).map(|code| format!(" ({code})")).unwrap_or_default();
            return Err(format!(
                "the role {} was not assumed: {} answered {status}{code}",
                role.arn, self.address
            ));
        }
        sts::keys(&body).map_err(|error| format!("{} {error}", self.address))
    }
}

/// Asks the credentials service of a container.
async fn container(address: &str, token: Option<Secret>, token_file: Option<&Path>) -> Result<Keys, String> {
    let url: Url =
        address.parse().map_err(|_| "the address of the container's credentials is not a URL".to_owned())?;
    let host = url.host_str().unwrap_or_default();
    if url.scheme() != "https" && !is_loopback(host) && !CONTAINER_HOSTS.contains(&host) {
        return Err(format!("the container's credentials are not asked for at {host} without TLS"));
    }
    let token = match token_file {
        Some(path) => Some(read(path).await?),
        None => token,
    };
    let header = |secret| Header {
        name: HeaderName::from_static("authorization"),
        source: SecretSource::Given(secret),
        public: false,
    };
    let headers = token.map(header).into_iter().collect();
    let connection = connection(address, Reach::Local, Method::Anonymous, headers)?;
    let what = "the credentials service of the container";
    let body = answer(&connection, &Request::get("", "token"), what).await?;
    keys::of_document(&body).map_err(|error| format!("{what} {error}"))
}

/// Returns whether a host is this one. A name that begins like an address may be anybody's.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Asks the metadata service of an instance (IMDSv2).
async fn instance(address: &str) -> Result<Keys, String> {
    let what = "there are no credentials in the settings, the environment or the shared files, and the metadata service \
                of the instance";
    let header = |name, secret| Header {
        name: HeaderName::from_static(name),
        source: SecretSource::Given(secret),
        public: false,
    };
    let lifetime = header("x-aws-ec2-metadata-token-ttl-seconds", Secret::from("60"));
    let first = connection(address, Reach::Local, Method::Anonymous, vec![lifetime])?;
    let token = answer(&first, &Request::new(RequestMethod::Put, "/latest/api/token", "token"), what).await?;
    let token = header("x-aws-ec2-metadata-token", Secret::from(token.trim()));
    let second = connection(address, Reach::Local, Method::Anonymous, vec![token])?;
    let path = "/latest/meta-data/iam/security-credentials/";
    let roles = answer(&second, &Request::get(path, "token"), what).await?;
    let role = roles.lines().next().unwrap_or_default().trim();
    let path = format!("{path}{}", crate::connection::credentials::form_encoded(role));
    let body = answer(&second, &Request::get(path, "token"), what).await?;
    keys::of_document(&body).map_err(|error| format!("{what} {error}"))
}

/// Where a service is.
enum Reach {
    /// On the same host: no proxy leads there.
    Local,
    /// Anywhere; through the proxy of the environment, as AWS' SDKs do.
    Remote,
}

fn connection(
    address: &str,
    reach: Reach,
    method: Method,
    headers: Vec<Header>,
) -> Result<Connection, String> {
    let invalid = |reason: String| format!("the address {address} of a service {reason}");
    let url = crate::connection::address::parse(address, "secret_key").map_err(invalid)?;
    let (from_environment, timeout) = match reach {
        Reach::Local => (false, LOCAL_TIMEOUT),
        Reach::Remote => (true, TIMEOUT),
    };
    let redactor = Arc::new(Redactor::default());
    let proxy = ProxySettings { from_environment, ..ProxySettings::default() };
    let endpoint = endpoint(&url, None, proxy, true, &redactor).map_err(|error| error.to_string())?;
    let credentials = Credentials::new(method, headers, redactor);
    Ok(Connection::of_parts(endpoint, credentials, Limits::default()).with_timeout(timeout))
}

/// Returns the body of a successful answer.
async fn answer(connection: &Connection, request: &Request<'_>, what: &str) -> Result<String, String> {
    match exchange(connection, request).await {
        Ok((status, body)) if (200..300).contains(&status) => Ok(body),
        Ok((status, _)) => Err(format!("{what} answered {status}")),
        Err(error) => Err(format!("{what} did not answer: {error}")),
    }
}

/// Returns the status and the beginning of the body of an answer.
async fn exchange(connection: &Connection, request: &Request<'_>) -> Result<(u16, String), String> {
    let mut allowance = Allowance::new(connection.timeout());
    let described = |error| match error {
        SendError::TimedOut(timeout) => format!("no answer within {}s", timeout.as_secs_f64()),
        SendError::Unsigned(reason) | SendError::Failed(reason) => reason,
        SendError::Path(path) => format!("the path {path} cannot be sent as it is"),
    };
    let response = connection.send_within(request, &mut allowance).await.map_err(described)?;
    let status = response.status();
    let reading = response.drain(connection.timeout());
    let body =
        allowance.wait(reading).await.ok_or_else(|| described(SendError::TimedOut(connection.timeout())))?;
    Ok((status, body.trim_end_matches(CUT).to_owned()))
}
