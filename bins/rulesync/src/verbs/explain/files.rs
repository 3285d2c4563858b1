//! Explains from a configuration and files, without a daemon.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rulesync_config::Config;
use rulesync_core::check::Checker;
use rulesync_core::engine::Setup;
use rulesync_core::explain::{Explained, ObjectRef};
use rulesync_core::finding::Finding;
use rulesync_core::naming::NamingInput;
use rulesync_core::route::NamespaceMetadata;
use rulesync_core::{ObjectId, RuleObject};
use rulesync_files::manifest::BrokenDocument;

use super::question::Question;
use crate::failure::Failure;
use crate::input::{InputFile, InputPath, Inputs};

/// What files declare.
#[derive(Default)]
struct Declared {
    /// The objects, each with its file.
    objects: Vec<(RuleObject, String)>,
    namespaces: HashMap<String, NamespaceMetadata>,
    /// Documents that cannot be read, each with the object that it may be.
    broken: Vec<(Option<ObjectId>, Finding)>,
}

/// What a configuration and files do not say.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfWhom<'a> {
    /// The owner, for a configuration that names none.
    pub(super) owner: Option<&'a str>,
    /// The source whose objects the files have.
    pub(super) source: Option<&'a str>,
}

/// Returns the explanation from a configuration and the files at these paths, or else those of its sources.
pub(super) async fn explain(
    config: &Path,
    OfWhom { owner, source }: OfWhom<'_>,
    paths: &[PathBuf],
    question: &Question,
) -> Result<Explained, Failure> {
    let config = Config::read_with_owner(config, owner).await?.validate()?;
    let setup = config.describe_for(source)?;
    let inputs: Vec<InputPath> = match paths {
        [] => config.file_sources().map(|(path, glob)| InputPath { path, glob: glob.to_vec() }).collect(),
        paths => paths.iter().map(|path| whole(path)).collect(),
    };
    let declared = Declared::read(&inputs)?;
    match question {
        Question::Object(object) if inputs.is_empty() => Err(Failure::Usage(format!(
            "the sources of the configuration are no files: give those that declare {object} with --files, such as what \
             `kubectl get -o yaml` prints, or ask the daemon with --daemon"
        ))),
        Question::Object(object) => declared.explain(&setup, object),
        Question::File(path) => {
            let Declared { objects, namespaces, .. } = declared;
            let is_there = |(_, file): &(RuleObject, String)| is_same(Path::new(file), path);
            // As a file of a source, it has the name that the source gives it.
            let of_source: Vec<(RuleObject, String)> = objects.into_iter().filter(is_there).collect();
            let mut asked = match of_source.is_empty() {
                true => Declared::read(&[whole(path)])?,
                false => Declared { objects: of_source, ..Declared::default() },
            };
            let (mut known, found) = (namespaces, std::mem::take(&mut asked.namespaces));
            known.extend(found);
            let object = asked.only(path)?;
            let explanation = Checker::new(&setup).explain(object.clone(), known.get(object.id.namespace()));
            let mut explained = Explained::new(setup.namespace_policy.owner.to_string(), false);
            explained.objects.push(explanation);
            Ok(explained)
        }
        Question::Namespace(namespace, at) => {
            let Declared { objects, namespaces, .. } = declared;
            let checker = Checker::new(&setup);
            let mut requested = Vec::new();
            for (object, _) in &objects {
                let labels = namespaces.get(object.id.namespace());
                let goes_to = checker.check(object.clone(), labels).destinations.into_iter();
                requested.extend(goes_to.map(|there| there.destination));
            }
            let named: Vec<NamingInput<'_>> =
                objects.iter().map(|(object, _)| naming_input(object)).collect();
            let explained = setup.explain_namespace(namespace, at, &named, &requested);
            if explained.namespaces.is_empty() {
                let message = "no route leads to such a destination for certain; where routes take the tenant from objects, \
                               --tenant says which is meant";
                return Err(Failure::Missing(message.to_owned()));
            }
            Ok(explained)
        }
    }
}

/// Returns the only object of a file.
pub(super) fn only_object(path: &Path) -> Result<RuleObject, Failure> {
    Declared::read(&[whole(path)])?.only(path)
}

/// Returns a path with everything below it.
fn whole(path: &Path) -> InputPath {
    InputPath { path: path.to_owned(), glob: Vec::new() }
}

fn naming_input(object: &RuleObject) -> NamingInput<'_> {
    NamingInput {
        id: &object.id,
        uid: object.uid.as_deref(),
        ruler_namespace: object.ruler_namespace.as_deref(),
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().ok();
    whole(one).is_some_and(|one| Some(one) == whole(other))
}

impl Declared {
    fn read(paths: &[InputPath]) -> Result<Self, Failure> {
        let inputs = Inputs::list(paths, None)?;
        if !inputs.errors.is_empty() {
            return Err(Failure::Several(inputs.errors));
        }
        let mut declared = Self::default();
        for InputFile { shown, contents, .. } in inputs.files() {
            let objects = contents.objects.into_iter().map(|parsed| (parsed.object, shown.clone()));
            declared.objects.extend(objects);
            let namespaces = contents.namespaces.into_iter();
            declared.namespaces.extend(namespaces.map(|namespace| (namespace.name, namespace.metadata)));
            let broken = contents.broken.into_iter().filter(|broken| broken.is_rule_like);
            declared.broken.extend(broken.map(|BrokenDocument { id, finding, .. }| (id, finding)));
        }
        Ok(declared)
    }

    /// Returns the only object.
    fn only(mut self, path: &Path) -> Result<RuleObject, Failure> {
        let shown = path.display();
        match (self.objects.len(), self.broken.first()) {
            (1, _) => Ok(self.objects.remove(0).0),
            (0, Some((_, finding))) => Err(Failure::Input(format!("{shown}: {finding}"))),
            (0, None) => Err(Failure::Input(format!("{shown} has no object with rules"))),
            (several, _) => {
                let name = |(object, _): &(RuleObject, String)| ObjectRef::from(&object.id).to_string();
                let names: Vec<String> = self.objects.iter().map(name).collect();
                Err(Failure::Usage(format!(
                    "{shown} has {several} objects: name one of them ({}) and give the file with --files",
                    names.join(", ")
                )))
            }
        }
    }

    fn explain(self, setup: &Setup, object: &ObjectRef) -> Result<Explained, Failure> {
        let Self { objects, namespaces, broken } = self;
        let checker = Checker::new(setup);
        let mut explained = Explained::new(setup.namespace_policy.owner.to_string(), false);
        for (found, _) in objects.into_iter().filter(|(found, _)| object.names(&found.id)) {
            let namespace = namespaces.get(found.id.namespace());
            explained.objects.push(checker.explain(found, namespace));
        }
        let is_asked =
            |(id, _): &&(Option<ObjectId>, Finding)| id.as_ref().is_some_and(|id| object.names(id));
        match broken.iter().find(is_asked) {
            Some((_, finding)) if explained.objects.is_empty() => {
                Err(Failure::Input(format!("{object} cannot be read: {finding}")))
            }
            _ => Ok(explained),
        }
    }
}
