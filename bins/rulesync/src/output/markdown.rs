//! For a comment on a pull request: a table that shows the texts of authors as they are, whatever is in them.

use std::io::{self, Write};

use rulesync_core::finding::{Printable, Severity};

use crate::report::{Problem, Report};

/// The most problems in a table: a comment has 65,536 characters at most.
const MAX_PROBLEMS: usize = 100;

/// The most characters of a text in the table.
const MAX_CHARS: usize = 400;

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let sign = match (report.count(Severity::Error), report.count(Severity::Warning)) {
        (0, 0) => "✅",
        (0, _) => "⚠️",
        _ => "❌",
    };
    writeln!(out, "### {sign} rulesync check\n\n{}", report.summary())?;
    if !report.problems.is_empty() {
        writeln!(out, "\n| | where | what |\n|---|---|---|")?;
    }
    report.problems.iter().take(MAX_PROBLEMS).try_for_each(|problem| row(problem, out))?;
    if report.problems.len() > MAX_PROBLEMS {
        writeln!(out, "\nand {} more", report.problems.len() - MAX_PROBLEMS)?;
    }
    let unrouted = report.unrouted().count();
    if unrouted > 0 {
        writeln!(out, "\n<details><summary>{unrouted}: {}</summary>\n", text(&report.why_unrouted()))?;
        for object in report.unrouted().take(MAX_PROBLEMS) {
            writeln!(out, "- {} ({})", text(&object.id.to_string()), text(&object.file))?;
        }
        writeln!(out, "\n</details>")?;
    }
    if !report.unwatched.is_empty() {
        let namespaces: Vec<&str> = report.unwatched.iter().map(String::as_str).collect();
        let namespaces = text(&namespaces.join(", "));
        writeln!(out, "\nNo source of the configuration watches these Kubernetes namespaces: {namespaces}")?;
    }
    for (route, namespaces) in &report.undecided {
        let namespaces: Vec<&str> = namespaces.iter().map(String::as_str).collect();
        let (route, namespaces) = (text(route), text(&namespaces.join(", ")));
        writeln!(out, "\nRoute {route} goes by Kubernetes namespaces that are not known: {namespaces}")?;
    }
    Ok(())
}

fn row(problem: &Problem, out: &mut impl Write) -> io::Result<()> {
    let severity = match problem.severity {
        Severity::Error => "❌",
        Severity::Warning => "⚠️",
    };
    let mut what = format!("**{}**: {}", problem.code.name, text(&problem.message));
    let subject = problem.subject();
    if !subject.is_empty() {
        what.push_str(&format!("<br>{}", text(&subject)));
    }
    if !problem.destinations.is_empty() {
        let destinations: Vec<&str> = problem.destinations.iter().map(String::as_str).collect();
        what.push_str(&format!("<br>at {}", text(&destinations.join(", "))));
    }
    if let Some(hint) = &problem.hint {
        what.push_str(&format!("<br>*{}*", text(hint)));
    }
    writeln!(out, "| {severity} | {} | {what} |", text(&problem.place()))
}

/// Returns a text as it is shown in Markdown: nothing in it is markup, a mention of somebody or a reference to an issue.
fn text(text: &str) -> String {
    let printable = Printable(text).to_string();
    let mut escaped = String::with_capacity(printable.len());
    for (number, c) in printable.chars().enumerate() {
        if number == MAX_CHARS {
            escaped.push('…');
            break;
        }
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // What follows is looked for in the text that is shown, where no escape is left.
            '@' | '#' => escaped.extend([c, '\u{2060}']),
            '.' | ',' | ':' | '-' | '/' | '\'' | '"' | ' ' => escaped.push(c),
            c if c.is_ascii_punctuation() => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_shows_texts_as_they_are() {
        assert_eq!(text("a|b `c` *d* <img>"), r"a\|b \`c\` \*d\* &lt;img&gt;");
        assert_eq!(text("[x](http://y)\n![z]"), r"\[x\]\(http://y\)\\n\!\[z\]");
        assert_eq!(text("@team #12"), "@\u{2060}team #\u{2060}12");
        assert_eq!(text(&"x".repeat(1000)).chars().count(), MAX_CHARS + 1);
    }
}
