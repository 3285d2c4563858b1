//! Files, what is served by them, and what becomes of changes. Real handshakes over loopback.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::routing::get;
use reqwest::{Client, StatusCode};

use super::*;
use crate::access::Access;
use crate::route_prefix::RoutePrefix;
use crate::serve::{Limits, Server};
use crate::tls::testing::{Authority, Issued};

/// A directory with a web configuration, and what it names.
struct Directory {
    place: tempfile::TempDir,
    authority: Authority,
}

const TLS: &str = "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n";

impl Directory {
    /// With a certificate of its authority, which is also that of clients.
    fn new(text: &str) -> Self {
        let it = Self { place: tempfile::tempdir().unwrap(), authority: Authority::new() };
        it.write("web.yaml", text);
        it.write("ca.crt", &it.authority.pem());
        it.install(&it.authority.issue("127.0.0.1"));
        it
    }

    fn install(&self, Issued { cert, key }: &Issued) {
        self.write("tls.crt", cert);
        self.write("tls.key", key);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    async fn read(&self, health_is_open: bool) -> Result<WebConfigFile, ConfigErrors> {
        WebConfigFile::read(&self.path("web.yaml"), health_is_open).await
    }

    async fn serve(&self, health_is_open: bool) -> Served {
        let file = self.read(health_is_open).await.unwrap();
        let pages = Router::new()
            .route("/-/healthy", get(|| async { "healthy\n" }))
            .route("/metrics", get(|| async { "metrics\n" }));
        let access = Access::new(file.versions(), &RoutePrefix::default(), health_is_open).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::start(address, access.guard(pages), Limits::default(), file.tls()).unwrap();
        Served { file, server }
    }

    /// The errors, one a line, without the names of directories.
    async fn errors(&self) -> String {
        let errors = self.read(true).await.unwrap_err().to_string();
        errors.replace(&format!("{}/", self.place.path().display()), "")
    }
}

struct Served {
    file: WebConfigFile,
    server: Server,
}

/// What becomes of a request: its status, or that there is no connection.
type Outcome = Result<StatusCode, ()>;

impl Served {
    async fn get(&self, client: &Client, path: &str) -> Outcome {
        let url = format!("https://{}{path}", self.server.address());
        client.get(url).send().await.map(|answer| answer.status()).map_err(drop)
    }
}

const OK: Outcome = Ok(StatusCode::OK);
const FORBIDDEN: Outcome = Ok(StatusCode::FORBIDDEN);

/// What a client gets of a page for everybody, and of the others.
async fn outcomes(served: &Served, client: reqwest::ClientBuilder) -> (Outcome, Outcome) {
    // Its handshakes are not those of another client.
    let client = client.build().unwrap();
    (served.get(&client, "/-/healthy").await, served.get(&client, "/metrics").await)
}

#[tokio::test]
async fn client_certificates_are_asked_for_as_go_does() {
    const NONE: Outcome = Err(());
    let known = "client_ca_file: ca.crt";
    for (auth, more, without, with, of_stranger) in [
        ("NoClientCert", "", OK, OK, OK),
        ("RequestClientCert", "", OK, OK, OK),
        ("RequireAnyClientCert", "", FORBIDDEN, OK, OK),
        ("VerifyClientCertIfGiven", known, OK, OK, NONE),
        ("RequireAndVerifyClientCert", known, FORBIDDEN, OK, NONE),
    ] {
        let directory = Directory::new(&format!("{TLS}  client_auth_type: {auth}\n  {more}\n"));
        for health_is_open in [true, false] {
            let served = directory.serve(health_is_open).await;
            let client = || directory.authority.client();
            let stranger = Authority::new().issue("prometheus");
            let known = directory.authority.issue("prometheus");
            let (health, metrics) = outcomes(&served, client()).await;
            // With health pages for everybody, the handshake cannot refuse anybody without a certificate.
            let refused = if health_is_open { (OK, FORBIDDEN) } else { (NONE, NONE) };
            let expected = if without == OK { (OK, OK) } else { refused };
            assert_eq!((health, metrics), expected, "{auth} without, {health_is_open}");
            let with_known = outcomes(&served, client().identity(known.identity())).await;
            assert_eq!(with_known, (with, with), "{auth} with, {health_is_open}");
            let with_strange = outcomes(&served, client().identity(stranger.identity())).await;
            assert_eq!(with_strange, (of_stranger, of_stranger), "{auth} of a stranger, {health_is_open}");
        }
    }
}

#[tokio::test]
async fn client_certificates_need_an_allowed_name() {
    let directory = Directory::new(&format!(
        "{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans: [prometheus.example, 10.0.0.1]\n"
    ));
    let served = directory.serve(true).await;
    for (name, expected) in
        [("prometheus.example", OK), ("10.0.0.1", OK), ("other.example", Err(())), ("10.0.0.2", Err(()))]
    {
        let issued = directory.authority.issue(name);
        let client = directory.authority.client().identity(issued.identity());
        assert_eq!(outcomes(&served, client).await.1, expected, "{name}");
    }
}

#[tokio::test]
async fn versions_and_http2_are_those_of_the_file() {
    use reqwest::{Version, tls};

    for (more, of_tls12, of_tls13, version) in [
        ("", true, true, Version::HTTP_2),
        ("  min_version: TLS13\n", false, true, Version::HTTP_2),
        ("  max_version: TLS12\nhttp_server_config: {http2: false}\n", true, false, Version::HTTP_11),
        ("  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n", true, true, Version::HTTP_2),
        // The certificate is not of RSA.
        ("  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n", false, true, Version::HTTP_2),
    ] {
        let directory = Directory::new(&format!("{TLS}{more}"));
        let served = directory.serve(true).await;
        let url = format!("https://{}/metrics", served.server.address());
        for (client, works) in [
            (directory.authority.client().tls_version_max(tls::Version::TLS_1_2), of_tls12),
            (directory.authority.client().tls_version_min(tls::Version::TLS_1_3), of_tls13),
        ] {
            let answer = client.build().unwrap().get(&url).send().await;
            assert_eq!(answer.map(|answer| answer.version()).ok(), works.then_some(version), "{more}");
        }
    }
}

#[tokio::test]
async fn new_certificate_counts_for_the_next_connection() {
    let directory = Directory::new(TLS);
    let mut served = directory.serve(true).await;
    let next = Authority::new();
    assert_eq!(outcomes(&served, directory.authority.client()).await.0, OK);
    assert_eq!(outcomes(&served, next.client()).await.0, Err(()));
    directory.install(&next.issue("127.0.0.1"));
    served.file.look().await;
    assert_eq!(outcomes(&served, directory.authority.client()).await.0, Err(()));
    assert_eq!(outcomes(&served, next.client()).await.0, OK);
}

#[tokio::test]
async fn new_authority_of_clients_counts_also_for_sessions_that_could_be_resumed() {
    let directory = Directory::new(&format!(
        "{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"
    ));
    let mut served = directory.serve(false).await;
    let issued = directory.authority.issue("prometheus");
    // Each request has a connection of its own, and resumes a session.
    let client =
        directory.authority.client().identity(issued.identity()).pool_max_idle_per_host(0).build().unwrap();
    for _ in 0..3 {
        assert_eq!(served.get(&client, "/metrics").await, OK);
    }
    directory.write("ca.crt", &Authority::new().pem());
    served.file.look().await;
    assert_eq!(served.get(&client, "/metrics").await, Err(()));
}

#[tokio::test]
async fn new_users_count_for_the_next_request() {
    let user = |name: &str, password: &str| {
        format!("basic_auth_users: {{{name}: '{}'}}\n", bcrypt::hash(password, 4).unwrap())
    };
    let directory = Directory::new(TLS);
    let mut served = directory.serve(true).await;
    let client = directory.authority.client().build().unwrap();
    let ask = async |served: &Served, name: &str, password: &str| {
        let url = format!("https://{}/metrics", served.server.address());
        client.get(url).basic_auth(name, Some(password)).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask(&served, "nobody", "").await, 200);
    directory.write("web.yaml", &format!("{TLS}{}", user("alice", "wonderland")));
    served.file.look().await;
    assert_eq!(ask(&served, "alice", "wonderland").await, 200);
    assert_eq!(ask(&served, "bob", "builder").await, 401);
    directory.write("web.yaml", &format!("{TLS}{}", user("bob", "builder")));
    served.file.look().await;
    assert_eq!(ask(&served, "alice", "wonderland").await, 401);
    assert_eq!(ask(&served, "bob", "builder").await, 200);
}

#[tokio::test]
async fn version_with_errors_leaves_the_previous_one_in_force() {
    let directory = Directory::new(TLS);
    let mut served = directory.serve(true).await;
    let before = Arc::clone(&served.file.versions().borrow());
    let good = std::fs::read_to_string(directory.path("tls.key")).unwrap();
    let is_same = |served: &Served| Arc::ptr_eq(&before, &served.file.versions().borrow());
    for (name, text) in [
        ("web.yaml", "tls_server_config: ["),
        ("web.yaml", "tls_server_config: {cert_file: tls.crt, key_file: none}"),
        ("tls.key", &directory.authority.issue("127.0.0.1").key),
        ("tls.key", ""),
    ] {
        directory.write(name, text);
        let digest = served.file.digest;
        served.file.look().await;
        assert_ne!(served.file.digest, digest, "it was read: {text}");
        assert!(is_same(&served), "{text}");
        assert_eq!(outcomes(&served, directory.authority.client()).await.0, OK);
        directory.write("web.yaml", TLS);
    }
    std::fs::remove_file(directory.path("web.yaml")).unwrap();
    served.file.look().await;
    assert!(is_same(&served));
    // What is in order again is applied.
    directory.write("web.yaml", TLS);
    directory.write("tls.key", &good);
    served.file.look().await;
    assert!(!is_same(&served));
    // Without a change, nothing is made anew.
    let latest = Arc::clone(&served.file.versions().borrow());
    served.file.look().await;
    assert!(Arc::ptr_eq(&latest, &served.file.versions().borrow()));
}

#[tokio::test]
async fn encryption_is_neither_begun_nor_ended_before_a_restart() {
    let headers = "http_server_config: {headers: {X-Frame-Options: deny}}\n";
    for (before, after) in [(TLS, ""), ("", TLS)] {
        let directory = Directory::new(before);
        let mut file = directory.read(true).await.unwrap();
        directory.write("web.yaml", &format!("{after}{headers}"));
        file.look().await;
        let version = Arc::clone(&file.versions().borrow());
        assert_eq!(version.encryption.is_some(), !before.is_empty());
        assert_eq!(version.config.headers.len(), 1, "the rest is applied");
        let (_, at_restart) = Version::clone(&version).after(&version);
        assert_eq!(at_restart, None);
    }
}

#[tokio::test]
async fn errors_of_files_have_the_positions_of_their_keys() {
    let directory = Directory::new("tls_server_config:\n  cert_file: none.crt\n  key_file: none.key\n");
    let missing = "No such file or directory (os error 2)";
    assert_eq!(
        directory.errors().await,
        format!("web.yaml:2:14: none.crt: {missing}\nweb.yaml:3:13: none.key: {missing}")
    );
    directory.write("web.yaml", TLS);
    directory.install(&Issued { cert: String::new(), key: "secret".to_owned() });
    let errors = directory.errors().await;
    assert_eq!(
        errors,
        "web.yaml:2:14: there is no certificate in PEM\n\
         web.yaml:3:13: there is no private key in PEM, or it has a passphrase"
    );
    directory.write("web.yaml", "tls_server_config: {cert: x, key: hunter2}");
    assert!(!directory.errors().await.contains("hunter2"));
    directory.write("web.yaml", "basic_auth_user: {}");
    assert_eq!(
        directory.errors().await,
        "web.yaml:1:1: unknown key `basic_auth_user` (did you mean `basic_auth_users`?)"
    );
    std::fs::write(directory.path("web.yaml"), b"\xff").unwrap();
    assert_eq!(directory.errors().await, "web.yaml: is not UTF-8 text");
    std::fs::remove_file(directory.path("web.yaml")).unwrap();
    assert_eq!(directory.errors().await, format!("web.yaml: {missing}"));
}

#[tokio::test]
async fn certificates_may_stand_in_the_file_itself() {
    let directory = Directory::new("");
    let issued = directory.authority.issue("127.0.0.1");
    let block = |pem: &str| pem.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let [cert, key, ca] = [&issued.cert, &issued.key, &directory.authority.pem()].map(|pem| block(pem));
    directory.write(
        "web.yaml",
        &format!(
            "tls_server_config:\n  cert: |\n{cert}  key: |\n{key}  client_ca: |\n{ca}  client_auth_type: VerifyClientCertIfGiven\n"
        ),
    );
    let served = directory.serve(true).await;
    assert_eq!(outcomes(&served, directory.authority.client()).await, (OK, OK));
    let shown = format!("{:?}", served.file);
    assert!(!shown.contains(issued.key.lines().nth(1).unwrap()), "{shown}");
}
