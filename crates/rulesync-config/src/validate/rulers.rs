//! Rulers: which keys their type has, and settings that contradict each other.

use std::net::SocketAddr;
use std::path::Path as FilePath;
use std::time::Duration;

use rulesync_core::engine::DEFAULT_MAX_IN_FLIGHT;
use rulesync_http::SettingsError;

use super::features::{EMBEDDED, LOKI, MIMIR, PROMETHEUS, SIGV4};
use super::naming::{OwnNaming, own_naming};
use super::report::Report;
use crate::file::{File, RulerFile, RulerType, VariantName};
use crate::settings::{EmbeddedSettings, RulerKind, RulerSettings};
use crate::yaml::Path;

/// The address of an embedded ruler by default: Mimir's own port.
const EMBEDDED_ADDRESS: &str = "http://127.0.0.1:9009";

/// The objects in one batch by default. A batch costs one reload, which grows with all that is loaded, so it should hold
/// all that waits; and what it holds is in memory meanwhile.
const BATCH: usize = 16_384;

/// Checks the rulers. One that cannot be used is none.
pub(super) fn rulers(
    file: &File,
    directory: &FilePath,
    report: &mut Report<'_>,
) -> Vec<Option<RulerSettings>> {
    let (files, at) = (&file.rulers, Path::of("rulers"));
    report.unique(
        "ruler",
        files.iter().enumerate().map(|(index, file)| (at.item(index).key("name"), file.name.as_str())),
    );
    let mut rulers = Vec::with_capacity(files.len());
    for (index, written) in files.iter().enumerate() {
        let (at, before) = (at.item(index), report.len());
        let naming = (written.naming.as_ref(), written.previous_naming.as_slice());
        let OwnNaming { naming, legacy } = own_naming(file, naming, &at, report);
        let ruler = ruler(written, &at, directory, report).filter(|_| report.len() == before);
        rulers.push(ruler.map(|ruler| RulerSettings { naming, legacy, ..ruler }));
    }
    rulers
}

/// Returns the language that a kind of ruler evaluates.
pub(super) fn language(kind: RulerType) -> &'static str {
    match kind {
        RulerType::Loki => "logql",
        RulerType::Mimir | RulerType::Cortex | RulerType::Prometheus | RulerType::Embedded => "promql",
    }
}

fn ruler(
    file: &RulerFile,
    at: &Path,
    directory: &FilePath,
    report: &mut Report<'_>,
) -> Option<RulerSettings> {
    let before = report.len();
    let name = &file.name;
    times_and_limits(file, at, report);
    if let Err(error) = file.client().validate() {
        let path = path_of(&error, at);
        // A key that is missing in a block may be the one that is not known there.
        let follows =
            path.parents().take_while(|block| block != at).any(|block| report.has_damage_within(&block));
        if !follows {
            report.error(&path, format!("ruler `{name}`: {error}"), "");
        }
    }
    if report.is_damaged(&at.key("type")) {
        return None;
    }
    meaningless(file, at, report);
    let kind = kind(file, at, directory, report)?;
    let usual = if file.kind == RulerType::Prometheus { BATCH } else { DEFAULT_MAX_IN_FLIGHT };
    (report.len() == before).then(|| RulerSettings {
        name: name.clone(),
        kind,
        client: file.client().in_directory(directory),
        timeout: Duration::from_millis(file.request_timeout.as_millis()),
        max_in_flight: file.max_in_flight.unwrap_or(usual),
        split_groups: file.split_groups,
        naming: None,
        legacy: Vec::new(),
    })
}

fn times_and_limits(file: &RulerFile, at: &Path, report: &mut Report<'_>) {
    let name = &file.name;
    if file.request_timeout.as_millis() == 0 {
        let message = format!("ruler `{name}`: `request_timeout` must be longer than zero");
        report.error(&at.key("request_timeout"), message, "");
    }
    for (key, value) in [("max_in_flight", file.max_in_flight), ("split_groups", file.split_groups)] {
        if value == Some(0) {
            report.error(&at.key(key), format!("ruler `{name}`: `{key}` must be at least 1"), "");
        }
    }
}

