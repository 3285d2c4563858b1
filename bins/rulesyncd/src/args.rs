//! The flags: those of the process only, everything else is in the configuration file.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};
use rulesync_core::model::PromDuration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::location::ExternalUrl;
use crate::route_prefix::RoutePrefix;

/// The flags of a run that ends by itself, of which at most one can be set. It serves no pages.
const ONE_SHOT: &str = "one-shot";

/// The flag of a run that only checks the configuration.
const CHECK: &str = "check_config";

/// Keeps rulers (Grafana Mimir, Loki, Cortex, Prometheus, vmalert) identical to the rules that are declared in
/// Kubernetes or in files.
#[derive(Debug, Parser)]
#[command(name = "rulesyncd", version)]
pub(crate) struct Args {
    /// The configuration file, or a configuration of Grafana Alloy if it ends in `.alloy`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// The owner of all rules that are written, for a configuration that names none, such as one of Grafana Alloy. No
    /// other installation that writes to the same tenants may have the same.
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,

    /// Check the configuration file and the files it names, print all errors, and exit: 0 if there are none, else 1.
    /// Nothing is started, and no request is sent.
    #[arg(long, conflicts_with = ONE_SHOT)]
    pub(crate) check_config: bool,

    /// The address to serve /metrics, health and status; `:8080` is `0.0.0.0:8080`.
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        value_parser = listen_address,
        conflicts_with_all = [ONE_SHOT, CHECK]
    )]
    pub(crate) listen_address: SocketAddr,

    /// The file with TLS, users and headers of the web server, in the form of Prometheus' exporter-toolkit. It is read again
    /// when it changes.
    #[arg(long = "web.config.file", value_name = "FILE", conflicts_with = ONE_SHOT)]
    pub(crate) web_config: Option<PathBuf>,

    /// Answer the pages for probes, such as /-/healthy and /-/ready, also without the user or the client certificate that
    /// --web.config.file asks for.
    #[arg(
        long = "web.health-unauthenticated",
        value_name = "BOOL",
        default_value_t = true,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        conflicts_with_all = [ONE_SHOT, CHECK]
    )]
    pub(crate) health_unauthenticated: bool,

    /// The URL under which the pages are reached from outside, such as through a proxy. Links in what is read elsewhere
    /// begin with it.
    #[arg(long = "web.external-url", value_name = "URL", conflicts_with_all = [ONE_SHOT, CHECK])]
    pub(crate) external_url: Option<ExternalUrl>,

    /// The path that all pages are below, also those for probes and metrics; `/` for none. By default that of
    /// --web.external-url.
    #[arg(long = "web.route-prefix", value_name = "PATH", conflicts_with_all = [ONE_SHOT, CHECK])]
    pub(crate) route_prefix: Option<RoutePrefix>,

    /// Serve requests that change something: `POST /api/v1/destinations/{ruler}/{tenant}/release-deletes`, and
    /// `POST /api/v1/release-deletes` for all destinations.
    #[arg(long = "web.enable-admin-api", conflicts_with_all = [ONE_SHOT, CHECK])]
    pub(crate) enable_admin_api: bool,

    /// What to log: error, warn, info, debug, trace, or a filter such as `info,rulesync_k8s=debug`.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info", value_parser = log_level)]
    pub(crate) log_level: String,

    /// The format of log lines.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt")]
    pub(crate) log_format: LogFormat,

    /// Bring everything in sync once and exit: 0 if it is, 1 if something failed.
    #[arg(long, group = ONE_SHOT)]
    pub(crate) once: bool,

    /// Print what would be changed and what would be refused, change nothing, and exit: 1 if something would be
    /// refused, else 0.
    #[arg(long, group = ONE_SHOT)]
    pub(crate) dry_run: bool,

    /// With --once: make the deletes that the delete guard would hold. Look at a --dry-run first.
    #[arg(long, requires = "once")]
    pub(crate) release_deletes: bool,

    /// With --once or --dry-run: give up after this time without progress, and report what was not done.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = PromDuration::parse_positive, requires = ONE_SHOT)]
    pub(crate) timeout: PromDuration,
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    whole.parse().map_err(|_| "must be of the form 127.0.0.1:8080, [::]:8080 or :8080".to_owned())
}

