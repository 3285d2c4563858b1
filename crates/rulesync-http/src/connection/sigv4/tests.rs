//! Signed requests, and where their credentials come from, against servers that compute the signatures anew.

use std::path::Path;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use wiremock::matchers::{any, body_string_contains, header, header_exists, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::connection::credentials::{Credentials, Method};
use crate::connection::endpoint::endpoint;
use crate::connection::limits::Limits;
use crate::connection::proxy::ProxySettings;
use crate::connection::request::Request;
use crate::connection::send::Connection;
use crate::settings::Secret;

/// A connection whose requests are signed as the settings and these variables say.
fn connection(address: &str, config: &SigV4, variables: &[(&str, &str)]) -> Connection {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
    let environment = Environment::read(|name| find(name).map(|(_, value)| (*value).to_owned()));
    let method = Method::Signature(Box::new(Signer::with_environment(config, environment)));
    let redactor = Arc::new(Redactor::default());
    let endpoint =
        endpoint(&address.parse().unwrap(), None, ProxySettings::default(), true, &redactor).unwrap();
    Connection::of_parts(endpoint, Credentials::new(method, Vec::new(), redactor), Limits::default())
}

fn config() -> SigV4 {
    SigV4 { region: Some("eu-west-1".into()), ..SigV4::default() }
}

/// Keys whose signature a server expects.
struct Expected<'a> {
    id: &'a str,
    secret: &'a str,
    token: Option<&'a str>,
    service: &'a str,
}

impl Expected<'_> {
    /// Computes the signature of a received request again, and compares it.
    fn verify(&self, received: &wiremock::Request) {
        let text = |name: &str| received.headers.get(name).map(|value| value.to_str().unwrap());
        let authorization = text("authorization").unwrap();
        let date = text("x-amz-date").unwrap();
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}/eu-west-1/{}/aws4_request, ",
            self.id,
            &date[..8],
            self.service
        );
        assert!(authorization.starts_with(&scope), "{authorization}");
        assert_eq!(text("x-amz-security-token"), self.token);
        let signed = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
        // The crate adds these itself.
        let given = signed.split(';').filter(|name| !name.starts_with("x-amz-"));
        let identity =
            AwsCredentials::new(self.id, self.secret, self.token.map(str::to_owned), None, "test").into();
        let time = format!(
            "{}-{}-{}T{}:{}:{}Z",
            &date[..4],
            &date[4..6],
            &date[6..8],
            &date[9..11],
            &date[11..13],
            &date[13..15]
        );
        let time = SystemTime::try_from(DateTime::from_str(&time, Format::DateTime).unwrap()).unwrap();
        assert!(time.elapsed().unwrap() < Duration::from_secs(600), "{date}");
        let params = SigningParams::builder()
            .identity(&identity)
            .region("eu-west-1")
            .name(self.service)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let request = SignableRequest::new(
            received.method.as_str(),
            received.url.as_str(),
            given.map(|name| (name, text(name).unwrap())),
            SignableBody::Bytes(&received.body),
        );
        let (_, signature) = aws_sigv4::http_request::sign(request.unwrap(), &params).unwrap().into_parts();
        assert!(authorization.ends_with(&format!("Signature={signature}")), "{received:?}");
    }
}

async fn accepting() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(202)).mount(&server).await;
    server
}

async fn send(connection: &Connection, request: Request<'_>) -> Result<u16, String> {
    connection.send(request).await.map(|response| response.status()).map_err(|error| error.to_string())
}

async fn get(connection: &Connection) -> Result<u16, String> {
    send(connection, Request::get("/rules", "list")).await
}

async fn received(server: &MockServer) -> Vec<wiremock::Request> {
    server.received_requests().await.unwrap()
}

/// An answer of STS with keys that expire in an hour.
fn granted(id: &str) -> ResponseTemplate {
    let expires =
        DateTime::from(SystemTime::now() + Duration::from_secs(3_600)).fmt(Format::DateTime).unwrap();
    ResponseTemplate::new(200).set_body_string(format!(
        "<R><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>secret-of-{id}</SecretAccessKey>\
         <SessionToken>token-of-{id}</SessionToken><Expiration>{expires}</Expiration></Credentials></R>"
    ))
}

/// The same of a metadata service.
fn document(id: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(serde_json::json!({
        "Code": "Success", "AccessKeyId": id, "SecretAccessKey": format!("secret-of-{id}"),
        "Token": format!("token-of-{id}"), "Expiration": "2999-01-01T00:00:00Z",
    }))
}

fn temporary<'a>(id: &'a str, secret: &'a str, token: &'a str) -> Expected<'a> {
    Expected { id, secret, token: Some(token), service: "aps" }
}

/// Checks that a ruler received one request, signed with the temporary keys `ASIA`.
async fn verify_temporary(ruler: &MockServer) {
    let requests = received(ruler).await;
    let [request] = requests.as_slice() else { panic!("one: {requests:?}") };
    temporary("ASIA", "secret-of-ASIA", "token-of-ASIA").verify(request);
}

