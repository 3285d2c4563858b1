//! What is asked of a write, and what came of it.

use serde_json::Value;

use super::ownership::Manager;
use super::patch;
use super::refused::Refused;
use super::resource::Resource;

/// The handling of fields that the schema does not declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Drop them silently.
    Ignore,
    /// Drop them and report them in a `Warning` header.
    Warn,
    /// Reject the object.
    Strict,
}

/// The options of a write.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    /// The field manager, by default the first part of the User-Agent.
    pub(crate) manager: String,
    /// `true` for a request to `/status`, which changes only the status.
    pub(crate) status: bool,
    /// `true` for a PATCH, which does not take a UID as a precondition.
    pub(crate) patches: bool,
    /// What is answered if the write would create an object: creating needs a permission of its own.
    pub(crate) may_create: Result<(), Refused>,
    pub(crate) dry_run: bool,
    pub(crate) unknown: Unknown,
    /// `false` only for writes of the server itself.
    pub(crate) validate: bool,
    /// `true` if `status` is set as given, which only direct access by a test may do.
    pub(crate) with_status: bool,
    /// `true` if a replace without a resourceVersion is allowed on kinds that require one.
    pub(crate) unconditional: bool,
    /// The uid of a new object; random by default.
    pub(crate) uid: Option<String>,
}

impl Intent {
    /// The manager of a write to this kind.
    pub(crate) fn manager_of(&self, resource: &Resource) -> Manager {
        Manager::updating(&self.manager, resource, self.status)
    }

    /// The options for direct access by a test, without the API.
    pub(crate) fn for_test() -> Self {
        Self {
            manager: "testkit".to_owned(),
            status: false,
            patches: false,
            may_create: Ok(()),
            dry_run: false,
            unknown: Unknown::Ignore,
            validate: true,
            with_status: true,
            unconditional: true,
            uid: None,
        }
    }
}

/// The result of a write.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) value: Value,
    /// `true` if the object did not exist before.
    pub(crate) created: bool,
    /// The dropped fields, for `Warning` headers.
    pub(crate) unknown: Vec<String>,
}

/// The change that a PATCH makes to an object.
#[derive(Debug)]
pub(crate) enum Change {
    Merge(Value),
    Strategic(Value),
    Steps(Vec<patch::Step>),
}