/// Parses a filter of logs. A single word that is not a level would select a part of the program, which is hardly meant,
/// and a misspelt level would silence all logs.
fn log_level(text: &str) -> Result<String, String> {
    let level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    let known = |part: &str| part.contains(['=', '[']) || level(part);
    if let Some(unknown) = text.split(',').find(|part| !known(part)) {
        return Err(format!("`{unknown}` is not one of off, error, warn, info, debug, trace, or PART=LEVEL"));
    }
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// A format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn flags_are_consistent() {
        Args::command().debug_assert();
        let args = Args::try_parse_from(["rulesyncd", "--config", "x.yaml", "--log.format", "json"]).unwrap();
        assert_eq!((args.log_format, args.once), (LogFormat::Json, false));
        assert!(Args::try_parse_from(["rulesyncd", "--config", "x", "--once", "--dry-run"]).is_err());
    }

    #[test]
    fn flags_without_effect_are_refused() {
        let parse = |flags: &[&str]| {
            let flags = ["rulesyncd", "--config", "x"].iter().chain(flags);
            Args::try_parse_from(flags).map_err(|error| error.to_string())
        };
        for (flags, says) in [
            (&["--timeout", "1m"][..], "--once|--dry-run"),
            (&["--once", "--web.enable-admin-api"], "--web.enable-admin-api"),
            (&["--dry-run", "--web.enable-admin-api"], "--web.enable-admin-api"),
            (&["--once", "--web.listen-address", ":1"], "--web.listen-address"),
            (&["--dry-run", "--web.listen-address", ":1"], "--web.listen-address"),
            (&["--once", "--dry-run"], "--dry-run"),
            (&["--once", "--web.config.file", "web.yaml"], "--web.config.file"),
            (&["--check-config", "--web.health-unauthenticated=false"], "--web.health-unauthenticated"),
            (&["--web.health-unauthenticated=no"], "true"),
            (&["--once", "--web.external-url", "http://a"], "--web.external-url"),
            (&["--check-config", "--web.route-prefix", "/a"], "--web.route-prefix"),
            (&["--web.external-url", "a"], "it needs `http` or `https`"),
            (&["--web.route-prefix", "a b"], "` ` is not possible"),
            (&["--release-deletes"], "--once"),
            (&["--check-config", "--once"], "--check-config"),
            (&["--check-config", "--timeout", "1m"], "--timeout"),
            (&["--check-config", "--web.listen-address", ":1"], "--web.listen-address"),
            (&["--check-config", "--web.enable-admin-api"], "--web.enable-admin-api"),
            (&["--once", "--timeout", "0s"], "must be longer than zero"),
            (&["--dry-run", "--timeout", "0"], "--timeout"),
        ] {
            let error = parse(flags).unwrap_err();
            assert!(error.contains(says), "{flags:?}: {error}");
        }
        // Defaults contradict nothing.
        for flags in
            [&[][..], &["--once"], &["--dry-run"], &["--web.enable-admin-api", "--web.listen-address", ":1"]]
        {
            let args = parse(flags).unwrap();
            assert_eq!(args.timeout.as_millis(), 300_000, "{flags:?}");
        }
        for (flags, expected) in [
            (&[][..], true),
            (&["--web.health-unauthenticated"], true),
            (&["--web.health-unauthenticated=true"], true),
            (&["--web.health-unauthenticated=false"], false),
        ] {
            assert_eq!(parse(flags).unwrap().health_unauthenticated, expected, "{flags:?}");
        }
        assert!(parse(&["--check-config", "--web.config.file", "web.yaml"]).unwrap().web_config.is_some());
        assert_eq!(parse(&["--once", "--timeout", "1m"]).unwrap().timeout.as_millis(), 60_000);
    }

    #[test]
    fn listen_address_may_be_a_port_alone() {
        assert_eq!(listen_address(":8080"), Ok("0.0.0.0:8080".parse().unwrap()));
        assert_eq!(listen_address("[::1]:1"), Ok("[::1]:1".parse().unwrap()));
        assert!(listen_address("8080").unwrap_err().contains(":8080"));
    }

    #[test]
    fn log_level_must_not_be_misspelt() {
        for level in
            ["info", "WARN", "off", "info,rulesync_k8s=debug", "warn,rulesync_core::destination=trace"]
        {
            assert_eq!(log_level(level).as_deref(), Ok(level));
        }
        for level in ["inof", "info,debgu", "rulesync_k8s=debgu", ""] {
            assert!(log_level(level).is_err(), "{level}");
        }
    }
}
