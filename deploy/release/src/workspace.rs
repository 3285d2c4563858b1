//! The packages of the workspace, as `cargo metadata` tells them.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// The members of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Workspace {
    /// The members, in no order that means anything.
    pub packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Package {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The registries that it may be published to: all if this is absent, none if it is empty.
    pub publish: Option<Vec<String>>,
    /// What it needs.
    pub dependencies: Vec<Dependency>,
}

/// Something that a package needs: for use, for its build or for its tests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dependency {
    /// The name of the package.
    pub name: String,
    /// The versions that do, `*` where none is written.
    pub req: String,
    /// `dev`, `build`, or nothing.
    pub kind: Option<String>,
    /// Its directory, if it is a member of the workspace.
    pub path: Option<String>,
}

impl Package {
    /// Whether it may be published.
    pub fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }
}

impl Dependency {
    /// Whether what is published of a package has this dependency. Cargo leaves out what is only for tests and has no
    /// version.
    pub fn is_published(&self) -> bool {
        self.kind.as_deref() != Some("dev") || self.req != "*"
    }
}

/// Cargo: the one that has started this program, if one has.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The workspace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Cargo cannot be run.
    #[error("`cargo metadata` cannot be run: {0}")]
    Run(#[from] std::io::Error),
    /// Cargo has failed.
    #[error("`cargo metadata` failed: {0}")]
    Cargo(String),
    /// The answer is no metadata.
    #[error("`cargo metadata` printed something else: {0}")]
    Answer(#[from] serde_json::Error),
}

impl Workspace {
    /// Reads the workspace in a directory.
    ///
    /// # Errors
    /// If there is none, or Cargo cannot read it.
    pub fn read(directory: &Path) -> Result<Self, WorkspaceError> {
        let mut command = cargo();
        command.current_dir(directory).args(["metadata", "--format-version=1", "--no-deps", "--locked"]);
        let output = command.output()?;
        if !output.status.success() {
            return Err(WorkspaceError::Cargo(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The members that are published.
    pub fn published(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.is_published())
    }
}
