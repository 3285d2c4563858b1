//! The declarations of all files: decides which files an object is read from and which events to emit. Pure; `poll`
//! reads the files.

mod declarations;
mod digest;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rulesync_core::finding::{Code, Location, Position, Severity};
use rulesync_core::model::{ObjectVersion, RULE_FILE};
use rulesync_core::{Finding, ObjectId, RuleObject, SourceEvent};

use crate::identity::Identities;
use crate::manifest::{BrokenDocument, Contents, ParsedObject, join_parts};
pub(crate) use declarations::Declared;
use declarations::{Declaration, FileDeclarations};
use digest::digest_of;

/// The objects of all files. Only a digest of their content is kept.
#[derive(Debug)]
pub(crate) struct Index {
    identities: Identities,
    files: BTreeMap<PathBuf, FileDeclarations>,
    /// What files declared when that was last known; `None` if it is unknown.
    remembered: Option<Declared>,
    declarations: BTreeMap<ObjectId, BTreeMap<PathBuf, Declaration>>,
    /// A digest of the last event of each object.
    reported: BTreeMap<ObjectId, u64>,
    /// A digest of the groups in the last `Upsert` of each object.
    groups: BTreeMap<ObjectId, u64>,
    /// Objects that no file declares any more; the next poll confirms their deletion.
    vanishing: BTreeSet<ObjectId>,
    /// The objects that replaced others in their files, by the replaced object.
    successors: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// Objects whose declarations changed since [`Index::events`].
    changed: BTreeSet<ObjectId>,
    /// Set if the declarations of any file changed since [`Index::take_changed`].
    declarations_changed: bool,
}

/// The available content of objects, by file and object.
pub(crate) type Bodies = BTreeMap<(PathBuf, ObjectId), RuleObject>;

impl Index {
    pub(crate) fn new(identities: Identities) -> Self {
        Self {
            identities,
            files: BTreeMap::new(),
            remembered: None,
            declarations: BTreeMap::new(),
            reported: BTreeMap::new(),
            groups: BTreeMap::new(),
            vanishing: BTreeSet::new(),
            successors: BTreeMap::new(),
            changed: BTreeSet::new(),
            declarations_changed: false,
        }
    }

    /// Sets the declarations that an earlier process stored; `None` if they are unknown.
    pub(crate) fn recall(&mut self, remembered: Option<Declared>) {
        self.remembered = remembered;
    }

    /// Marks all files as read: files that appear from now on are new.
    pub(crate) fn mark_complete(&mut self) {
        self.remembered = Some(Declared::default());
    }

