//! The parts of the file that have a `type`: all keys of all types are read at once, so that a wrong one is told at its
//! own place, and then those that the type has no use for are refused.

use std::path::PathBuf;

use serde::Deserialize;

use super::{InventoryConfig, NamingConfig, SourceConfig};

/// Why a part makes no sense, though each of its keys does.
#[derive(Debug, thiserror::Error)]
pub(super) enum TypedError {
    #[error("`{key}` is missing, which the type `{kind}` needs")]
    Missing { key: &'static str, kind: &'static str },
    #[error("`{key}` has no meaning for the type `{kind}`")]
    Meaningless { key: &'static str, kind: &'static str },
}

/// Refuses keys that are set and have no meaning for the type.
fn only(kind: &'static str, keys: &[(&'static str, bool)]) -> Result<(), TypedError> {
    match keys.iter().find(|(_, set)| *set) {
        Some((key, _)) => Err(TypedError::Meaningless { key, kind }),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceKeys {
    #[serde(rename = "type")]
    kind: SourceType,
    name: Option<String>,
    kubeconfig: Option<PathBuf>,
    namespaces: Option<Vec<String>>,
    path: Option<PathBuf>,
    glob: Option<Globs>,
}

/// One pattern or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Globs {
    One(String),
    Several(Vec<String>),
}

impl From<Globs> for Vec<String> {
    fn from(globs: Globs) -> Self {
        match globs {
            Globs::One(glob) => vec![glob],
            Globs::Several(globs) => globs,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceType {
    Kubernetes,
    Files,
}

impl TryFrom<SourceKeys> for SourceConfig {
    type Error = TypedError;

    fn try_from(keys: SourceKeys) -> Result<Self, TypedError> {
        let SourceKeys { kind, name, kubeconfig, namespaces, path, glob } = keys;
        match kind {
            SourceType::Kubernetes => {
                only("kubernetes", &[("path", path.is_some()), ("glob", glob.is_some())])?;
                Ok(Self::Kubernetes { name, kubeconfig, namespaces: namespaces.unwrap_or_default() })
            }
            SourceType::Files => {
                let kind = "files";
                only(kind, &[("kubeconfig", kubeconfig.is_some()), ("namespaces", namespaces.is_some())])?;
                let path = path.ok_or(TypedError::Missing { key: "path", kind })?;
                Ok(Self::Files { name, path, glob: glob.map(Vec::from).unwrap_or_default() })
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamingKeys {
    #[serde(rename = "type")]
    kind: NamingType,
    prefix: Option<String>,
    separator: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum NamingType {
    Owner,
    Alloy,
}

impl TryFrom<NamingKeys> for NamingConfig {
    type Error = TypedError;

    fn try_from(NamingKeys { kind, prefix, separator }: NamingKeys) -> Result<Self, TypedError> {
        match kind {
            NamingType::Owner => {
                only("owner", &[("prefix", prefix.is_some()), ("separator", separator.is_some())])?;
                Ok(Self::Owner)
            }
            NamingType::Alloy => Ok(Self::Alloy {
                prefix: prefix.unwrap_or_else(|| "alloy".to_owned()),
                separator: separator.unwrap_or_else(|| "/".to_owned()),
            }),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InventoryKeys {
    #[serde(rename = "type")]
    kind: InventoryType,
    name: Option<String>,
    namespace: Option<String>,
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum InventoryType {
    ConfigMap,
    File,
    Off,
}

impl TryFrom<InventoryKeys> for InventoryConfig {
    type Error = TypedError;

    fn try_from(InventoryKeys { kind, name, namespace, path }: InventoryKeys) -> Result<Self, TypedError> {
        let of_config_map = [("name", name.is_some()), ("namespace", namespace.is_some())];
        let of_file = [("path", path.is_some())];
        match kind {
            InventoryType::ConfigMap => {
                only("config_map", &of_file)?;
                Ok(Self::ConfigMap { name, namespace })
            }
            InventoryType::File => {
                let kind = "file";
                only(kind, &of_config_map)?;
                Ok(Self::File { path: path.ok_or(TypedError::Missing { key: "path", kind })? })
            }
            InventoryType::Off => {
                only("off", &of_config_map)?;
                only("off", &of_file)?;
                Ok(Self::Off)
            }
        }
    }
}
