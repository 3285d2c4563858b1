//! For people: each problem with its place and the line that it is about, as rustc prints them.

use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use rulesync_core::finding::{Printable, Severity};

use crate::report::{Excerpt, Problem, Report};

/// The most objects that are listed because no route takes them.
const MAX_UNROUTED: usize = 20;

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let renderer = Renderer::styled();
    for problem in &report.problems {
        writeln!(out, "{}\n", renderer.render(&[group(problem)]))?;
    }
    for (route, namespaces) in &report.undecided {
        let namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
        let (route, namespaces) = (Printable(route), Printable(namespaces.join(", ")));
        let message = format!(
            "route `{route}` goes by labels or annotations of Kubernetes namespaces that are not known: {namespaces}"
        );
        let help = "add their manifests to what is checked";
        note(&renderer, &message, Some(help), out)?;
    }
    if !report.unwatched.is_empty() {
        let namespaces: Vec<&str> = report.unwatched.iter().map(String::as_str).collect();
        let namespaces = Printable(namespaces.join(", "));
        let message =
            format!("no source of the configuration watches these Kubernetes namespaces: {namespaces}");
        note(&renderer, &message, None, out)?;
    }
    let unrouted = report.unrouted().count();
    if unrouted > 0 {
        let listed = report.unrouted().take(MAX_UNROUTED);
        let mut lines: Vec<String> =
            listed.map(|object| format!("{} ({})", Printable(&object.id), Printable(&object.file))).collect();
        if unrouted > MAX_UNROUTED {
            lines.push(format!("and {} more", unrouted - MAX_UNROUTED));
        }
        let message = format!("{}:\n{}", report.why_unrouted(), lines.join("\n"));
        note(&renderer, &message, None, out)?;
    }
    writeln!(out, "{}", report.summary())
}

fn note(renderer: &Renderer, message: &str, help: Option<&str>, out: &mut impl Write) -> io::Result<()> {
    let group = Group::with_title(Level::NOTE.primary_title(message));
    let group = match help {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    };
    writeln!(out, "{}\n", renderer.render(&[group]))
}

fn group(problem: &Problem) -> Group<'_> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(Printable(&problem.message).to_string()).id(problem.code.name);
    let mut group = Group::with_title(title);
    if let Some(place) = place(problem) {
        group = group.element(place);
    }
    let subject = problem.subject();
    if !subject.is_empty() {
        group = group.element(Level::NOTE.no_name().message(Printable(subject).to_string()));
    }
    if let Some(template) = &problem.template {
        let template = format!("rendered from {}", Printable(template));
        group = group.element(Level::NOTE.no_name().message(template));
    }
    if !problem.destinations.is_empty() {
        let destinations: Vec<&str> = problem.destinations.iter().map(String::as_str).collect();
        let destinations = format!("at {}", Printable(destinations.join(", ")));
        group = group.element(Level::NOTE.no_name().message(destinations));
    }
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.message(Printable(hint).to_string()));
    }
    group
}

/// Returns the line that a problem is about, or else where it is.
fn place(problem: &Problem) -> Option<Element<'_>> {
    let file = problem.location.file.as_deref()?;
    let file = Printable(file).to_string();
    let position = problem.location.position;
    Some(match (&problem.excerpt, position) {
        (Some(Excerpt { line, span }), Some(position)) => Snippet::source(line.as_str())
            .line_start(position.line)
            .path(file)
            .annotation(AnnotationKind::Primary.span(span.clone()))
            .into(),
        (_, Some(position)) => Origin::path(file).line(position.line).char_column(position.column).into(),
        (_, None) => Origin::path(file).into(),
    })
}
