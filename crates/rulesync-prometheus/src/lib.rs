//! A ruler for a Prometheus or a vmalert beside it: [`PrometheusRuler`] writes rule files and has them reloaded.
//!
//! **Set-up.** rulesync and the server share a directory. The server reads `DIRECTORY/*.yaml` (`rule_files` of
//! Prometheus, `-rule` of vmalert; a pattern that matches more would also match the files that are at work), and can be
//! reloaded by `POST /-/reload` (Prometheus: `--web.enable-lifecycle`; vmalert: neither `-reloadAuthKey` nor
//! `-rule.stripFilePath`, and its `/metrics` open to us). The server may see the directory under another path. Neither
//! knows tenants, so a route to such a ruler names none.
//!
//! **Files.** Each namespace is one file, `{namespace}.yaml`, with everything but `A-Z a-z 0-9 - _ . ~ $ & + : = @`
//! percent-encoded. Its first line is our mark; a file without the mark is never read, replaced or removed, and a write
//! that would need its place is [`RulerError::Protected`]. Files are replaced by renaming, never written in place.
//! Fields that the server does not know are never written, because it would refuse the whole file: see
//! [`Variant::keeps`].
//!
//! **Writes** are successes once the server has loaded them. All that come within a moment, or while a reload is under
//! way, make up the next batch: one change of each file touched, one reload, one look at `/api/v1/rules`. The engine
//! hands over namespaces whole and all that have changes ([`Capabilities::batches`]), so that a first sync is one
//! reload. Whether vmalert has reloaded takes about two seconds to learn. What a crash leaves half done is taken back
//! by the next process; a lock keeps two processes from working at once.
//!
//! **Refusals.** The server takes all files or none. If it refuses, the files before the batch are put back, and parts
//! are tried until the groups at fault stand alone: they are [`RulerError::Rejected`], all others are loaded. Groups in
//! which local checks have found something, and those that ask for what the server's version lacks, are tried apart.
//! A server never says which rule it dislikes but in its log; where nobody else knows either, the search goes on within
//! the group, whose first rules are tried in a group beside it that is never evaluated. If the server refuses even the
//! files before, nobody is accused: [`RulerError::Misconfigured`]. What was refused is remembered beside the files, in
//! `.rulesync-verdicts`, for a day and one version of the server, so that a restart costs no reload.
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
mod features;
mod listing;
mod names;
mod rule_file;
mod ruler;
mod rules;
mod search;
mod server;
mod staging;
mod variant;
mod verdicts;

pub use ruler::PrometheusRuler;
pub use rulesync_http::{ClientConfig, RequestObserver, SettingsError};
pub use variant::Variant;

#[cfg(doc)]
use rulesync_core::{Capabilities, RulerError};
