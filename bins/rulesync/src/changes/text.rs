//! A plan as text for people: each change with its difference, and the numbers in the last line. Pure.

use std::fmt::Write;

use anstyle::Style;
use rulesync_core::finding::Printable;

use super::diff::{self, Line};
use super::document::{ChangeDocument, PlanDocument};
use crate::terminal::{ADDED, CHANGED, ERROR, HEADING, MUTED, REMOVED};

/// Returns the text of a plan. Names and rules come from authors: none of them can move a cursor or begin a line.
pub(crate) fn render(plan: &PlanDocument<'_>) -> String {
    let mut text = String::new();
    for destination in &plan.destinations {
        if destination.changes.is_empty() && destination.refusals.is_empty() {
            continue;
        }
        line(&mut text, "", HEADING, &destination.destination);
        for change in &destination.changes {
            self::change(&mut text, change);
        }
        for refusal in destination.refusals {
            line(&mut text, "  ", ERROR, &refusal.to_string());
        }
        text.push('\n');
    }
    for refusal in plan.refusals {
        line(&mut text, "", ERROR, &refusal.to_string());
    }
    if !plan.refusals.is_empty() {
        text.push('\n');
    }
    line(&mut text, "", HEADING, &format!("Plan: {}", plan.summary));
    text
}

fn change(text: &mut String, change: &ChangeDocument) {
    let sign = change.sign();
    let style = match sign {
        _ if change.held.is_some() => MUTED,
        '+' => ADDED,
        '-' => REMOVED,
        _ => CHANGED,
    };
    line(text, "  ", style, &format!("{sign} {}", change.title()));
    for group in &change.groups {
        if change.is_delete() && group.before.is_none() {
            line(text, "      ", MUTED, &format!("{} cannot be read", group.group));
        }
        for diff in diff::lines(group.before.as_ref(), group.after.as_ref()) {
            let style = match diff {
                Line::Hunk(_) => MUTED,
                Line::Kept(_) => Style::new(),
                Line::Added(_) => ADDED,
                Line::Removed(_) => REMOVED,
            };
            line(text, "      ", style, &diff.text());
        }
    }
}

/// Appends one line.
fn line(text: &mut String, indent: &str, style: Style, content: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{indent}{style}{}{style:#}", Printable(content));
}
