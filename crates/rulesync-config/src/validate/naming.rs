//! The owner and the naming of ruler namespaces: of the whole installation, of rulers and of routes.

use rulesync_core::Owner;
use rulesync_core::naming::{AlloyNaming, AlloyNamingError, NamespacePolicy, Naming, Pattern};

use super::report::Report;
use crate::file::{File, InventoryType, NamingFile, NamingType, SourceType};
use crate::yaml::Path;

/// Checks the owner and the naming; none if there is no valid owner.
pub(super) fn namespace_policy(file: &File, report: &mut Report<'_>) -> Option<NamespacePolicy> {
    let owner = owner(&file.owner, &Path::of("owner"), report);
    let mut legacy = Vec::new();
    for (index, previous) in file.previous_owners.iter().enumerate() {
        legacy.extend(
            self::owner(previous, &Path::of("previous_owners").item(index), report).map(Naming::Owner),
        );
    }
    let previous = &Path::of("previous_naming");
    legacy.extend(several(&file.previous_naming, owner.as_ref(), previous, report));
    let naming = naming(&file.naming, owner.as_ref(), &Path::of("naming"), report);
    verbatim_without_files_or_records(file, report);
    let adopt = file.adopt.namespaces.iter().map(|pattern| Pattern::from(pattern.as_str())).collect();
    Some(NamespacePolicy { naming: naming?, legacy, adopt, owner: owner? })
}

/// The naming of a ruler or a route, if it has one of its own, and its earlier namings.
#[derive(Debug, Default)]
pub(super) struct OwnNaming {
    pub(super) naming: Option<Naming>,
    pub(super) legacy: Vec<Naming>,
}

/// Checks the naming of the ruler or the route at a path.
pub(super) fn own_naming(
    file: &File,
    (present, previous): (Option<&NamingFile>, &[NamingFile]),
    at: &Path,
    report: &mut Report<'_>,
) -> OwnNaming {
    // An owner that is none has been reported.
    let owner: Option<Owner> = file.owner.parse().ok();
    OwnNaming {
        naming: present.and_then(|present| naming(present, owner.as_ref(), &at.key("naming"), report)),
        legacy: several(previous, owner.as_ref(), &at.key("previous_naming"), report),
    }
}

fn several(files: &[NamingFile], owner: Option<&Owner>, at: &Path, report: &mut Report<'_>) -> Vec<Naming> {
    let each = |(index, file)| naming(file, owner, &at.item(index), report);
    files.iter().enumerate().filter_map(each).collect()
}

fn owner(text: &str, path: &Path, report: &mut Report<'_>) -> Option<Owner> {
    text.parse()
        .map_err(|error: rulesync_core::naming::OwnerError| report.error(path, error.to_string(), ""))
        .ok()
}

/// Returns the naming at a ruler; none if it is not valid, which has been reported.
pub(super) fn naming_of(file: &File, ruler: &str) -> Option<Naming> {
    let own = file.rulers.iter().find(|other| other.name == *ruler).and_then(|ruler| ruler.naming.as_ref());
    let NamingFile { kind, prefix, separator } = own.unwrap_or(&file.naming);
    match kind {
        NamingType::Owner => file.owner.parse().ok().map(Naming::Owner),
        NamingType::Alloy => alloy(prefix.as_deref(), separator.as_deref()).ok(),
        NamingType::Verbatim => Some(Naming::Verbatim),
    }
}

fn alloy(prefix: Option<&str>, separator: Option<&str>) -> Result<Naming, AlloyNamingError> {
    AlloyNaming::new(prefix.unwrap_or("alloy"), separator.unwrap_or("/")).map(Naming::Alloy)
}

fn naming(file: &NamingFile, owner: Option<&Owner>, at: &Path, report: &mut Report<'_>) -> Option<Naming> {
    let NamingFile { kind, prefix, separator } = file;
    if report.is_damaged(&at.key("type")) {
        return None;
    }
    let meaningless = |kind: &str, report: &mut Report<'_>| {
        for (key, is_set) in [("prefix", prefix.is_some()), ("separator", separator.is_some())] {
            if is_set {
                let message = format!("`{key}` has no meaning for the type `{kind}`");
                report.error_at_key(&at.key(key), message, "remove it");
            }
        }
    };
    match kind {
        NamingType::Owner => {
            meaningless("owner", report);
            owner.cloned().map(Naming::Owner)
        }
        NamingType::Verbatim => {
            meaningless("verbatim", report);
            Some(Naming::Verbatim)
        }
        NamingType::Alloy => {
            let faulty = |error: AlloyNamingError| {
                let key = if matches!(error, AlloyNamingError::NoPrefix) { "prefix" } else { "separator" };
                report.error(&at.key(key), error.to_string(), "");
            };
            alloy(prefix.as_deref(), separator.as_deref()).map_err(faulty).ok()
        }
    }
}

/// Reports names as declared where nothing declares or records them.
fn verbatim_without_files_or_records(file: &File, report: &mut Report<'_>) {
    let of_rulers =
        file.rulers.iter().enumerate().map(|(index, ruler)| (Path::of("rulers").item(index), &ruler.naming));
    let of_routes =
        file.routes.iter().enumerate().map(|(index, route)| (Path::of("routes").item(index), &route.naming));
    let own =
        of_rulers.chain(of_routes).filter_map(|(at, naming)| Some((at.key("naming"), naming.as_ref()?)));
    let all: Vec<(Path, &NamingFile)> =
        std::iter::once((Path::of("naming"), &file.naming)).chain(own).collect();
    let is_off = file.inventory.as_ref().is_some_and(|inventory| inventory.kind == InventoryType::Off);
    let has_files = file.sources.iter().any(|source| source.kind == SourceType::Files);
    for (at, _) in all.into_iter().filter(|(_, naming)| naming.kind == NamingType::Verbatim) {
        if is_off {
            let message = "the naming `verbatim` needs an inventory, which records what was written";
            report.error(&at.key("type"), message, "remove `inventory: {type: off}`");
        }
        if !has_files {
            let message =
                "the naming `verbatim` is for rule files, and there is no source of the type `files`";
            report.error(&at.key("type"), message, "use the naming `owner`");
        }
    }
}
