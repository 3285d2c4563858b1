//! The effect of faults on a connection, and the entries in the journal. Uses a ruler, but applies to any server.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use rulesync_testkit::{Detail, Fault, Kind, RulerServer};
use tokio::net::{TcpSocket, TcpStream};

use rulesync_testkit::wire::{ask, send};

const RULES: &str = "/prometheus/config/v1/rules";
const GROUP: &str = "name: g\nrules: [{record: r, expr: up}]\n";

async fn mimir() -> RulerServer {
    RulerServer::builder(Kind::Mimir).start().await.expect("starts")
}

/// Returns `true` if there is no answer or an incomplete one.
async fn breaks(ruler: &RulerServer) -> bool {
    send(ruler.address(), "GET", RULES, &[("x-scope-orgid", "t1")], Bytes::new()).await.is_err()
}

#[tokio::test]
async fn fault_answers_are_sent_the_given_number_of_times() {
    let ruler = mimir().await;
    let faults = ruler.faults();
    faults.inject(Fault::status(503, "no store\n").times(1));
    faults.inject(Fault::too_many_requests(Some(Duration::from_secs(7))).times(1));
    faults.inject(Fault::redirect("http://elsewhere/").times(1));
    faults.inject(Fault::wrong_document().times(1));
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(ask(ruler.address(), "GET", RULES, "").await);
    }
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [503, 429, 302, 200, 200]);
    assert_eq!(answers[0].text(), "no store\n");
    assert_eq!(answers[1].header("retry-after"), Some("7"));
    assert_eq!(answers[2].header("location"), Some("http://elsewhere/"));
    assert_eq!(answers[3].header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answers[4].text(), "{}\n");
    let faulted: Vec<bool> = ruler.journal().requests().iter().map(|request| request.faulted).collect();
    assert_eq!(faulted, [true, true, true, true, false]);
}

#[tokio::test]
async fn reset_skips_the_request_and_lost_answer_processes_it() {
    let ruler = mimir().await;
    for (fault, stored) in [(Fault::reset(), 0), (Fault::lose_answer(), 1)] {
        ruler.faults().inject(fault.on_method(Method::POST).times(1));
        let body = Bytes::from_static(GROUP.as_bytes());
        let answer =
            send(ruler.address(), "POST", &format!("{RULES}/ns"), &[("x-scope-orgid", "t1")], body).await;
        assert!(answer.is_err());
        assert_eq!(ruler.group_count("t1"), stored);
    }
    ruler.journal().wait_until(|seen| seen.iter().all(|request| request.ended.is_some())).await;
    assert!(ruler.journal().requests().iter().all(|request| request.status.is_none() && request.faulted));
}

#[tokio::test]
async fn truncated_answer_breaks_off() {
    let ruler = mimir().await;
    ruler.put("t1", "ns", GROUP).expect("a group");
    let whole = ask(ruler.address(), "GET", RULES, "").await.body.len();
    let fault = ruler.faults().inject(Fault::truncate(whole));
    assert!(!breaks(&ruler).await, "a short answer passes");
    ruler.faults().remove(fault);
    for bytes in [0, whole - 1] {
        let fault = ruler.faults().inject(Fault::truncate(bytes));
        assert!(breaks(&ruler).await, "{bytes} bytes");
        ruler.faults().remove(fault);
    }
    for name in ["b", "c", "d"] {
        let rules = "- {record: r, expr: up}\n".repeat(200);
        ruler.put("t1", name, &format!("name: g\nrules:\n{rules}")).expect("a group");
    }
    ruler.faults().inject(Fault::truncate(3000));
    assert!(breaks(&ruler).await, "an answer in chunks");
}

#[tokio::test]
async fn hang_lasts_until_the_client_disconnects() {
    let ruler = mimir().await;
    ruler.faults().inject(Fault::hang().times(1));
    let hanging = tokio::spawn({
        let address = ruler.address();
        async move { ask(address, "GET", RULES, "").await.status }
    });
    ruler.journal().wait_until(|seen| !seen.is_empty()).await;
    assert_eq!(ask(ruler.address(), "GET", RULES, "").await.status, 200, "other requests are served");
    hanging.abort();
    ruler.journal().wait_until(|seen| seen.iter().all(|request| request.ended.is_some())).await;
    let seen = ruler.journal().requests();
    assert_eq!((seen[0].status, seen[1].status), (None, Some(200)));
    assert!(seen[0].overlaps(&seen[1]));
}

