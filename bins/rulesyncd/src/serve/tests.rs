//! The server on real sockets, with short times.

mod encrypted;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::routing::get;
use tokio::sync::mpsc;

use super::limits::HEAD_BYTES;
use super::*;

/// Times that no test reaches.
const NEVER: Limits = Limits {
    connections: 8,
    handshake: Duration::from_secs(3600),
    idle: Duration::from_secs(3600),
    head: Duration::from_secs(3600),
    stall: Duration::from_secs(3600),
    answer: Duration::from_secs(3600),
};

const SHORT: Duration = Duration::from_millis(50);

/// More than all buffers of the system between two sockets hold.
const LARGE: usize = 64 << 20;

fn start(router: Router, limits: Limits) -> Server {
    Server::start(SocketAddr::from(([127, 0, 0, 1], 0)), router, limits, None).unwrap()
}

fn healthy() -> Router {
    Router::new().route("/-/healthy", get(|| async { "healthy\n" }))
}

/// A client that gives up before the test hangs.
fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

fn ask(mut stream: &TcpStream, path: &str) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
}

/// Returns what is received until the server closes the connection.
fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn connections_that_are_silent_or_stop_in_the_middle_are_closed() {
    let server = start(healthy(), Limits { idle: SHORT, ..NEVER });
    assert_eq!(rest(connect(&server)), "");
    let kept = connect(&server);
    ask(&kept, "/-/healthy");
    assert!(rest(kept).ends_with("healthy\n"), "answered, kept for the idle time, closed");

    let server = start(healthy(), Limits { head: SHORT, ..NEVER });
    let mut slow = connect(&server);
    slow.write_all(b"GET /-/healthy HTTP/1.1\r\nHost:").unwrap();
    assert_eq!(rest(slow), "");
}

