//! Hostile clients and a busy engine: the pages answer.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::fixture::{Directory, mimir};
use crate::process::Daemon;

/// The time within which an answer must arrive; a test that fails takes no longer either.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns what a server answers to the bytes of a request, on a connection of its own.
pub(crate) fn raw(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let result = stream.read_to_string(&mut answer);
    assert!(result.is_ok(), "{result:?} after {answer:?}");
    answer
}

fn get(address: &str, path: &str) -> String {
    raw(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

#[tokio::test]
async fn health_answers_beside_five_hundred_silent_connections() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let daemon = directory.start(&[]);
    daemon.in_order(1).await;
    let silent: Vec<TcpStream> = (0..500).map(|_| TcpStream::connect(daemon.address()).unwrap()).collect();
    let answer = get(daemon.address(), "/-/healthy");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("healthy\n"), "{answer}");
    let open = std::fs::read_dir(format!("/proc/{}/fd", daemon.id())).unwrap().count();
    assert!(open < 200, "{open} files are open");
    drop(silent);
}

/// A ruler that answers every request with interim responses without end.
struct Flood {
    url: String,
    /// Clients that are being answered.
    flooding: Arc<AtomicBool>,
}

impl Flood {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let flooding = Arc::new(AtomicBool::new(false));
        let begun = Arc::clone(&flooding);
        std::thread::spawn(move || {
            for mut client in listener.incoming().map_while(Result::ok) {
                let begun = Arc::clone(&begun);
                std::thread::spawn(move || {
                    let _ = client.read(&mut [0; 4096]);
                    let interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(1000);
                    while client.write_all(&interim).is_ok() {
                        begun.store(true, Ordering::Relaxed);
                    }
                });
            }
        });
        Self { url, flooding }
    }
}

#[tokio::test]
async fn health_answers_while_a_ruler_floods_the_engine() {
    let ruler = Flood::start();
    let directory = Directory::of(&ruler.url);
    let daemon = directory.start(&[]);
    daemon.logs(&["Started"]).await;
    while !ruler.flooding.load(Ordering::Relaxed) {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        assert!(get(daemon.address(), "/-/healthy").ends_with("healthy\n"));
        assert!(get(daemon.address(), "/metrics").contains("rulesync_leader 1"));
    }
}

/// The reader of the log has stopped, so that the engine's thread is blocked in the middle of a line.
#[tokio::test]
async fn health_answers_and_readiness_names_the_time_while_the_engine_is_blocked() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let manifests: String = (0..1000)
        .map(|object| format!("---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: an-object-with-a-name-of-many-letters-{object}, namespace: ns}}\nspec: {{groups: [{{name: g, rules: [{{alert: A, expr: up == 0}}]}}]}}\n"))
        .collect();
    directory.write("rules/o.yaml", &manifests);
    let daemon = Daemon::start_unread(&directory.config(), &[]);
    let mut pause = tokio::time::interval(Duration::from_millis(20));
    let mut busy = None;
    for _ in 0..3000 {
        pause.tick().await;
        let Ok(mut stream) = TcpStream::connect(daemon.address()) else { continue };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = "GET /-/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let mut answer = String::new();
        let asked = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        assert!(asked.is_ok(), "{asked:?}");
        if answer.contains("the engine is busy: no answer since ") {
            busy = Some(answer);
            break;
        }
    }
    let busy = busy.unwrap();
    assert!(busy.starts_with("HTTP/1.1 503"), "{busy}");
    assert!(get(daemon.address(), "/-/healthy").ends_with("healthy\n"));
    assert!(get(daemon.address(), "/metrics").contains("rulesync_leader 1"));
}

#[tokio::test]
async fn engine_works_while_its_embedded_ruler_reads_a_long_body() {
    let directory = Directory::of("http://127.0.0.1:0");
    directory.configure("type: mimir", "type: embedded");
    let daemon = directory.start(&[]);
    daemon.in_order(1).await;
    let body = format!("name: long\nrules:\n{}", "- {record: r, expr: up}\n".repeat(20_000));
    let head = format!(
        "POST /prometheus/config/v1/rules/theirs HTTP/1.1\r\nHost: a\r\nX-Scope-OrgID: prod\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut post = TcpStream::connect(daemon.embedded()).unwrap();
    post.set_read_timeout(Some(3 * PATIENCE)).unwrap();
    post.write_all(head.as_bytes()).and_then(|()| post.write_all(body.as_bytes())).unwrap();
    // All of it has been sent by now, so that the ruler is reading during some answer.
    assert!(get(daemon.address(), "/-/healthy").ends_with("healthy\n"));
    assert!((0..5).any(|_| get(daemon.address(), "/-/ready").ends_with("\r\nready\n")));
    post.set_nonblocking(true).unwrap();
    let early = post.read(&mut [0; 1]);
    assert!(early.is_err(), "the body is not long enough to be still read: {early:?}");
    post.set_nonblocking(false).unwrap();
    let mut answer = String::new();
    post.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}
