//! Logs: logfmt or JSON on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Args, LogFormat};

/// Starts logging. A filter that makes no sense is replaced by `info`, with a warning.
pub(crate) fn start(args: &Args) {
    let (filter, wrong) = match EnvFilter::try_new(&args.log_level) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let logs = tracing_subscriber::registry().with(filter);
    match args.log_format {
        LogFormat::Logfmt => {
            let layer = tracing_logfmt::builder()
                .with_target(false)
                .with_span_name(false)
                .with_span_path(false)
                .layer();
            logs.with(layer.with_writer(std::io::stderr)).init();
        }
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false);
            logs.with(layer.with_writer(std::io::stderr)).init();
        }
    }
    if let Some(error) = wrong {
        tracing::warn!(%error, level = args.log_level, "log level not understood, using info");
    }
}
