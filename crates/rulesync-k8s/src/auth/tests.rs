//! Tokens from files and commands: read anew when they are old or not accepted, once for all, and with an end to
//! waiting.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use kube::config::AuthInfo;

use super::*;

/// A directory with what a test needs.
struct Place(tempfile::TempDir);

impl Place {
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
        assert!(config.auth_info.token_file.is_none(), "kube does not read it");
        credentials
    }

    /// A command that notes each run, waits while there is a file `hang`, and gives a token with this much of its life
    /// left.
    fn command(&self, life: &str) -> Config {
        let script = format!(
            "#!/bin/sh\ncd '{}'\necho run >> runs\nwhile [ -e hang ]; do sleep 0.02; done\n\
             if [ -e broken ]; then echo '{{\"token\": \"hunter2\"}}'; exit 3; fi\n\
             printf '{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": \
             {{\"token\": \"%s\", \"expirationTimestamp\": \"{life}\"}}}}' \"$(cat token)\"\n",
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

const FOR_LONG: &str = "2999-01-01T00:00:00Z";
/// Expired, so that every use asks again.
const EXPIRED: &str = "2001-01-01T00:00:00Z";

fn config(auth_info: AuthInfo) -> Config {
    let mut config = Config::new(http::Uri::from_static("http://127.0.0.1:1"));
    config.auth_info = auth_info;
    config
}

/// Makes a client's credentials as `connect` does, away from the thread.
async fn from_command(mut config: Config) -> Result<Credentials, AuthFailed> {
    let made = move || Credentials::take_from(&mut config).map(|made| (made.unwrap(), config));
    let (credentials, config) = tokio::task::spawn_blocking(made).await.unwrap()?;
    assert!(config.auth_info.exec.is_none(), "kube does not run it");
    Ok(credentials)
}

async fn sent(credentials: &Credentials) -> Result<String, AuthFailed> {
    let header = credentials.header().await?;
    assert!(header.is_sensitive());
    Ok(header.to_str().unwrap().to_owned())
}

/// Sends a request to a server that accepts only this header. The status.
async fn request(credentials: &Credentials, accepted: &'static str) -> StatusCode {
    let server = tower::service_fn(move |request: Request<()>| async move {
        let accepts = request.headers()[AUTHORIZATION] == accepted;
        let status = if accepts { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        Ok::<_, BoxError>(Response::builder().status(status).body(()).unwrap())
    });
    credentials.layer(server).call(Request::new(())).await.unwrap().status()
}

#[tokio::test(start_paused = true)]
async fn a_rotated_token_is_sent_within_half_a_minute_and_at_once_when_the_old_one_is_not_accepted() {
    let place = Place::new();
    place.write("token", "one\n");
    let credentials = place.token_file();
    assert_eq!(sent(&credentials).await.unwrap(), "Bearer one");
    place.write("token", "two\n");
    assert_eq!(sent(&credentials).await.unwrap(), "Bearer one");
    tokio::time::advance(FRESH).await;
    assert_eq!(sent(&credentials).await.unwrap(), "Bearer two");

    place.write("token", "three\n");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(request(&credentials, "Bearer three").await, StatusCode::UNAUTHORIZED);
    assert_eq!(request(&credentials, "Bearer three").await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_former_token_goes_on_where_the_file_is_gone_and_a_pipe_is_no_token() {
    let place = Place::new();
    place.write("token", "one");
    let credentials = place.token_file();
    assert_eq!(sent(&credentials).await.unwrap(), "Bearer one");
    std::fs::remove_file(place.path("token")).unwrap();
    assert!(Command::new("mkfifo").arg(place.path("token")).status().unwrap().success());
    tokio::time::advance(FRESH).await;
    assert_eq!(sent(&credentials).await.unwrap(), "Bearer one");

    let error = sent(&place.token_file()).await.unwrap_err().to_string();
    assert!(error.contains("token: it is a pipe, not a regular file"), "{error}");
    std::fs::remove_file(place.path("token")).unwrap();
    for (text, says) in [("", "holds no token"), ("hunter2\u{1}", "holds no token")] {
        place.write("token", text);
        let error = sent(&place.token_file()).await.unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains("hunter2"), "{error}");
    }
    place.write("token", &"x".repeat(2 << 20));
    let error = sent(&place.token_file()).await.unwrap_err().to_string();
    assert!(error.contains("larger than"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_command_is_run_once_for_all_and_again_when_its_token_expires_or_is_not_accepted() {
    let place = Place::new();
    place.write("token", "one");
    let credentials = from_command(place.command(FOR_LONG)).await.unwrap();
    for _ in 0..3 {
        let all = (0..8).map(|_| {
            let credentials = credentials.clone();
            tokio::spawn(async move { sent(&credentials).await })
        });
        for one in all.collect::<Vec<_>>() {
            assert_eq!(one.await.unwrap().unwrap(), "Bearer one");
        }
        tokio::time::advance(FRESH).await;
    }
    assert_eq!(place.runs(), 1);
    place.write("token", "two");
    assert_eq!(request(&credentials, "Bearer two").await, StatusCode::UNAUTHORIZED);
    assert_eq!(request(&credentials, "Bearer two").await, StatusCode::OK);
    assert_eq!(place.runs(), 2);

    let place = Place::new();
    place.write("token", "one");
    let credentials = from_command(place.command(EXPIRED)).await.unwrap();
    assert_eq!(sent(&credentials).await.unwrap(), "Bearer one");
    place.write("token", "two");
    tokio::time::advance(FRESH).await;
    assert_eq!(sent(&credentials).await.unwrap(), "Bearer two");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_hangs_is_waited_for_once_and_holds_up_nothing_else() {
    let place = Place::new();
    place.write("token", "one");
    let credentials = from_command(place.command(EXPIRED)).await.unwrap();
    assert_eq!(place.runs(), 1);
    place.write("hang", "");
    let waiting = |credentials: &Credentials| {
        let credentials = credentials.clone();
        tokio::spawn(async move { sent(&credentials).await })
    };
    let requests: Vec<_> = (0..8).map(|_| waiting(&credentials)).collect();
    while place.runs() < 2 {
        // This thread goes on meanwhile.
        tokio::task::yield_now().await;
    }
    // Time that is paused does not pass by itself while a thread is at work.
    tokio::time::advance(DEADLINE).await;
    for request in requests {
        let error = request.await.unwrap().unwrap_err().to_string();
        assert!(error.contains("login`: ") && error.contains("30s"), "{error}");
    }
    let later = waiting(&credentials);
    tokio::task::yield_now().await;
    tokio::time::advance(DEADLINE).await;
    assert!(later.await.unwrap().is_err());
    assert_eq!(place.runs(), 2, "it is not run beside the one that hangs");
    std::fs::remove_file(place.path("hang")).unwrap();
    assert_eq!(sent(&credentials).await.unwrap(), "Bearer one");
}

#[tokio::test]
async fn a_command_that_fails_is_told_without_what_may_be_its_token() {
    let place = Place::new();
    place.write("broken", "");
    let error = from_command(place.command(FOR_LONG)).await.unwrap_err().to_string();
    assert!(error.contains("login`: it failed with exit status: 3"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    let mut missing = place.command(FOR_LONG);
    missing.auth_info.exec.as_mut().unwrap().command = Some("/nowhere/login".to_owned());
    let error = from_command(missing).await.unwrap_err().to_string();
    assert!(error.contains("command `/nowhere/login`: it cannot be run"), "{error}");
}

#[test]
fn what_does_not_change_is_left_to_kube() {
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
