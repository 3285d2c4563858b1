//! What can be put to work, and what stays as it was when another configuration comes.

use super::*;

const CONFIG: &str = "
owner: us
resync_interval: 5m
sources: [{type: files, path: .}]
rulers: [{name: central, type: embedded, address: 'http://127.0.0.1:0', request_timeout: 30s}]
routes: [{name: all, ruler: central, tenant: prod}]
";

fn parse(text: &str) -> Config {
    Config::parse(text, "rulesync.yaml", std::collections::HashMap::new()).unwrap()
}

async fn refused(text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let wiring = Wiring::new(directory.path(), Metrics::default());
    wiring.wire(&parse(text)).await.unwrap_err().to_string()
}

#[tokio::test]
async fn what_cannot_work_is_refused_with_its_key() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for (from, to, says) in [
        ("resync_interval: 5m", "resync_interval: 0s", "resync_interval must be longer than zero"),
        (
            "request_timeout: 30s",
            "request_timeout: 0s",
            "ruler `central`: request_timeout must be longer than zero",
        ),
        ("owner: us", "owner: us\ndelete_guard: {max_share: 2}", "max_share must be between 0 and 1"),
        ("type: embedded,", "type: mimir, path: x,", "`path` has no meaning"),
        ("type: embedded, address: 'http://127.0.0.1:0'", "type: mimir", "`address` is missing"),
    ] {
        let error = refused(&CONFIG.replace(from, to)).await;
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test]
async fn an_embedded_ruler_listens_where_others_reach_it_only_if_that_is_said() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let at = |address: &str| CONFIG.replace("127.0.0.1:0", address);
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:9009", "[::ffff:192.0.2.1]:9009", "10.0.0.1:0/"] {
        let error = refused(&at(address)).await;
        assert!(
            error.starts_with(&format!("ruler `central`: http://{address} is not a loopback address"))
                && error.contains("no authentication")
                && error.contains("`allow_remote: true`"),
            "{error}"
        );
        let denied = at(address).replace("type: embedded,", "type: embedded, allow_remote: false,");
        assert_eq!(refused(&denied).await, error);
    }
    let directory = tempfile::tempdir().unwrap();
    let wiring = Wiring::new(directory.path(), Metrics::default());
    let allowed = at("0.0.0.0:0").replace("type: embedded,", "type: embedded, allow_remote: true,");
    for text in [allowed, at("127.0.0.2:0"), at("[::ffff:127.0.0.1]:0")] {
        let (_, wired) = wiring.wire(&parse(&text)).await.unwrap();
        assert!(wired.rulers[0].embedded.is_some(), "{text}");
    }
    let meaningless = CONFIG.replace("type: embedded,", "type: cortex, allow_remote: false,");
    assert!(refused(&meaningless).await.contains("`allow_remote` has no meaning"));
}

#[tokio::test]
async fn an_embedded_ruler_goes_on_when_another_of_its_settings_changes() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    let mut wiring = Wiring::new(directory.path(), Metrics::default());
    let (_, wired) = wiring.wire(&parse(CONFIG)).await.unwrap();
    wiring.keep(wired);
    let url = |wired: &Wired| wired.rulers[0].embedded.as_ref().unwrap().server.url();
    let before = url(&wiring.current);
    for (from, to) in [("request_timeout: 30s", "max_in_flight: 4"), ("name: all", "name: any")] {
        let (setup, wired) = wiring.wire(&parse(&CONFIG.replace(from, to))).await.unwrap();
        assert_eq!(url(&wired), before);
        assert_eq!(setup.rulers[0].max_in_flight == 4, to == "max_in_flight: 4");
    }
    let elsewhere = CONFIG.replace("type: embedded,", "type: embedded, path: other,");
    let (_, wired) = wiring.wire(&parse(&elsewhere)).await.unwrap();
    assert_ne!(url(&wired), before);
}
