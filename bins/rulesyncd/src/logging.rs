//! Logs: logfmt or JSON on standard error.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Args, LogFormat};

/// What these libraries log, our own lines say better, with the name of the source and what to do. A filter that names
/// parts of the program decides for itself.
const SAID_BETTER: &str = "kube_client=off,kube_runtime=off";

/// Starts logging.
pub(crate) fn start(args: &Args) {
    let filter = match args.log_level.parse::<LevelFilter>() {
        Ok(level) if level <= LevelFilter::INFO => EnvFilter::new(format!("{level},{SAID_BETTER}")),
        _ => EnvFilter::new(&args.log_level),
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
}
