//! The server of an embedded ruler.

use std::net::SocketAddr;
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
    /// The key at fault, and why: what the system said, or that another server has the address as long as it runs.
    pub(super) async fn start<'a>(
        settings: &EmbeddedSettings,
        running: impl Iterator<Item = &'a Arc<Self>> + Clone,
    ) -> Result<Arc<Self>, (&'static str, String)> {
        let is_same = |embedded: &&Arc<Self>| {
            let EmbeddedSettings { address: _, listen, storage } = &embedded.settings;
            (listen, storage) == (&settings.listen, &settings.storage)
        };
        if let Some(same) = running.clone().find(is_same) {
            return Ok(Arc::clone(same));
        }
        if let Some(other) = running.clone().find(|embedded| embedded.excludes(settings.listen)) {
            let key = if other.settings.storage == settings.storage { "address" } else { "path" };
            let url = other.url();
            return Err((
                key,
                format!("`{key}` of the embedded ruler at {url} can be changed at a restart only"),
            ));
        }
        let EmbeddedSettings { address, listen, storage } = settings;
        let ruler = RulerBuilder::new(Kind::Mimir).listen(*listen).storage(storage);
        let server = RulerServer::start(ruler)
            .await
            .map_err(|error| format!("cannot serve on {address}: {error}; set `address` to another port"))
            .map_err(|reason| ("address", reason))?;
        Ok(Arc::new(Self { settings: settings.clone(), server }))
    }

    /// Returns whether nothing else can listen on an address while this server does.
    fn excludes(&self, address: SocketAddr) -> bool {
        let own = self.server.address();
        let overlap = own.ip() == address.ip() || own.ip().is_unspecified() || address.ip().is_unspecified();
        own.port() == address.port() && overlap
    }

    /// The base URL.
    pub(super) fn url(&self) -> String {
        self.server.url()
    }
}
