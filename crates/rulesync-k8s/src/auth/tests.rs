//! Tokens from files and commands are renewed when they are old or rejected, once for all requests, and with a deadline.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use kube::config::AuthInfo;

use super::*;

/// A directory with the files of a test.
struct Fixture(tempfile::TempDir);

impl Fixture {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn token_file(&self) -> Credentials {
        let mut config = config(AuthInfo {
            token_file: Some(self.path("token").display().to_string()),
            ..AuthInfo::default()
        });
        let credentials = Credentials::take_from(&mut config).unwrap().unwrap();
        assert!(config.auth_info.token_file.is_none(), "kube does not read the file");
        credentials
    }

    /// Returns a configuration with a command that records each run, waits while a file `hang` exists, and issues a token
    /// that expires at `expires`.
    fn command(&self, expires: &str) -> Config {
        let script = format!(
            "#!/bin/sh\ncd '{}'\necho run >> runs\nwhile [ -e hang ]; do sleep 0.02; done\n\
             if [ -e broken ]; then echo '{{\"token\": \"hunter2\"}}'; exit 3; fi\n\
             printf '{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": \
             {{\"token\": \"%s\", \"expirationTimestamp\": \"{expires}\"}}}}' \"$(cat token)\"\n",
            self.0.path().display()
        );
        let path = self.path("login");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        config(AuthInfo {
            exec: Some(
                serde_json::from_value(serde_json::json!({
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": path.display().to_string(),
                }))
                .unwrap(),
            ),
            ..AuthInfo::default()
        })
    }

    fn runs(&self) -> usize {
        std::fs::read_to_string(self.path("runs")).unwrap_or_default().lines().count()
    }
}

const FAR_FUTURE: &str = "2999-01-01T00:00:00Z";
/// In the past, so that every use runs the command again.
const EXPIRED: &str = "2001-01-01T00:00:00Z";

fn config(auth_info: AuthInfo) -> Config {
    let mut config = Config::new(http::Uri::from_static("http://127.0.0.1:1"));
    config.auth_info = auth_info;
    config
}

/// Creates credentials as `connect` does, on another thread.
async fn from_command(mut config: Config) -> Result<Credentials, CredentialsError> {
    let take = move || Credentials::take_from(&mut config).map(|taken| (taken.unwrap(), config));
    let (credentials, config) = tokio::task::spawn_blocking(take).await.unwrap()?;
    assert!(config.auth_info.exec.is_none(), "kube does not run the command");
    Ok(credentials)
}

async fn header(credentials: &Credentials) -> Result<String, CredentialsError> {
    let header = credentials.header().await?;
    assert!(header.is_sensitive());
    Ok(header.to_str().unwrap().to_owned())
}

/// Sends a request to a server that accepts only this header, and returns the status.
async fn request(credentials: &Credentials, accepted: &'static str) -> StatusCode {
    let server = tower::service_fn(move |request: Request<()>| async move {
        let accepts = request.headers()[AUTHORIZATION] == accepted;
        let status = if accepts { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        Ok::<_, BoxError>(Response::builder().status(status).body(()).unwrap())
    });
    credentials.layer(server).call(Request::new(())).await.unwrap().status()
}

#[tokio::test(start_paused = true)]
async fn token_file_is_read_again_after_max_age_and_when_token_is_rejected() {
    let fixture = Fixture::new();
    fixture.write("token", "one\n");
    let credentials = fixture.token_file();
    assert_eq!(header(&credentials).await.unwrap(), "Bearer one");
    fixture.write("token", "two\n");
    assert_eq!(header(&credentials).await.unwrap(), "Bearer one");
    tokio::time::advance(MAX_AGE).await;
    assert_eq!(header(&credentials).await.unwrap(), "Bearer two");

    fixture.write("token", "three\n");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(request(&credentials, "Bearer three").await, StatusCode::UNAUTHORIZED);
    assert_eq!(request(&credentials, "Bearer three").await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn token_file_must_be_valid_and_last_token_stays_in_use() {
    let fixture = Fixture::new();
    fixture.write("token", "one");
    let credentials = fixture.token_file();
    assert_eq!(header(&credentials).await.unwrap(), "Bearer one");
    std::fs::remove_file(fixture.path("token")).unwrap();
    assert!(Command::new("mkfifo").arg(fixture.path("token")).status().unwrap().success());
    tokio::time::advance(MAX_AGE).await;
    assert_eq!(header(&credentials).await.unwrap(), "Bearer one");

    let error = header(&fixture.token_file()).await.unwrap_err().to_string();
    assert!(error.contains("token: it is a pipe, not a regular file"), "{error}");
    std::fs::remove_file(fixture.path("token")).unwrap();
    for text in ["", "hunter2\u{1}"] {
        fixture.write("token", text);
        let error = header(&fixture.token_file()).await.unwrap_err().to_string();
        assert!(error.contains("contains no valid token") && !error.contains("hunter2"), "{error}");
    }
    fixture.write("token", &"x".repeat(2 << 20));
    let error = header(&fixture.token_file()).await.unwrap_err().to_string();
    assert!(error.contains("larger than"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn command_is_run_once_for_all_requests_and_again_when_token_expires_or_is_rejected() {
    let fixture = Fixture::new();
    fixture.write("token", "one");
    let credentials = from_command(fixture.command(FAR_FUTURE)).await.unwrap();
    for _ in 0..3 {
        let all = (0..8).map(|_| {
            let credentials = credentials.clone();
            tokio::spawn(async move { header(&credentials).await })
        });
        for one in all.collect::<Vec<_>>() {
            assert_eq!(one.await.unwrap().unwrap(), "Bearer one");
        }
        tokio::time::advance(MAX_AGE).await;
    }
    assert_eq!(fixture.runs(), 1);
    fixture.write("token", "two");
    assert_eq!(request(&credentials, "Bearer two").await, StatusCode::UNAUTHORIZED);
    assert_eq!(request(&credentials, "Bearer two").await, StatusCode::OK);
    assert_eq!(fixture.runs(), 2);

    let fixture = Fixture::new();
    fixture.write("token", "one");
    let credentials = from_command(fixture.command(EXPIRED)).await.unwrap();
    assert_eq!(header(&credentials).await.unwrap(), "Bearer one");
    fixture.write("token", "two");
    tokio::time::advance(MAX_AGE).await;
    assert_eq!(header(&credentials).await.unwrap(), "Bearer two");
}

#[tokio::test(start_paused = true)]
async fn command_that_hangs_is_run_once_and_blocks_nothing_else() {
    let fixture = Fixture::new();
    fixture.write("token", "one");
    let credentials = from_command(fixture.command(EXPIRED)).await.unwrap();
    assert_eq!(fixture.runs(), 1);
    fixture.write("hang", "");
    let waiting = |credentials: &Credentials| {
        let credentials = credentials.clone();
        tokio::spawn(async move { header(&credentials).await })
    };
    let requests: Vec<_> = (0..8).map(|_| waiting(&credentials)).collect();
    while fixture.runs() < 2 {
        // This thread is not blocked.
        tokio::task::yield_now().await;
    }
    // Paused time does not advance by itself while a blocking thread is busy.
    tokio::time::advance(DEADLINE).await;
    for request in requests {
        let error = request.await.unwrap().unwrap_err().to_string();
        assert!(error.contains("login`: ") && error.contains("30s"), "{error}");
    }
    let later = waiting(&credentials);
    tokio::task::yield_now().await;
    tokio::time::advance(DEADLINE).await;
    assert!(later.await.unwrap().is_err());
    assert_eq!(fixture.runs(), 2, "the command is not run again while it hangs");
    std::fs::remove_file(fixture.path("hang")).unwrap();
    assert_eq!(header(&credentials).await.unwrap(), "Bearer one");
}

#[tokio::test]
async fn command_failure_is_reported_without_output() {
    let fixture = Fixture::new();
    fixture.write("broken", "");
    let error = from_command(fixture.command(FAR_FUTURE)).await.unwrap_err().to_string();
    assert!(error.contains("login`: it failed with exit status: 3"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    let mut missing = fixture.command(FAR_FUTURE);
    missing.auth_info.exec.as_mut().unwrap().command = Some("/nowhere/login".to_owned());
    let error = from_command(missing).await.unwrap_err().to_string();
    assert!(error.contains("command `/nowhere/login`: it cannot be run"), "{error}");
}

#[tokio::test]
async fn malformed_output_of_command_is_not_reported() {
    let fixture = Fixture::new();
    fixture.write("token", "one");
    let error = from_command(fixture.command("hunter2")).await.unwrap_err().to_string();
    assert!(error.contains("login`: ") && !error.contains("hunter2"), "{error}");
}

#[test]
fn take_from_leaves_fixed_credentials_to_kube() {
    for auth in [
        AuthInfo::default(),
        AuthInfo { token: Some("x".to_owned().into()), token_file: Some("/t".into()), ..AuthInfo::default() },
        AuthInfo {
            username: Some("u".into()),
            password: Some("p".to_owned().into()),
            token_file: Some("/t".into()),
            ..AuthInfo::default()
        },
    ] {
        let mut config = config(auth);
        let token_file = config.auth_info.token_file.clone();
        assert!(Credentials::take_from(&mut config).unwrap().is_none());
        assert_eq!(config.auth_info.token_file, token_file);
    }
}
