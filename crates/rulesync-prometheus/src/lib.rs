//! A ruler for a Prometheus or a vmalert beside it: [`PrometheusRuler`] writes rule files and has them reloaded.
//!
//! **Set-up.** rulesync and the server share a directory. The server reads `DIRECTORY/*.yaml` (`rule_files` of
//! Prometheus, `-rule` of vmalert; a pattern that matches more would also match the files that are at work), and can be
//! reloaded by `POST /-/reload` (Prometheus: `--web.enable-lifecycle`; vmalert: neither `-reloadAuthKey` nor
//! `-rule.stripFilePath`, and its `/metrics` open to us). The server may see the directory under another path. Neither knows tenants, so a route to such a ruler names none.
//!
//! **Files.** Each namespace is one file, `{namespace}.yaml`, with everything but `A-Z a-z 0-9 - _ . ~ $ & + : = @`
//! percent-encoded. Its first line is our mark; a file without the mark is never read, replaced or removed, and a write
//! that would need its place is [`RulerError::Protected`]. Files are replaced by renaming, never written in place.
//! Fields that the server does not know are never written, because it would refuse the whole file: see
//! [`Variant::keeps`].
//!
//! **Writes** are successes once the server has loaded them. All that wait while a reload is under way make up the next
//! batch: one change of the files touched, one reload, one look at `/api/v1/rules`. If the server refuses, the files
//! before the batch are put back and reloaded, and the batch is tried in parts until the groups at fault stand alone:
//! they are [`RulerError::Rejected`], all others are loaded. A batch is as large as the number of writes under way, and a
//! reload costs the server about as much for one changed group as for all: give such a ruler a large `max_in_flight`, and a
//! timeout beyond its longest reload. Whether vmalert has reloaded takes about two seconds to learn. If it refuses even the files before, nobody is accused:
//! [`RulerError::Misconfigured`]. What a crash leaves half done is taken back by the next process; a lock keeps two
//! processes from working at once.
//!
//! ```
//! use std::time::Duration;
//! use rulesync_prometheus::{ClientConfig, PrometheusRuler, Variant};
//!
//! // The process chooses who does its cryptography.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//! let ruler = PrometheusRuler::new(
//!     "/etc/prometheus/rulesync",
//!     "http://localhost:9090",
//!     Variant::Prometheus,
//!     &ClientConfig::default(),
//!     Duration::from_secs(30),
//!     None,
//! )?;
//! # Ok::<(), rulesync_prometheus::SettingsError>(())
//! ```

mod batch;
mod directory;
mod listing;
mod names;
mod rule_file;
mod ruler;
mod search;
mod server;
mod staging;
mod variant;

pub use ruler::PrometheusRuler;
pub use rulesync_http::{ClientConfig, RequestObserver, SettingsError};
pub use variant::Variant;

#[cfg(doc)]
use rulesync_core::RulerError;
