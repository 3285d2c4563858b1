//! What every file claims, and what follows: which file an object is taken from, and what is to be said of it. Pure:
//! the texts come from `poll`.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use rulesync_core::{Finding, ObjectId, Place, Position, RULE_FILE, RuleObject, SourceEvent};

use crate::identity::{Identities, shown};
use crate::manifest::{Broken, Contents, Read};

/// The objects of all files. Their content is not kept, only a digest.
#[derive(Debug)]
pub(crate) struct Index {
    identities: Identities,
    files: BTreeMap<PathBuf, BTreeSet<ObjectId>>,
    claims: BTreeMap<ObjectId, BTreeMap<PathBuf, Claim>>,
    /// A digest of what was last said of each object.
    said: BTreeMap<ObjectId, u64>,
    /// Objects that no file claims any more; the next look confirms it.
    vanishing: BTreeSet<ObjectId>,
    /// Objects whose claims changed since [`Index::events`].
    touched: BTreeSet<ObjectId>,
}

/// What a file says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Claim {
    /// This is its content.
    Readable {
        digest: u64,
        /// Where in the file; more than one if the file declares it more than once, and then the first counts.
        positions: Vec<Position>,
    },
    /// It is, or was, in this file, and cannot be read.
    Broken(Finding),
}

/// Content by file and object, as far as it is at hand.
pub(crate) type Bodies = BTreeMap<(PathBuf, ObjectId), RuleObject>;

impl Index {
    pub(crate) fn new(identities: Identities) -> Self {
        Self {
            identities,
            files: BTreeMap::new(),
            claims: BTreeMap::new(),
            said: BTreeMap::new(),
            vanishing: BTreeSet::new(),
            touched: BTreeSet::new(),
        }
    }

    pub(crate) fn identities(&self) -> &Identities {
        &self.identities
    }

    /// The file is gone, with all that it claims.
    pub(crate) fn remove(&mut self, path: &Path) {
        self.claim(path, BTreeMap::new());
        self.files.remove(path);
    }

    /// The file has these contents. Its objects go to `bodies`.
    pub(crate) fn set(&mut self, path: &Path, contents: Contents, bodies: &mut Bodies) {
        let mut claims = BTreeMap::new();
        for Read { object, position } in contents.objects {
            let digest = digest(&object);
            let claim = claims
                .entry(object.id.clone())
                .or_insert_with(|| Claim::Readable { digest, positions: Vec::new() });
            if let Claim::Readable { positions, .. } = claim {
                positions.push(position);
            }
            bodies.entry((path.to_path_buf(), object.id.clone())).or_insert(object);
        }
        let mut unknown = None;
        for Broken { id, finding } in contents.broken {
            match id {
                Some(id) => drop(claims.entry(id).or_insert(Claim::Broken(finding))),
                None => drop(unknown.get_or_insert(finding)),
            }
        }
        if let Some(finding) = unknown {
            // It must be one of the objects that were here and are not seen now, or else a new one.
            let mut missing: Vec<ObjectId> = self.files.get(path).into_iter().flatten().cloned().collect();
            missing.retain(|id| !claims.contains_key(id));
            if missing.is_empty() {
                missing.push(self.identities.file(path));
            }
            for id in missing {
                claims.insert(id, Claim::Broken(finding.clone()));
            }
        }
        self.claim(path, claims);
    }

    fn claim(&mut self, path: &Path, claims: BTreeMap<ObjectId, Claim>) {
        let ids: BTreeSet<ObjectId> = claims.keys().cloned().collect();
        let before = self.files.insert(path.to_path_buf(), ids).unwrap_or_default();
        for id in before.into_iter().filter(|id| !claims.contains_key(id)) {
            if let Some(places) = self.claims.get_mut(&id) {
                places.remove(path);
                if places.is_empty() {
                    self.claims.remove(&id);
                }
            }
            self.touched.insert(id);
        }
        for (id, claim) in claims {
            let places = self.claims.entry(id.clone()).or_default();
            if places.insert(path.to_path_buf(), claim.clone()).as_ref() != Some(&claim) {
                self.touched.insert(id);
            }
        }
    }