    /// Returns `true` if the declarations of files changed since the last call.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.declarations_changed)
    }

    pub(crate) fn identities(&self) -> &Identities {
        &self.identities
    }

    /// Removes a file with all its declarations.
    pub(crate) fn remove(&mut self, path: &Path) {
        self.declare(path, FileDeclarations::default());
        self.files.remove(path);
        if let Some(remembered) = &mut self.remembered {
            remembered.forget(path);
        }
    }

    /// Sets the contents of a file. Moves its objects to `bodies`.
    pub(crate) fn set(&mut self, path: &Path, contents: Contents, bodies: &mut Bodies) {
        let before = self.previous(path);
        let mut declarations =
            FileDeclarations::of(contents.objects.iter().map(|read| (&read.object, read.position)));
        for ParsedObject { object, .. } in contents.objects {
            bodies.entry((path.to_path_buf(), object.id.clone())).or_insert(object);
        }
        declarations.understood = contents.broken.is_empty();
        let mut unidentified = None;
        for broken in &contents.broken {
            match &broken.id {
                // An object that is new and not understood is only a warning.
                Some(id) if before.declared.contains(id) || broken.finding.code != Code::NotUnderstood => {
                    declarations.add_broken(id, &broken.finding);
                }
                Some(id) => declarations.add_broken(id, &as_warning(&broken.finding)),
                None if unidentified.is_none_or(|other: &BrokenDocument| !other.is_rule_like) => {
                    unidentified = Some(broken);
                }
                None => {}
            }
        }
        if let Some(broken) = contents.broken.first() {
            let reason = unidentified.map_or(&broken.finding, |broken| &broken.finding);
            // A file that is not understood is not trusted when it declares fewer objects.
            let missing = before.declared.iter().filter(|id| {
                // The broken part may belong to the rule file of the same name.
                !declarations.declares(id) || (unidentified.is_some() && id.kind() == RULE_FILE)
            });
            let missing: Vec<&ObjectId> = missing.collect();
            missing.iter().for_each(|id| declarations.add_missing(id, reason));
            let nothing_missing = missing.is_empty();
            if let Some(broken) = unidentified {
                if !before.is_known && broken.is_rule_like {
                    declarations.add_unknown(&self.identities.file(path), &broken.finding);
                } else if nothing_missing {
                    self.report_new(path, broken, &mut declarations, bodies);
                }
            }
        }
        declarations.inherit(before);
        self.declare(path, declarations);
    }

    /// Reports a broken document of unknown identity, while no known object is missing.
    fn report_new(
        &self,
        path: &Path,
        broken: &BrokenDocument,
        declarations: &mut FileDeclarations,
        bodies: &mut Bodies,
    ) {
        let BrokenDocument { is_rule_like, finding, .. } = broken;
        let file = self.identities.file(path);
        if !is_rule_like {
            let (file, message) = (self.identities.display_path(path), &finding.message);
            tracing::debug!(file, message, "Ignored a document that holds no rules");
        } else if finding.code == Code::NotUnderstood {
            // A file that never contained rules deserves only a warning.
            let notice = bodies
                .entry((path.to_path_buf(), file.clone()))
                .or_insert_with(|| RuleObject::new(file, Vec::new()));
            notice.findings.push(as_warning(finding));
            declarations.add_notice(notice, finding.location.position);
        } else if !declarations.declares(&file) {
            declarations.add_broken(&file, finding);
        }
    }

    /// The declarations of a file that were known before it is read.
    fn previous(&self, path: &Path) -> declarations::Previous {
        match (self.files.get(path), &self.remembered) {
            (Some(file), _) => file.previous(),
            (None, Some(remembered)) => remembered.previous(path, &self.identities),
            (None, None) => declarations::Previous::default(),
        }
    }

    /// The declarations of every file, to be stored for the next process.
    pub(crate) fn declared(&self) -> Declared {
        let files = self.files.iter().map(|(path, file)| (path.as_path(), file));
        Declared::of(files)
    }

    fn declare(&mut self, path: &Path, declarations: FileDeclarations) {
        let former = self.files.remove(path).unwrap_or_default();
        self.declarations_changed |= former.remembered().ne(declarations.remembered());
        let before: BTreeSet<ObjectId> = former.ids().cloned().collect();
        let lost = before.iter().filter(|id| !declarations.declares(id)).cloned();
        for id in lost.collect::<Vec<_>>() {
            if let Some(places) = self.declarations.get_mut(&id) {
                places.remove(path);
                if places.is_empty() {
                    self.declarations.remove(&id);
                }
            }
            // An object that a file declares instead of another is most likely the same one under another name.
            let same_kind = |other: &&ObjectId| other.kind() == id.kind() && !before.contains(*other);
            let gained: BTreeSet<ObjectId> = declarations.readable().filter(same_kind).cloned().collect();
            self.successors.insert(id.clone(), gained);
            self.changed.insert(id);
        }
        for (id, declaration) in declarations.declarations() {
            let places = self.declarations.entry(id.clone()).or_default();
            if places.insert(path.to_path_buf(), declaration.clone()).as_ref() != Some(declaration) {
                self.changed.insert(id.clone());
            }
        }
        self.files.insert(path.to_path_buf(), declarations);
    }

    /// The files that must be read before [`Index::events`]: they now provide an object whose content is not in
    /// `bodies`.
    pub(crate) fn files_to_read(&self, bodies: &Bodies) -> BTreeSet<PathBuf> {
        let mut files_to_read = BTreeSet::new();
        for id in &self.changed {
            let Some(resolved) = self.resolve(id) else { continue };
            if self.reported.get(id) == Some(&resolved.digest()) {
                continue;
            }
            if let Resolved::Readable { paths, .. } = resolved {
                let missing =
                    paths.into_iter().filter(|path| !bodies.contains_key(&(path.to_path_buf(), id.clone())));
                files_to_read.extend(missing.map(Path::to_path_buf));
            }
        }
        files_to_read
    }

    /// The events since the last call, given that all files were read. Vanished objects are deleted only if the
    /// previous call missed them too.
    pub(crate) fn events(&mut self, mut bodies: Bodies) -> Vec<SourceEvent> {
        let mut events = Vec::new();
        let mut vanished = BTreeSet::new();
        for id in std::mem::take(&mut self.changed) {
            let Some(resolved) = self.resolve(&id) else {
                if self.reported.contains_key(&id) {
                    vanished.insert(id);
                }
                continue;
            };
            let digest = resolved.digest();
            if self.reported.get(&id) == Some(&digest) {
                continue;
            }
            let (event, groups) = match resolved {
                Resolved::Broken { finding, hides } => (
                    SourceEvent::Malformed {
                        id: id.clone(),
                        version: ObjectVersion::default(),
                        finding: finding.clone(),
                        hides,
                    },
                    None,
                ),
                Resolved::Readable { paths, warnings, .. } => {
                    let parts: Option<Vec<RuleObject>> =
                        paths.iter().map(|path| bodies.remove(&(path.to_path_buf(), id.clone()))).collect();
                    // The file changed during the poll: the next poll reads it.
                    let Some(mut object) = parts.and_then(join_parts) else {
                        self.changed.insert(id);
                        continue;
                    };
                    object.findings.extend(warnings);
                    let groups = digest_of(&object.groups);
                    (SourceEvent::Upsert(object), Some(groups))
                }
            };
            events.push(event);
            if let Some(groups) = groups {
                self.groups.insert(id.clone(), groups);
            }
            self.reported.insert(id, digest);
        }
        for id in std::mem::replace(&mut self.vanishing, vanished) {
            if !self.declarations.contains_key(&id) {
                self.vanishing.remove(&id);
                self.reported.remove(&id);
                let to = self.successors_of(&id);
                events.push(match to.is_empty() {
                    true => SourceEvent::Delete(id),
                    false => SourceEvent::Renamed { id, to },
                });
            }
        }
        self.successors.retain(|id, _| self.vanishing.contains(id));
        events
    }

    /// The objects that replace a deleted one: those that its file declares instead, or else a rule file with the same
    /// groups, as when a file is renamed.
    fn successors_of(&mut self, id: &ObjectId) -> Vec<ObjectId> {
        let is_there =
            |other: &ObjectId| self.reported.contains_key(other) && self.groups.contains_key(other);
        let groups = self.groups.get(id).copied();
        let from_file: Vec<ObjectId> =
            self.successors.remove(id).into_iter().flatten().filter(|other| is_there(other)).collect();
        self.groups.remove(id);
        if !from_file.is_empty() || id.kind() != RULE_FILE {
            return from_file;
        }
        let same =
            |(other, digest): &(&ObjectId, &u64)| other.kind() == RULE_FILE && Some(**digest) == groups;
        self.groups.iter().filter(same).map(|(other, _)| other.clone()).take(1).collect()
    }

    /// Returns `true` if an object depends on the next poll.
    pub(crate) fn needs_confirmation(&self) -> bool {
        !self.vanishing.is_empty() || !self.changed.is_empty()
    }

    /// Determines the files that an object is read from and its findings; `None` if no file declares the object.
    fn resolve(&self, id: &ObjectId) -> Option<Resolved<'_>> {
        // Rule files of one name form one object, which is broken if one of them is.
        let is_joined = id.kind() == RULE_FILE;
        let all = self.declarations.get(id)?;
        // An object that moved to another file is not missing from its old one.
        let present = |(_, declaration): &(&PathBuf, &Declaration)| is_joined || !declaration.is_missing();
        let any_present = all.iter().any(|entry| present(&entry));
        let all = || all.iter().filter(move |entry| present(entry) || !any_present);
        let (mut paths, mut digests) = (Vec::new(), Vec::new());
        for (path, declaration) in all().take(if is_joined { usize::MAX } else { 1 }) {
            match declaration {
                Declaration::Broken { finding, hides, .. } => {
                    return Some(Resolved::Broken { finding, hides: *hides });
                }
                Declaration::Readable { digest, .. } => {
                    paths.push(path.as_path());
                    digests.push(*digest);
                }
            }
        }
        let (first, declaration) = all().next()?;
        let again = declaration.repeated().map(|position| self.duplicate(first, Some(position)));
        let elsewhere = all().skip(1).map(|(path, declaration)| self.duplicate(path, declaration.position()));
        let warnings = if is_joined { Vec::new() } else { again.chain(elsewhere).collect() };
        Some(Resolved::Readable { paths, digests, warnings })
    }

    fn duplicate(&self, path: &Path, position: Option<Position>) -> Finding {
        let location =
            Location { file: Some(self.identities.display_path(path)), position, ..Location::default() };
        Finding::warning(
            Code::DuplicateObject,
            "the object is declared again here, and this declaration is ignored",
        )
        .at(location)
        .hint("the first file by name is used: remove or rename one of them")
    }
}

/// The result of resolving the declarations of an object.
enum Resolved<'a> {
    Readable { paths: Vec<&'a Path>, digests: Vec<u64>, warnings: Vec<Finding> },
    Broken { finding: &'a Finding, hides: bool },
}

impl Resolved<'_> {
    fn digest(&self) -> u64 {
        match self {
            Self::Readable { digests, warnings, .. } => digest_of(&(true, digests, warnings)),
            Self::Broken { finding, hides } => digest_of(&(false, finding, hides)),
        }
    }
}

fn as_warning(finding: &Finding) -> Finding {
    let mut warning = finding.clone();
    warning.severity = Severity::Warning;
    warning
}

#[cfg(test)]
mod tests;
