//! The server of an embedded ruler.

use std::sync::Arc;

use rulesync_ruler_server::{Kind, RulerBuilder, RulerServer};

use crate::settings::EmbeddedSettings;

/// A server in this process. It runs as long as some ruler uses it.
#[derive(Debug)]
pub(super) struct Embedded {
    settings: EmbeddedSettings,
    server: RulerServer,
}

impl Embedded {
    /// Returns the running server with these settings, or starts one.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(super) async fn start<'a>(
        settings: &EmbeddedSettings,
        mut running: impl Iterator<Item = &'a Arc<Self>>,
    ) -> Result<Arc<Self>, String> {
        if let Some(same) = running.find(|embedded| embedded.settings == *settings) {
            return Ok(Arc::clone(same));
        }
        let EmbeddedSettings { address, listen, storage } = settings;
        let ruler = RulerBuilder::new(Kind::Mimir).listen(*listen).storage(storage);
        let server = RulerServer::start(ruler)
            .await
            .map_err(|error| format!("cannot serve on {address}: {error}; set `address` to another port"))?;
        Ok(Arc::new(Self { settings: settings.clone(), server }))
    }

    /// The base URL.
    pub(super) fn url(&self) -> String {
        self.server.url()
    }
}
