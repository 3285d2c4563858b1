//! A ruler for a local Prometheus or vmalert: [`PrometheusRuler`] writes rule files and triggers reloads.
//!
//! **Setup.** rulesync and the server share a directory. The server reads `DIRECTORY/*.yaml` (`rule_files` of
//! Prometheus, `-rule` of vmalert; a wider pattern would also match temporary files), and can be reloaded by
//! `POST /-/reload` (Prometheus: `--web.enable-lifecycle`; vmalert: neither `-reloadAuthKey` nor
//! `-rule.stripFilePath`, and rulesync can read its `/metrics`). The server may see the directory under another path.
//! Neither server has tenants, so a route to such a ruler must not name one.
//!
//! **Files.** Each namespace is one file, `{namespace}.yaml`, with everything but `A-Z a-z 0-9 - _ . ~ $ & + : = @`
//! percent-encoded. Its first line is rulesync's mark; a file without the mark is never read, replaced or removed, and
//! a write that would replace it is [`RulerErrorKind::Protected`]. Files are replaced by renaming, never written in place.
//! Fields that the server does not know are never written, because it would reject the whole file: see
//! [`Variant::fields`].
//!
//! **Writes** succeed once the server has loaded them. All writes that arrive within a moment, or during a reload, form
//! the next batch: one change of each affected file, one reload, one request to `/api/v1/rules`. The engine passes
//! whole namespaces, and all that have changes ([`Capabilities::batches`]), so that a first sync is one reload.
//! Confirming a reload of vmalert takes about two seconds. Changes interrupted by a crash are reverted by the next
//! process; a lock keeps two processes from working at once.
//!
//! **Rejections.** The server loads all files or none. If it rejects them, the previous files are restored, and parts
//! of the batch are tried until the invalid groups are isolated: they are [`RulerErrorKind::Rejected`], all others are
//! loaded. Groups with findings of local checks, and those that use features that the server's version lacks, are tried
//! separately. A server reports the rejected rule only in its log; unless the rule is known otherwise, the search
//! continues within the group, whose first rules are tried in a separate group that is never evaluated. If the server
//! rejects even the previous files, no group is blamed: [`RulerErrorKind::Misconfigured`]. Rejections are remembered in the
//! directory, in `.rulesync-verdicts`, for a day and one version of the server, so that a restart costs no reload.
//!
//! ```
//! use std::time::Duration;
//! use rulesync_prometheus::{ClientConfig, Connection, PrometheusRuler, Variant};
//!
//! // The process chooses the crypto provider.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//! let connection = Connection::new("http://localhost:9090", &ClientConfig::default())?;
//! let connection = connection.with_timeout(Duration::from_secs(60));
//! let ruler = PrometheusRuler::new(connection, "/etc/prometheus/rulesync", Variant::Prometheus)?;
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
pub use rulesync_http::{ClientConfig, Connection, SettingsError};
pub use variant::Variant;

#[cfg(doc)]
use rulesync_core::{Capabilities, RulerError};

#[cfg(doc)]
use rulesync_core::RulerErrorKind;