#[tokio::test]
async fn outage_resets_open_and_new_connections() {
    let ruler = mimir().await;
    ruler.faults().inject(Fault::hang().times(1));
    let open = tokio::spawn({
        let address = ruler.address();
        async move { send(address, "GET", RULES, &[("x-scope-orgid", "t1")], Bytes::new()).await.is_err() }
    });
    ruler.journal().wait_until(|seen| !seen.is_empty()).await;
    ruler.faults().outage();
    assert!(open.await.expect("ends"), "the open connection breaks");
    for _ in 0..20 {
        assert!(breaks(&ruler).await);
    }
    assert_eq!((ruler.journal().connections(), ruler.journal().len()), (21, 1), "counted, but not recorded");
    ruler.faults().recover();
    assert!(!breaks(&ruler).await);
}

/// Whether a connection is refused, as by a system where nothing listens.
async fn refuses(address: SocketAddr) -> bool {
    TcpStream::connect(address).await.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[tokio::test]
async fn stopped_server_refuses_connections_and_restarts_on_its_port_with_its_rules() {
    let ruler = mimir().await;
    ruler.put("t1", "ns", GROUP).expect("a group");
    let address = ruler.address();
    ruler.stop().await;
    assert!(refuses(address).await);
    for _ in 0..2 {
        ruler.start_again().await.expect("has no effect the second time");
        assert_eq!(ruler.address(), address);
        assert!(ask(address, "GET", RULES, "").await.text().starts_with("ns:\n"));
    }
    ruler.restart().await.expect("listens");
    assert!(!breaks(&ruler).await);
}

#[tokio::test]
async fn stopped_server_keeps_its_port_from_others() {
    let ruler = mimir().await;
    let taken = |address| {
        // Without the option that asks to share a port.
        let bound = TcpSocket::new_v4().expect("a socket").bind(address);
        bound.is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
    };
    for _ in 0..2 {
        ruler.stop().await;
        assert!(taken(ruler.address()));
        ruler.start_again().await.expect("listens");
    }
}

#[tokio::test]
async fn server_that_is_shut_down_refuses_connections() {
    let ruler = mimir().await;
    let address = ruler.address();
    assert!(!refuses(address).await);
    ruler.shutdown().await;
    assert!(refuses(address).await);
}

#[tokio::test]
async fn shutdown_lets_requests_finish() {
    let ruler = mimir().await;
    ruler.faults().inject(Fault::latency(Duration::from_millis(50)));
    let slow = tokio::spawn({
        let address = ruler.address();
        async move { ask(address, "GET", RULES, "").await.status }
    });
    ruler.journal().wait_until(|seen| !seen.is_empty()).await;
    ruler.shutdown().await;
    assert_eq!(slow.await.expect("ends"), 200);
}

#[tokio::test]
async fn journal_records_request_and_times() {
    let ruler = mimir().await;
    let before = Instant::now();
    ask(ruler.address(), "POST", &format!("{RULES}/a%2Fb?x=%20"), GROUP).await;
    ruler.journal().wait_until(|seen| seen.iter().any(|request| request.ended.is_some())).await;
    let seen = ruler.journal().requests().remove(0);
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/prometheus/config/v1/rules/a%2Fb"));
    assert_eq!((seen.query.as_deref(), seen.tenant()), (Some("x=%20"), Some("t1")));
    assert_eq!((seen.text().as_str(), seen.status), (GROUP, Some(202)));
    assert!(before <= seen.started && seen.ended.is_some_and(|ended| seen.started <= ended));
    ruler.journal().clear();
    ruler.journal().keep(Detail::Lines);
    ask(ruler.address(), "POST", &format!("{RULES}/ns"), GROUP).await;
    assert_eq!(ruler.journal().count(&Method::POST), 1);
    assert_eq!((ruler.journal().requests()[0].tenant(), ruler.journal().requests()[0].body.len()), (None, 0));
}
