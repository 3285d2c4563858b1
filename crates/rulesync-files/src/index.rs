//! What every file declares, and what follows: which files an object is taken from, and what is to be said of it. Pure:
//! the texts come from `poll`.

mod declarations;

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use rulesync_core::{Finding, ObjectId, Place, Position, RULE_FILE, RuleObject, Severity, SourceEvent};

use crate::identity::Identities;
use crate::manifest::{Broken, Contents, NOT_UNDERSTOOD, Read, joined};
pub(crate) use declarations::Declared;
use declarations::{Declaration, FileDeclarations};

/// The objects of all files. Their content is not kept, only a digest.
#[derive(Debug)]
pub(crate) struct Index {
    identities: Identities,
    files: BTreeMap<PathBuf, FileDeclarations>,
    /// What files declared when this was known last; none if nobody remembers.
    remembered: Option<Declared>,
    declarations: BTreeMap<ObjectId, BTreeMap<PathBuf, Declaration>>,
    /// A digest of what was last said of each object.
    said: BTreeMap<ObjectId, u64>,
    /// A digest of the groups that each object was last said to have.
    groups: BTreeMap<ObjectId, u64>,
    /// Objects that no file declares any more; the next look confirms it.
    vanishing: BTreeSet<ObjectId>,
    /// The objects that took the place of others in their files.
    successors: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// Objects whose declarations changed since [`Index::events`].
    touched: BTreeSet<ObjectId>,
    /// Whether any file declares something else since [`Index::take_news`].
    news: bool,
}

/// Content by file and object, as far as it is at hand.
pub(crate) type Bodies = BTreeMap<(PathBuf, ObjectId), RuleObject>;

impl Index {
    pub(crate) fn new(identities: Identities) -> Self {
        Self {
            identities,
            files: BTreeMap::new(),
            remembered: None,
            declarations: BTreeMap::new(),
            said: BTreeMap::new(),
            groups: BTreeMap::new(),
            vanishing: BTreeSet::new(),
            successors: BTreeMap::new(),
            touched: BTreeSet::new(),
            news: false,
        }
    }

    /// What an earlier process knew of the files; none if nobody does.
    pub(crate) fn recall(&mut self, remembered: Option<Declared>) {
        self.remembered = remembered;
    }

    /// Every file was looked at: those that come from now on are new.
    pub(crate) fn complete(&mut self) {
        self.remembered = Some(Declared::default());
    }

