//! `check`: everything that is wrong with rules, as far as can be known without a ruler.

mod repetitions;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;
use rulesync_core::finding::{Code, Finding, Severity};
use rulesync_core::model::KINDS;
use rulesync_core::route::NamespaceMetadata;
use rulesync_files::manifest::{BrokenDocument, Contents, ParsedObject};

use crate::failure::Failure;
use crate::input::{InputArgs, InputFile, Inputs};
use crate::judge::{Judge, Kind};
use crate::output::OutputArgs;
use crate::report::{CheckedObject, Counts, Destination, Problems, Report};
use repetitions::Repetitions;

/// Check rules as far as can be known without a ruler, and print all errors and warnings.
///
/// Expressions, templates, names and structure are checked for the ruler that evaluates them: with --config as its routes
/// send each object, with its labels, matchers, permissions and limits; with --ruler for one kind of ruler; otherwise for
/// Mimir, and for Loki where the kind of an object, or its annotation rulesync.dev/dialect, says that it is LogQL. No
/// request is sent, and no secret is read. Exits with 0 if nothing is wrong, else 1.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,

    /// The kind of ruler that the rules are for.
    #[arg(long, value_name = "KIND", conflicts_with = "config")]
    ruler: Option<Kind>,

    /// The configuration whose routes send the objects. Without a PATH, the files of its sources are checked. Without
    /// --ruler, the variable counts, too [env: RULESYNC_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// With --config: the source whose objects these are, where the configuration has routes for some sources alone.
    #[arg(long, value_name = "NAME", conflicts_with = "ruler")]
    source: Option<String>,

    /// The least severity that makes the check fail.
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    fail_on: FailOn,

    #[command(flatten)]
    output: OutputArgs,
}

/// The least severity that makes a check fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Errors.
    Error,
    /// Warnings and errors.
    Warning,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let config = args.config.or_else(|| {
        let variable = std::env::var_os("RULESYNC_CONFIG").filter(|path| !path.is_empty());
        variable.filter(|_| args.ruler.is_none()).map(PathBuf::from)
    });
    let (judge, paths) = Judge::new(args.ruler, config.as_deref(), args.source.as_deref()).await?;
    let inputs = args.input.list(paths)?;
    let report = check(&judge, &inputs);
    args.output.print(&report)?;
    let limit = match args.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
    };
    Ok(if report.has(limit) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn check(judge: &Judge, inputs: &Inputs) -> Report {
    let mut check = Check {
        judge,
        namespaces: if judge.needs_namespaces() { namespaces(inputs) } else { HashMap::new() },
        repetitions: Repetitions::default(),
        problems: Problems::default(),
        report: Report { scope: judge.scope(), ..Report::default() },
    };
    for error in &inputs.errors {
        check.problems.add(Finding::error(Code::UnreadableFile, error), None, None, None);
    }
    check.problems.end_file(None, b"");
    inputs.files().for_each(|file| check.file(file));
    Report { problems: check.problems.into_vec(), ..check.report }
}

/// Reads the labels and annotations of the Kubernetes namespaces among the files.
fn namespaces(inputs: &Inputs) -> HashMap<String, NamespaceMetadata> {
    let all = inputs.files().flat_map(|file| file.contents.namespaces);
    all.map(|namespace| (namespace.name, namespace.metadata)).collect()
}

/// A check under way.
struct Check<'a> {
    judge: &'a Judge,
    /// The Kubernetes namespaces that are known.
    namespaces: HashMap<String, NamespaceMetadata>,
    repetitions: Repetitions,
    problems: Problems,
    report: Report,
}

impl Check<'_> {
    fn file(&mut self, file: InputFile<'_>) {
        let InputFile { shown, text, contents, not_selected } = file;
        let Contents { objects, broken, other_kinds, .. } = contents;
        let shown: Arc<str> = shown.into();
        let Counts { files, others, not_selected: all_not_selected, .. } = &mut self.report.counts;
        *files += 1;
        *others += other_kinds;
        *all_not_selected += not_selected;
        for parsed in objects {
            self.object(parsed, &shown);
        }
        let is_quotable = is_about_rules(&text);
        for BrokenDocument { id, is_rule_like, mut finding, is_doubtful, template, .. } in broken {
            if !is_rule_like {
                self.report.counts.others += 1;
                continue;
            }
            if finding.code == Code::Yaml && finding.hint.is_none() && is_helm_template(&text) {
                let hint = "templates of Helm are checked once they are rendered: `helm template … | rulesync check -`";
                finding.hint = Some(hint.to_owned());
            }
            if is_doubtful {
                finding.severity = Severity::Warning;
            }
            self.problems.add_unreadable(finding, id.as_ref(), template.as_deref(), is_quotable);
        }
        self.problems.end_file(Some(&shown), &text);
    }

    fn object(&mut self, parsed: ParsedObject, file: &Arc<str>) {
        let ParsedObject { mut object, position, template, .. } = parsed;
        self.repetitions.find(&mut object, file, position);
        self.report.counts.groups += object.groups.len();
        self.report.counts.rules += object.groups.iter().flat_map(|group| &group.rules).flatten().count();
        let namespace = self.namespaces.get(object.id.namespace());
        let checked = self.judge.check(object, namespace);
        for (destination, finding) in checked.findings() {
            let destination = destination.filter(|_| self.report.is_routed()).map(ToString::to_string);
            let finding = stricter(finding.clone());
            self.problems.add(finding, Some(&checked.id), destination, template.as_deref());
        }
        let is_watched = self.judge.watches(checked.id.namespace());
        if !is_watched {
            self.report.unwatched.insert(checked.id.namespace().to_owned());
        }
        for route in checked.undecided {
            let namespaces = self.report.undecided.entry(route).or_default();
            namespaces.insert(checked.id.namespace().to_owned());
        }
        let destination = |destination: rulesync_core::check::CheckedDestination| Destination {
            id: destination.destination,
            route: destination.route,
            namespace: destination.namespace,
        };
        self.report.objects.push(CheckedObject {
            id: checked.id,
            file: Arc::clone(file),
            destinations: checked.destinations.into_iter().filter(|_| is_watched).map(destination).collect(),
        });
    }
}

/// Returns a finding as a check judges it: a key that nobody knows is a mistake, and nobody but its author can tell.
fn stricter(mut finding: Finding) -> Finding {
    if finding.code == Code::UnknownKey {
        finding.severity = Severity::Error;
    }
    finding
}

/// Returns whether a text that may not be readable is about rules, and holds no secrets.
fn is_about_rules(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let has = |word: &str| text.contains(word);
    (has("groups") || KINDS.iter().any(|kind| has(kind))) && !has("Secret")
}

/// Returns whether a text that is not YAML looks like a template of Helm.
fn is_helm_template(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    ["{{ .Values", "{{- ", "{{ include", "{{ if", "{{ .Release", "{{.Values"]
        .iter()
        .any(|sign| text.contains(sign))
}
