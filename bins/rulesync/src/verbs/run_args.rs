//! The flags that `plan`, `sync` and `adopt` have in common.

use std::path::PathBuf;
use std::time::Duration;

use rulesync_config::Options;
use rulesync_core::model::PromDuration;

use crate::connection::{Configuration, ConnectionArgs, OwnerArgs};
use crate::failure::Failure;

/// Which rules go where, and whose they are.
#[derive(Debug, clap::Args)]
pub(crate) struct Whose {
    /// Files and directories with rules, or `-` for standard input: manifests, plain rule files and mimirtool's. With
    /// --config, the sources of the configuration are read instead.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,

    #[command(flatten)]
    pub(crate) owner: OwnerArgs,
}

/// How a run goes.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Make the deletes that the delete guard would hold.
    #[arg(long)]
    pub(crate) release_deletes: bool,

    /// Give up after this time without progress, and report what was not done.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = PromDuration::parse_positive)]
    pub(crate) timeout: PromDuration,
}

impl Whose {
    /// Returns the configuration that these flags describe or name.
    pub(crate) async fn configuration(&self) -> Result<Configuration, Failure> {
        self.connection.configuration(&self.owner, &self.paths).await
    }
}

impl RunArgs {
    pub(crate) fn options(&self, options: Options) -> Options {
        let timeout = Duration::from_millis(self.timeout.as_millis());
        options.timeout(timeout).release_deletes(self.release_deletes)
    }
}
