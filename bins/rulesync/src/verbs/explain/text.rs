//! An explanation as text for people: the verdict first, then the reasons. Pure.

use rulesync_core::explain::Explained;

use super::lines::line;
use super::question::Question;
use super::{namespace_text, object_text};
use crate::terminal::{HEADING, MUTED};

/// Returns the text of an explanation.
pub(super) fn render(explained: &Explained, question: &Question) -> String {
    let mut text = String::new();
    for (index, object) in explained.objects.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        object_text::render(&mut text, object, explained.running);
    }
    for namespace in &explained.namespaces {
        namespace_text::render(&mut text, namespace, explained);
    }
    if explained.objects.is_empty() && explained.namespaces.is_empty() {
        line(&mut text, "", HEADING, nothing(question, explained.running));
    }
    for source in &explained.waiting_for {
        let note = format!("note: source `{source}` has not shown all its objects yet: there may be more");
        line(&mut text, "", MUTED, note);
    }
    if !explained.running {
        let note = "note: what rulers have, and how rules evaluate, is known to a running daemon alone (--daemon); \
                    `rulesync plan` shows what would change";
        text.push('\n');
        line(&mut text, "", MUTED, note);
    }
    text
}

/// Returns the verdict where there is nothing to explain.
fn nothing(question: &Question, running: bool) -> String {
    match question {
        Question::Object(object) if running => {
            format!("{object} is declared by no source, and no ruler has anything of it")
        }
        Question::Object(object) => format!("{object} is in none of the files"),
        Question::File(path) => {
            format!(
                "the object in {} is declared by no source, and no ruler has anything of it",
                path.display()
            )
        }
        Question::Namespace(namespace, _) => format!("{namespace} is at no destination that is asked for"),
    }
}