#[tokio::test]
async fn sigv4_signs_every_kind_of_request() {
    let ruler = accepting().await;
    let given = SigV4 { access_key: Some("AKID".into()), secret_key: Some("hunter2".into()), ..config() };
    let connection = connection(&format!("{}/workspaces/ws", ruler.uri()), &given, &[]);
    let tenant = "prod".parse().unwrap();
    let write = Request::post("/rules/a%20b%2Fc", "write").with_tenant(Some(&tenant));
    for request in [
        Request::get("/rules", "list").with_parameter("file[]", "a b&c=é"),
        write.clone().with_body("application/yaml", "name: g\n"),
        write,
        Request::new(crate::connection::request::Method::Delete, "/rules/x", "delete"),
    ] {
        assert_eq!(send(&connection, request).await, Ok(202));
    }
    let expected = Expected { id: "AKID", secret: "hunter2", token: None, service: "aps" };
    let requests = received(&ruler).await;
    assert_eq!(requests.len(), 4);
    requests.iter().for_each(|request| expected.verify(request));
    let signed = requests[1].headers["authorization"].to_str().unwrap();
    assert!(signed.contains("SignedHeaders=content-type;host;x-amz-date;x-scope-orgid,"), "{signed}");
    assert!(!format!("{connection:?}").contains("hunter2"));
}

#[tokio::test]
async fn sigv4_signs_for_the_service_of_the_settings() {
    let ruler = accepting().await;
    let service = SigV4 { service_name: Some("execute-api".into()), ..config() };
    let keys = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_SESSION_TOKEN", "t")];
    assert_eq!(get(&connection(&ruler.uri(), &service, &keys)).await, Ok(202));
    let expected = Expected { id: "AKID", secret: "s", token: Some("t"), service: "execute-api" };
    expected.verify(&received(&ruler).await[0]);
}

#[tokio::test]
async fn sigv4_assumes_a_role_with_a_web_identity() {
    let (ruler, sts) = (accepting().await, MockServer::start().await);
    let directory = tempfile::tempdir().unwrap();
    let token = directory.path().join("token");
    std::fs::write(&token, "kubernetes.token\n").unwrap();
    Mock::given(method("POST"))
        .and(path("/"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string_contains(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr",
        ))
        .and(body_string_contains("WebIdentityToken=kubernetes.token"))
        .respond_with(granted("ASIA"))
        .expect(1)
        .mount(&sts)
        .await;
    let variables = [
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", &sts.uri()),
    ];
    let connection = connection(&ruler.uri(), &config(), &variables);
    assert_eq!((get(&connection).await, get(&connection).await), (Ok(202), Ok(202)));
    for request in received(&ruler).await {
        temporary("ASIA", "secret-of-ASIA", "token-of-ASIA").verify(&request);
    }
    assert!(!received(&sts).await[0].headers.contains_key("authorization"), "the token is enough");
    let shown = format!("{connection:?}");
    assert!(
        !shown.contains("secret-of") && !shown.contains("token-of") && !shown.contains("kubernetes.token")
    );
    sts.verify().await;
}

#[tokio::test]
async fn sigv4_assumes_roles_one_with_the_other() {
    let (ruler, sts) = (accepting().await, MockServer::start().await);
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let credentials = file("credentials", "[base]\naws_access_key_id = BASE\naws_secret_access_key = s\n");
    let profile = "[profile p]\nregion = eu-west-1\nrole_arn = arn:inner\nsource_profile = base\n";
    let profile = file("config", profile);
    for (role, keys) in [("arn%3Ainner", "MIDDLE"), ("arn%3Aouter", "ASIA")] {
        Mock::given(body_string_contains(format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&")))
            .respond_with(granted(keys))
            .expect(1)
            .mount(&sts)
            .await;
    }
    let settings =
        SigV4 { profile: Some("p".into()), role_arn: Some("arn:outer".into()), ..SigV4::default() };
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let variables = [
        ("AWS_SHARED_CREDENTIALS_FILE", &*text(&credentials)),
        ("AWS_CONFIG_FILE", &*text(&profile)),
        ("AWS_ENDPOINT_URL_STS", &sts.uri()),
    ];
    assert_eq!(get(&connection(&ruler.uri(), &settings, &variables)).await, Ok(202));
    let asked = received(&sts).await;
    Expected { id: "BASE", secret: "s", token: None, service: "sts" }.verify(&asked[0]);
    Expected { service: "sts", ..temporary("MIDDLE", "secret-of-MIDDLE", "token-of-MIDDLE") }
        .verify(&asked[1]);
    verify_temporary(&ruler).await;
    sts.verify().await;
}

#[tokio::test]
async fn sigv4_takes_credentials_of_a_container() {
    let (ruler, service) = (accepting().await, MockServer::start().await);
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "pod-token").unwrap();
    Mock::given(path("/v1/credentials"))
        .and(header("authorization", "pod-token"))
        .respond_with(document("ASIA"))
        .mount(&service)
        .await;
    let address = format!("{}/v1/credentials", service.uri());
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", address.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.path().to_str().unwrap()),
    ];
    assert_eq!(get(&connection(&ruler.uri(), &config(), &variables)).await, Ok(202));
    verify_temporary(&ruler).await;
    for host in ["example.com", "127.evil.example", "128.0.0.1"] {
        let address = format!("http://{host}/v1/credentials");
        let elsewhere = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", address.as_str())];
        let refused = get(&connection(&ruler.uri(), &config(), &elsewhere)).await.unwrap_err();
        assert!(refused.contains(&format!("not asked for at {host} without TLS")), "{refused}");
    }
}

#[tokio::test]
async fn sigv4_takes_credentials_of_an_instance() {
    let (ruler, service) = (accepting().await, MockServer::start().await);
    Mock::given(method("PUT"))
        .and(path("/latest/api/token"))
        .and(header_exists("x-aws-ec2-metadata-token-ttl-seconds"))
        .respond_with(ResponseTemplate::new(200).set_body_string("session"))
        .mount(&service)
        .await;
    let metadata = "/latest/meta-data/iam/security-credentials/";
    for (path_of, answer) in [
        (metadata.to_owned(), ResponseTemplate::new(200).set_body_string("node-role")),
        (format!("{metadata}node-role"), document("ASIA")),
    ] {
        Mock::given(method("GET"))
            .and(path(path_of))
            .and(header("x-aws-ec2-metadata-token", "session"))
            .respond_with(answer)
            .mount(&service)
            .await;
    }
    let variables = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*service.uri())];
    assert_eq!(get(&connection(&ruler.uri(), &config(), &variables)).await, Ok(202));
    verify_temporary(&ruler).await;
    let nobody = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")];
    let none = get(&connection(&ruler.uri(), &config(), &nobody)).await.unwrap_err();
    assert!(none.contains("sigv4: there are no credentials in the settings"), "{none}");
}

