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
        (
            "type: files,",
            "type: files, glob: 'a[',",
            "source `files`: glob: \"a[\" is not a pattern for files",
        ),
        (
            "type: files,",
            "type: files, glob: [x, /y],",
            "source `files`: glob: \"/y\" is not a pattern for files",
        ),
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

/// Work on a file that ends when this is dropped, as where a file system hangs.
async fn hung(path: &Path) -> std::sync::mpsc::Sender<()> {
    let (release, hanging) = std::sync::mpsc::channel::<()>();
    let (begun, beginning) = tokio::sync::oneshot::channel();
    let path = path.to_owned();
    tokio::spawn(async move {
        let work = move || {
            begun.send(()).unwrap();
            hanging.recv().unwrap_err();
            Ok::<_, FileError>(())
        };
        rulesync_fs::run_with_deadline(&path, Duration::from_secs(3600), work).await
    });
    beginning.await.unwrap();
    release
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_hangs_holds_up_its_own_ruler_only_and_is_named() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    let hung_file = directory.path().join("hung.pem");
    // One was being read beside the configuration, and whatever else went by its directory.
    let _beside = (hung(&hung_file).await, hung(directory.path()).await);
    let wire = |settings: &str| {
        let ruler = format!("type: mimir, address: 'https://127.0.0.1:1', {settings}, request_timeout");
        let text = CONFIG.replace("type: embedded, address: 'http://127.0.0.1:0', request_timeout", &ruler);
        let wiring = Wiring::new(directory.path(), Metrics::default());
        tokio::spawn(async move { wiring.wire(&parse(&text)).await.map(|_| ()).map_err(|e| e.to_string()) })
    };
    assert_eq!(wire("proxy_from_environment: false").await.unwrap(), Ok(()));
    let other = wire("tls_config: {ca_file: other.pem}").await.unwrap().unwrap_err();
    assert!(other.contains("other.pem") && other.contains("No such file"), "{other}");
    for (settings, key) in [
        ("tls_config: {ca_file: hung.pem}", "tls_config.ca_file"),
        ("tls_config: {cert: x, key_file: hung.pem}", "tls_config.key_file"),
        (
            "oauth2: {client_id: me, client_secret: s, token_url: 'https://127.0.0.1:1', tls_config: {ca_file: hung.pem}}",
            "oauth2.tls_config.ca_file",
        ),
    ] {
        let wiring = wire(settings);
        // Time that is paused does not pass by itself while a thread is at work.
        for _ in 0..1000 {
            if wiring.is_finished() {
                break;
            }
            tokio::time::advance(READ_DEADLINE / 100).await;
        }
        let error = wiring.await.unwrap().unwrap_err();
        let expected = format!(
            "ruler `central`: `{key}`: {}: it was not read or written within 10s",
            hung_file.display()
        );
        assert_eq!(error, expected);
    }
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