/// Reports keys that the type of ruler does not have.
fn meaningless(file: &RulerFile, at: &Path, report: &mut Report<'_>) {
    let RulerFile { name, kind, prometheus_http_prefix, path, allow_remote, directory, variant, .. } = file;
    for (key, is_set, only) in [
        ("path", path.is_some(), RulerType::Embedded),
        ("allow_remote", allow_remote.is_some(), RulerType::Embedded),
        ("prometheus_http_prefix", prometheus_http_prefix.is_some(), RulerType::Mimir),
        ("directory", directory.is_some(), RulerType::Prometheus),
        ("variant", variant.is_some(), RulerType::Prometheus),
    ] {
        if is_set && *kind != only {
            let message = format!("ruler `{name}`: `{key}` has no meaning for the type `{}`", word(*kind));
            report.error_at_key(&at.key(key), message, "remove it");
        }
    }
}

fn kind(file: &RulerFile, at: &Path, directory: &FilePath, report: &mut Report<'_>) -> Option<RulerKind> {
    let name = &file.name;
    let feature = match file.kind {
        RulerType::Mimir | RulerType::Cortex => MIMIR,
        RulerType::Loki => LOKI,
        RulerType::Prometheus => PROMETHEUS,
        RulerType::Embedded => EMBEDDED,
    };
    feature.require(report, &at.key("type"), word(file.kind));
    if file.sigv4.is_some() {
        SIGV4.require(report, &at.key("sigv4"), "sigv4");
    }
    if file.kind == RulerType::Embedded {
        return embedded(file, at, directory, report).map(RulerKind::Embedded);
    }
    if file.address.is_none() {
        let message = format!("ruler `{name}`: `address` is missing");
        report.error(
            &at.key("address"),
            message,
            "set it to the base URL, such as `http://mimir.monitoring.svc:9009`",
        );
    }
    let address = file.address.clone();
    Some(match file.kind {
        RulerType::Mimir => {
            let prefix = file.prometheus_http_prefix.clone().unwrap_or_else(|| "/prometheus".to_owned());
            RulerKind::Mimir { address: address?, prefix }
        }
        RulerType::Cortex => RulerKind::Cortex { address: address? },
        RulerType::Loki => RulerKind::Loki { address: address? },
        RulerType::Prometheus => {
            if file.directory.is_none() {
                let message = format!("ruler `{name}`: `directory` is missing");
                report.error(&at.key("directory"), message, "set it to the directory for rule files");
            }
            RulerKind::Prometheus {
                address: address?,
                directory: directory.join(file.directory.as_ref()?),
                is_vmalert: file.variant == Some(VariantName::Vmalert),
            }
        }
        RulerType::Embedded => return None,
    })
}

fn embedded(
    file: &RulerFile,
    at: &Path,
    directory: &FilePath,
    report: &mut Report<'_>,
) -> Option<EmbeddedSettings> {
    let name = &file.name;
    let address = file.address.as_deref().unwrap_or(EMBEDDED_ADDRESS);
    let listen = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/');
    let Ok(listen) = listen.parse::<SocketAddr>() else {
        let message = format!("ruler `{name}`: `{address}` is not an address to listen on");
        report.error(&at.key("address"), message, "write `http://127.0.0.1:PORT`");
        return None;
    };
    if !listen.ip().to_canonical().is_loopback() && file.allow_remote != Some(true) {
        let message = format!(
            "ruler `{name}`: {address} is not a loopback address, and an embedded ruler has no authentication: whoever \
             reaches it could read and change all rules"
        );
        report.error(&at.key("address"), message, "listen on 127.0.0.1, or set `allow_remote: true`");
        return None;
    }
    let storage = file.path.clone().unwrap_or_else(|| FilePath::new(".rulesync").join(name));
    Some(EmbeddedSettings { address: address.to_owned(), listen, storage: directory.join(storage) })
}

/// Returns the path of the setting that an error is about.
pub(crate) fn path_of(error: &SettingsError, ruler: &Path) -> Path {
    error.key().map_or_else(|| ruler.clone(), |key| ruler.keys(key))
}

fn word(kind: RulerType) -> &'static str {
    match kind {
        RulerType::Mimir => "mimir",
        RulerType::Cortex => "cortex",
        RulerType::Loki => "loki",
        RulerType::Prometheus => "prometheus",
        RulerType::Embedded => "embedded",
    }
}