#[tokio::test]
async fn sigv4_renews_credentials_that_the_server_calls_expired() {
    let (ruler, service) = (MockServer::start().await, MockServer::start().await);
    Mock::given(any()).respond_with(document("OLD")).up_to_n_times(1).mount(&service).await;
    Mock::given(any()).respond_with(document("ASIA")).expect(1).mount(&service).await;
    let expired = ResponseTemplate::new(403)
        .insert_header("x-amzn-errortype", "ExpiredTokenException:http://internal/")
        .set_body_string("The security token token-of-OLD is expired");
    Mock::given(header("x-amz-security-token", "token-of-OLD")).respond_with(expired).mount(&ruler).await;
    Mock::given(header("x-amz-security-token", "token-of-ASIA"))
        .respond_with(ResponseTemplate::new(202))
        .up_to_n_times(1)
        .mount(&ruler)
        .await;
    // Not allowed, whoever asks.
    let denied = ResponseTemplate::new(403)
        .insert_header("x-amzn-errortype", "AccessDeniedException")
        .set_body_string("denied to token-of-ASIA, signed with secret-of-ASIA");
    Mock::given(any()).respond_with(denied).mount(&ruler).await;
    let address = service.uri();
    let variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", address.as_str())];
    let connection = connection(&ruler.uri(), &config(), &variables);
    assert_eq!(get(&connection).await, Ok(202));
    let denied = connection.send(Request::get("/rules", "list")).await.unwrap();
    assert_eq!(denied.status(), 403);
    assert_eq!(denied.excerpt().await, "denied to <secret>, signed with <secret>");
    service.verify().await;
}

#[tokio::test]
async fn sigv4_reports_what_is_wrong_without_secrets() {
    let (ruler, sts) = (accepting().await, MockServer::start().await);
    let error =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>hunter2</Message></Error></ErrorResponse>";
    Mock::given(any()).respond_with(ResponseTemplate::new(403).set_body_string(error)).mount(&sts).await;
    let keys = |config: SigV4| SigV4 {
        access_key: Some("AKID".into()),
        secret_key: Some(Secret::from("hunter2")),
        ..config
    };
    let role = keys(SigV4 { role_arn: Some("arn:aws:iam::1:role/r".into()), ..config() });
    let address = sts.uri();
    let sts_here = ("AWS_ENDPOINT_URL_STS", address.as_str());
    for (settings, variables, says) in [
        (role.clone(), vec![sts_here], "the role arn:aws:iam::1:role/r was not assumed: ".to_owned()),
        (role.clone(), vec![sts_here], format!("{address} answered 403 (AccessDenied)")),
        (
            role,
            vec![("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")],
            "http://127.0.0.1:1 did not answer".to_owned(),
        ),
        (keys(SigV4::default()), vec![], "the region is unknown".to_owned()),
        (SigV4 { profile: Some("x".into()), ..config() }, vec![], "no profile `x`".to_owned()),
        (
            config(),
            vec![("AWS_ROLE_ARN", "arn:x"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token")],
            "/nowhere/token: ".to_owned(),
        ),
    ] {
        let error = get(&connection(&ruler.uri(), &settings, &variables)).await.unwrap_err();
        assert!(error.contains("the request was not sent: sigv4: ") && error.contains(&says), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(received(&ruler).await.is_empty());
}
