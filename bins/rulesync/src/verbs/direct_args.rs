//! The flags that the verbs have in common that act on one ruler and tenant directly.

use crate::connection::{ConnectionArgs, Destination};
use crate::failure::Failure;

/// Which ruler and tenant.
#[derive(Debug, clap::Args)]
pub(crate) struct DirectArgs {
    #[command(flatten)]
    connection: ConnectionArgs,

    /// The ruler and tenant of --config that is meant, unless it has only one.
    #[arg(long, value_name = "RULER/TENANT", help_heading = "Where")]
    destination: Option<String>,
}

impl DirectArgs {
    /// Returns whether a secret comes from standard input, where nothing else can come from then.
    pub(crate) fn reads_secret_from_stdin(&self) -> bool {
        self.connection.reads_secret_from_stdin()
    }

    /// Connects to the ruler.
    pub(crate) async fn destination(&self) -> Result<Destination, Failure> {
        self.connection.destination(self.destination.as_deref()).await
    }
}
