//! A plan as Markdown, for a comment on a pull request: the numbers, and each change to fold out. Pure.

use std::fmt::Write;

use rulesync_core::finding::Printable;

use super::diff;
use super::document::{ChangeDocument, PlanDocument};

/// Returns the Markdown of a plan.
pub(crate) fn render(plan: &PlanDocument<'_>) -> String {
    let mut text = format!("**Plan:** {}\n", plan.summary);
    for destination in &plan.destinations {
        if destination.changes.is_empty() && destination.refusals.is_empty() {
            continue;
        }
        // Writing to a string does not fail.
        let _ = write!(text, "\n### {}\n", code(&destination.destination));
        destination.changes.iter().for_each(|change| self::change(&mut text, change));
        refusals(&mut text, destination.refusals.iter());
    }
    if !plan.refusals.is_empty() {
        text.push_str("\n### Refused everywhere\n");
        refusals(&mut text, plan.refusals.iter());
    }
    text
}

fn change(text: &mut String, change: &ChangeDocument) {
    let title = format!("{} {}", change.sign(), change.title());
    let lines: Vec<String> = change
        .groups
        .iter()
        .flat_map(|group| diff::lines(group.before.as_ref(), group.after.as_ref()))
        .map(|line| Printable(line.text()).to_string())
        .collect();
    if lines.is_empty() {
        let _ = write!(text, "\n{}\n", code(&title));
        return;
    }
    // The fence is longer than whatever it encloses could be.
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let summary = html(&Printable(title).to_string());
    let _ = write!(text, "\n<details><summary><code>{summary}</code></summary>\n\n{fence}diff\n");
    lines.iter().for_each(|line| {
        let _ = writeln!(text, "{line}");
    });
    let _ = write!(text, "{fence}\n\n</details>\n");
}

fn refusals(text: &mut String, refusals: impl Iterator<Item = impl ToString>) {
    for (index, refusal) in refusals.enumerate() {
        if index == 0 {
            text.push('\n');
        }
        let _ = writeln!(text, "- {}", code(&refusal.to_string()));
    }
}

/// Returns a text as code in a line.
fn code(text: &str) -> String {
    let text = Printable(text).to_string();
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_encloses_code_whatever_it_holds() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a `b` ``c``"), "``` a `b` ``c`` ```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(html("<a & b>"), "&lt;a &amp; b&gt;");
    }
}