#[tokio::test]
async fn silent_connections_leave_room_for_the_next() {
    let server = start(healthy(), NEVER);
    let silent: Vec<TcpStream> = (0..200).map(|_| connect(&server)).collect();
    let client = connect(&server);
    ask(&client, "/-/healthy");
    let mut answer = [0; 12];
    (&client).read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    // The oldest are closed, the newest are still open.
    let mut byte = [0];
    assert!(matches!((&silent[0]).read(&mut byte), Ok(0)));
    silent[199].set_nonblocking(true).unwrap();
    assert_eq!((&silent[199]).read(&mut byte).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

/// Pages of many bytes, and a channel that closes when none is in memory any more.
fn large() -> (Router, mpsc::Receiver<()>) {
    struct Held(Vec<u8>, #[expect(dead_code, reason = "it is there to be dropped")] mpsc::Sender<()>);
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let (held, freed) = mpsc::channel(1);
    let held = Arc::new(Mutex::new(Some(held)));
    let page = move || {
        let held = held.lock().unwrap().take().unwrap();
        async move { Bytes::from_owner(Held(vec![b'x'; LARGE], held)) }
    };
    (Router::new().route("/", get(page)), freed)
}

#[tokio::test]
async fn answer_that_nobody_reads_is_freed() {
    for limits in [Limits { stall: SHORT, ..NEVER }, Limits { answer: SHORT, ..NEVER }] {
        let (router, mut freed) = large();
        let server = start(router, limits);
        let client = connect(&server);
        ask(&client, "/");
        assert_eq!(tokio::time::timeout(Duration::from_secs(60), freed.recv()).await, Ok(None));
        let received = rest(client).len();
        assert!(received < LARGE, "{received}");
    }
}

#[tokio::test]
async fn large_answer_arrives_whole() {
    let (router, _freed) = large();
    let server = start(router, NEVER);
    let client = connect(&server);
    ask(&client, "/");
    let mut reader = std::io::BufReader::new(&client);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        std::io::BufRead::read_until(&mut reader, b'\n', &mut head).unwrap();
    }
    let mut body = vec![0; LARGE];
    reader.read_exact(&mut body).unwrap();
    assert!(body.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn endless_head_is_refused() {
    let server = start(healthy(), NEVER);
    let mut client = connect(&server);
    client.write_all(b"GET /-/healthy HTTP/1.1\r\nCookie: ").unwrap();
    client.write_all(&[b'x'; HEAD_BYTES + 1024]).unwrap();
    let answer = rest(client);
    // The reset for what was not read may overtake it.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn stop_finishes_requests_and_closes_idle_connections() {
    let (begun, mut waiting) = mpsc::channel::<()>(1);
    let (go, gone) = tokio::sync::watch::channel(false);
    let page = move || {
        let (begun, mut gone) = (begun.clone(), gone.clone());
        async move {
            begun.send(()).await.unwrap();
            gone.wait_for(|gone| *gone).await.unwrap();
            "done\n"
        }
    };
    let server = start(Router::new().route("/", get(page)), NEVER);
    let (idle, client) = (connect(&server), connect(&server));
    ask(&client, "/");
    waiting.recv().await.unwrap();
    let stop = tokio::spawn(server.stop(Instant::now() + Duration::from_secs(60)));
    assert_eq!(tokio::task::spawn_blocking(move || rest(idle)).await.unwrap(), "");
    assert!(!stop.is_finished());
    go.send(true).unwrap();
    stop.await.unwrap();
    assert!(rest(client).ends_with("done\n"));
}

/// A page that is a stream of what is sent to it, and the sender.
fn stream() -> (Router, mpsc::Sender<Bytes>) {
    struct Sent(mpsc::Receiver<Bytes>);
    impl hyper::body::Body for Sent {
        type Data = Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            self.0.poll_recv(context).map(|sent| sent.map(|bytes| Ok(hyper::body::Frame::data(bytes))))
        }
    }
    let (send, sent) = mpsc::channel(1);
    let sent = Arc::new(Mutex::new(Some(sent)));
    let page = move || {
        let sent = sent.lock().unwrap().take().unwrap();
        async move { (axum::Extension(Stream), axum::body::Body::new(Sent(sent))) }
    };
    let never = || async { std::future::pending::<&'static str>().await };
    (Router::new().route("/", get(page)).route("/never", get(never)), send)
}

/// Reads until some text has arrived.
fn read_until(mut stream: &TcpStream, wanted: &str) {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.contains(wanted) {
        stream.read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
}

#[tokio::test]
async fn stream_outlives_every_time_of_an_answer() {
    let (router, send) = stream();
    let server = start(router, Limits { answer: SHORT, idle: SHORT, head: SHORT, ..NEVER });
    let client = connect(&server);
    ask(&client, "/");
    send.send(Bytes::from_static(b"first")).await.unwrap();
    read_until(&client, "first");
    // An answer that began later is cut meanwhile.
    let other = connect(&server);
    ask(&other, "/never");
    assert_eq!(rest(other), "");
    send.send(Bytes::from_static(b"second")).await.unwrap();
    read_until(&client, "second");
}

#[tokio::test]
async fn stream_that_nobody_reads_is_closed() {
    let (router, send) = stream();
    let server = start(router, Limits { stall: SHORT, ..NEVER });
    let client = connect(&server);
    ask(&client, "/");
    let sending = async { while send.send(Bytes::from(vec![b'x'; 64 << 10])).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(60), sending).await.unwrap();
    drop(client);
}

#[tokio::test]
async fn stop_waits_for_no_stream() {
    let (router, send) = stream();
    let server = start(router, NEVER);
    let client = connect(&server);
    ask(&client, "/");
    send.send(Bytes::from_static(b"first")).await.unwrap();
    read_until(&client, "first");
    let stopped = server.stop(Instant::now() + Duration::from_secs(3600));
    tokio::time::timeout(Duration::from_secs(60), stopped).await.unwrap();
}

#[tokio::test]
async fn endless_request_is_cut_at_the_deadline() {
    let (begun, mut waiting) = mpsc::channel::<()>(1);
    let page = move || {
        let begun = begun.clone();
        async move {
            begun.send(()).await.unwrap();
            std::future::pending::<&'static str>().await
        }
    };
    let server = start(Router::new().route("/", get(page)), NEVER);
    let client = connect(&server);
    ask(&client, "/");
    waiting.recv().await.unwrap();
    server.stop(Instant::now()).await;
    assert_eq!(rest(client), "");
}

#[tokio::test]
async fn failed_reports_the_end_of_the_thread() {
    let mut server = start(healthy(), NEVER);
    let (stop, _) = oneshot::channel();
    drop(std::mem::replace(&mut server.stop, stop));
    assert_eq!(server.failed().await.to_string(), "their thread has ended");

    let mut server = start(healthy(), NEVER);
    // A panic drops the other end of the channel with all else.
    server.ended = oneshot::channel().1;
    assert_eq!(server.failed().await.to_string(), "their thread has panicked");
}