    /// Whether files declare something else than when this was asked last.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    pub(crate) fn identities(&self) -> &Identities {
        &self.identities
    }

    /// The file is gone, with all that it declares.
    pub(crate) fn remove(&mut self, path: &Path) {
        self.declare(path, FileDeclarations::default());
        self.files.remove(path);
        if let Some(remembered) = &mut self.remembered {
            remembered.forget(path);
        }
    }

    /// The file has these contents. Its objects go to `bodies`.
    pub(crate) fn set(&mut self, path: &Path, contents: Contents, bodies: &mut Bodies) {
        let before = self.known_of(path);
        let mut of_file =
            FileDeclarations::of(contents.objects.iter().map(|read| (&read.object, read.position)));
        for Read { object, .. } in contents.objects {
            bodies.entry((path.to_path_buf(), object.id.clone())).or_insert(object);
        }
        of_file.understood = contents.broken.is_empty();
        let mut nameless = None;
        for broken in &contents.broken {
            match &broken.id {
                // What is there and new is worth a warning, unless it is broken.
                Some(id) if before.declared.contains(id) || broken.finding.code != NOT_UNDERSTOOD => {
                    of_file.break_object(id, &broken.finding);
                }
                Some(id) => of_file.break_object(id, &as_warning(&broken.finding)),
                None if nameless.is_none_or(|other: &Broken| !other.is_rule_like) => {
                    nameless = Some(broken);
                }
                None => {}
            }
        }
        if let Some(broken) = contents.broken.first() {
            let reason = nameless.map_or(&broken.finding, |broken| &broken.finding);
            // A file that is not understood is not believed when it declares less.
            let missing = before.declared.iter().filter(|id| {
                // What stands in the broken part may be of the same name.
                !of_file.declares(id) || (nameless.is_some() && id.kind() == RULE_FILE)
            });
            let missing: Vec<&ObjectId> = missing.collect();
            missing.iter().for_each(|id| of_file.miss_object(id, reason));
            let nothing_missing = missing.is_empty();
            if let Some(broken) = nameless {
                if !before.is_known && broken.is_rule_like {
                    of_file.hide_behind(&self.identities.file(path), &broken.finding);
                } else if nothing_missing {
                    self.tell_of_new(path, broken, &mut of_file, bodies);
                }
            }
        }
        of_file.remember(before);
        self.declare(path, of_file);
    }

    /// Tells of a document that took nothing away and is none of what is known.
    fn tell_of_new(&self, path: &Path, broken: &Broken, of_file: &mut FileDeclarations, bodies: &mut Bodies) {
        let Broken { is_rule_like, finding, .. } = broken;
        let file = self.identities.file(path);
        if !is_rule_like {
            let (file, message) = (self.identities.shown(path), &finding.message);
            tracing::debug!(file, message, "Ignored a document that holds no rules");
        } else if finding.code == NOT_UNDERSTOOD {
            // A file that never held rules is no reason to be alarmed.
            let notice = bodies
                .entry((path.to_path_buf(), file.clone()))
                .or_insert_with(|| RuleObject::new(file, Vec::new()));
            notice.findings.push(as_warning(finding));
            of_file.notice(notice, finding.place.position);
        } else if !of_file.declares(&file) {
            of_file.break_object(&file, finding);
        }
    }

    /// What is known of a file's declarations before it is read.
    fn known_of(&self, path: &Path) -> declarations::Before {
        match (self.files.get(path), &self.remembered) {
            (Some(file), _) => file.before(),
            (None, Some(remembered)) => remembered.before(path, &self.identities),
            (None, None) => declarations::Before::default(),
        }
    }

    /// What every file declares, for whoever starts after us.
    pub(crate) fn declared(&self) -> Declared {
        let files = self.files.iter().map(|(path, file)| (path.as_path(), file));
        Declared::of(files)
    }

    fn declare(&mut self, path: &Path, of_file: FileDeclarations) {
        let former = self.files.remove(path).unwrap_or_default();
        self.news |= former.remembered().ne(of_file.remembered());
        let before: BTreeSet<ObjectId> = former.ids().cloned().collect();
        let lost = before.iter().filter(|id| !of_file.declares(id)).cloned();
        for id in lost.collect::<Vec<_>>() {
            if let Some(places) = self.declarations.get_mut(&id) {
                places.remove(path);
                if places.is_empty() {
                    self.declarations.remove(&id);
                }
            }
            // What a file declares in place of another object is most likely that, by another name.
            let same_kind = |other: &&ObjectId| other.kind() == id.kind() && !before.contains(*other);
            let gained: BTreeSet<ObjectId> = of_file.readable().filter(same_kind).cloned().collect();
            self.successors.insert(id.clone(), gained);
            self.touched.insert(id);
        }
        for (id, declaration) in of_file.declarations() {
            let places = self.declarations.entry(id.clone()).or_default();
            if places.insert(path.to_path_buf(), declaration.clone()).as_ref() != Some(declaration) {
                self.touched.insert(id.clone());
            }
        }
        self.files.insert(path.to_path_buf(), of_file);
    }

    /// Files that must be read before [`Index::events`]: an object whose content is not at hand is now taken from
    /// there.
    pub(crate) fn wanted(&self, bodies: &Bodies) -> BTreeSet<PathBuf> {
        let mut wanted = BTreeSet::new();
        for id in &self.touched {
            let Some(verdict) = self.verdict(id) else { continue };
            if self.said.get(id) == Some(&verdict.digest()) {
                continue;
            }
            if let Verdict::Readable { paths, .. } = verdict {
                let missing =
                    paths.into_iter().filter(|path| !bodies.contains_key(&(path.to_path_buf(), id.clone())));
                wanted.extend(missing.map(Path::to_path_buf));
            }
        }
        wanted
    }

    /// What is to be said, given that everything was looked at. Objects that vanished are deleted if they were
    /// missing at the time before, too.
    pub(crate) fn events(&mut self, mut bodies: Bodies) -> Vec<SourceEvent> {
        let mut events = Vec::new();
        let mut vanished = BTreeSet::new();
        for id in std::mem::take(&mut self.touched) {
            let Some(verdict) = self.verdict(&id) else {
                if self.said.contains_key(&id) {
                    vanished.insert(id);
                }
                continue;
            };
            let digest = verdict.digest();
            if self.said.get(&id) == Some(&digest) {
                continue;
            }
            let (event, groups) = match verdict {
                Verdict::Broken { finding, hides } => {
                    (SourceEvent::Malformed { id: id.clone(), finding: finding.clone(), hides }, None)
                }
                Verdict::Readable { paths, warnings, .. } => {
                    let parts: Option<Vec<RuleObject>> =
                        paths.iter().map(|path| bodies.remove(&(path.to_path_buf(), id.clone()))).collect();
                    // The file changed under our eyes: the next look has it.
                    let Some(mut object) = parts.and_then(joined) else {
                        self.touched.insert(id);
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
            self.said.insert(id, digest);
        }
        for id in std::mem::replace(&mut self.vanishing, vanished) {
            if !self.declarations.contains_key(&id) {
                self.vanishing.remove(&id);
                self.said.remove(&id);
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

    /// The objects that have the rules of one that is gone: what its file declares in its place, or else one that is new
    /// with the same groups, as when a file is renamed.
    fn successors_of(&mut self, id: &ObjectId) -> Vec<ObjectId> {
        let is_there = |other: &ObjectId| self.said.contains_key(other) && self.groups.contains_key(other);
        let groups = self.groups.get(id).copied();
        let of_file: Vec<ObjectId> =
            self.successors.remove(id).into_iter().flatten().filter(|other| is_there(other)).collect();
        self.groups.remove(id);
        if !of_file.is_empty() || id.kind() != RULE_FILE {
            return of_file;
        }
        let same =
            |(other, digest): &(&ObjectId, &u64)| other.kind() == RULE_FILE && Some(**digest) == groups;
        self.groups.iter().filter(same).map(|(other, _)| other.clone()).take(1).collect()
    }

    /// Whether something waits for the next look.
    pub(crate) fn is_unsure(&self) -> bool {
        !self.vanishing.is_empty() || !self.touched.is_empty()
    }

    /// The files that an object is taken from, and what is to be said of the object; none if no file declares it.
    fn verdict(&self, id: &ObjectId) -> Option<Verdict<'_>> {
        // Files of one name are one object together, so that it is broken where one of them is.
        let is_joined = id.kind() == RULE_FILE;
        let all = self.declarations.get(id)?;
        // An object that has moved elsewhere is not missing where it was.
        let there = |(_, declaration): &(&PathBuf, &Declaration)| is_joined || !declaration.is_missing();
        let some_are = all.iter().any(|entry| there(&entry));
        let all = || all.iter().filter(move |entry| there(entry) || !some_are);
        let (mut paths, mut digests) = (Vec::new(), Vec::new());
        for (path, declaration) in all().take(if is_joined { usize::MAX } else { 1 }) {
            match declaration {
                Declaration::Broken { finding, hides, .. } => {
                    return Some(Verdict::Broken { finding, hides: *hides });
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
        Some(Verdict::Readable { paths, digests, warnings })
    }

    fn duplicate(&self, path: &Path, position: Option<Position>) -> Finding {
        let place = Place { file: Some(self.identities.shown(path)), position, ..Place::default() };
        Finding::warning("duplicate-object", "the object is declared once more here, which is ignored")
            .at(place)
            .hint("the first file by name counts: remove or rename one of them")
    }
}

/// What is to be said of an object.
enum Verdict<'a> {
    Readable { paths: Vec<&'a Path>, digests: Vec<u64>, warnings: Vec<Finding> },
    Broken { finding: &'a Finding, hides: bool },
}

impl Verdict<'_> {
    fn digest(&self) -> u64 {
        match self {
            Self::Readable { digests, warnings, .. } => digest_of(&(true, digests, warnings)),
            Self::Broken { finding, hides } => digest_of(&(false, finding, hides)),
        }
    }
}

fn as_warning(finding: &Finding) -> Finding {
    Finding { severity: Severity::Warning, ..finding.clone() }
}

fn digest_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
