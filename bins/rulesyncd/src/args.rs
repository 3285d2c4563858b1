//! The flags: those of the process only, everything else is in the configuration file.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Keeps rulers (Grafana Mimir, Cortex) identical to the rules that are declared in Kubernetes or in files.
#[derive(Debug, Parser)]
#[command(name = "rulesyncd", version)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// Where to serve /metrics, health and status.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen_address: SocketAddr,

    /// Serve requests that change something: `POST /api/v1/targets/{ruler}/{tenant}/release-deletes`.
    #[arg(long = "web.enable-admin-api")]
    pub(crate) enable_admin_api: bool,

    /// How much to log: error, warn, info, debug, trace, or a filter such as `info,rulesync_k8s=debug`.
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: String,

    /// How to log.
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "logfmt")]
    pub(crate) log_format: LogFormat,

    /// Bring everything in order once and exit: 0 if it is, 1 if something failed.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) once: bool,

    /// Print what would be changed, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How log lines look.
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
}