    /// Files that must be read before [`Index::events`]: an object whose content is not at hand is now taken from
    /// there.
    pub(crate) fn wanted(&self, bodies: &Bodies) -> BTreeSet<PathBuf> {
        self.touched
            .iter()
            .filter_map(|id| {
                let (path, verdict) = self.verdict(id)?;
                let known = self.said.get(id) == Some(&verdict.digest());
                let needs_content = matches!(verdict, Verdict::Readable(..)) && !known;
                let path = path.to_path_buf();
                (needs_content && !bodies.contains_key(&(path.clone(), id.clone()))).then_some(path)
            })
            .collect()
    }

    /// What is to be said, given that everything was looked at. Objects that vanished are deleted if they were
    /// missing at the time before, too.
    pub(crate) fn events(&mut self, mut bodies: Bodies) -> Vec<SourceEvent> {
        let mut events = Vec::new();
        let mut vanished = BTreeSet::new();
        for id in std::mem::take(&mut self.touched) {
            let Some((path, verdict)) = self.verdict(&id) else {
                if self.said.contains_key(&id) {
                    vanished.insert(id);
                }
                continue;
            };
            let digest = verdict.digest();
            if self.said.get(&id) == Some(&digest) {
                continue;
            }
            let event = match verdict {
                Verdict::Broken(finding) => {
                    // A file stands for objects of unknown names; what is named stands for itself.
                    let hides = id.kind() == RULE_FILE;
                    SourceEvent::Malformed { id: id.clone(), finding: finding.clone(), hides }
                }
                Verdict::Readable(_, warnings) => match bodies.remove(&(path.to_path_buf(), id.clone())) {
                    Some(mut object) => {
                        object.findings.extend(warnings);
                        SourceEvent::Upsert(object)
                    }
                    // The file changed under our eyes: the next look has it.
                    None => {
                        self.touched.insert(id);
                        continue;
                    }
                },
            };
            events.push(event);
            self.said.insert(id, digest);
        }
        for id in std::mem::replace(&mut self.vanishing, vanished) {
            if !self.claims.contains_key(&id) {
                self.vanishing.remove(&id);
                self.said.remove(&id);
                events.push(SourceEvent::Delete(id));
            }
        }
        events
    }

    /// Whether something waits for the next look.
    pub(crate) fn is_unsure(&self) -> bool {
        !self.vanishing.is_empty() || !self.touched.is_empty()
    }

    /// The file that an object is taken from, and what is to be said of the object; none if no file claims it.
    fn verdict(&self, id: &ObjectId) -> Option<(&Path, Verdict<'_>)> {
        let mut claims = self.claims.get(id)?.iter();
        let (path, claim) = claims.next()?;
        let verdict = match claim {
            Claim::Broken(finding) => Verdict::Broken(finding),
            Claim::Readable { digest, positions } => {
                let again = positions.iter().skip(1).map(|position| duplicate(path, Some(*position)));
                let elsewhere = claims.map(|(path, claim)| duplicate(path, claim.position()));
                Verdict::Readable(*digest, again.chain(elsewhere).collect())
            }
        };
        Some((path, verdict))
    }
}

impl Claim {
    fn position(&self) -> Option<Position> {
        match self {
            Self::Readable { positions, .. } => positions.first().copied(),
            Self::Broken(finding) => finding.place.position,
        }
    }
}

/// What is to be said of an object.
enum Verdict<'a> {
    Readable(u64, Vec<Finding>),
    Broken(&'a Finding),
}

impl Verdict<'_> {
    fn digest(&self) -> u64 {
        match self {
            Self::Readable(content, warnings) => digest_of(&(true, content, warnings)),
            Self::Broken(finding) => digest_of(&(false, finding)),
        }
    }
}

fn duplicate(path: &Path, position: Option<Position>) -> Finding {
    let place = Place { file: Some(shown(path)), position, ..Place::default() };
    Finding::warning("duplicate-object", "the object is declared once more here, which is ignored")
        .at(place)
        .hint("the first file by name counts: remove or rename one of them")
}

/// Tells a changed object from a repeated one within this process.
fn digest(object: &RuleObject) -> u64 {
    let RuleObject { id: _, uid, created, labels, tenant, annotations, groups, findings } = object;
    digest_of(&(uid, created, labels, tenant, annotations, groups, findings))
}

fn digest_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
