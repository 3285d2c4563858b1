//! Splits a YAML stream into its documents without parsing, so that a broken one does not affect the others.

/// One document of a stream, with its directives and comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Document<'a> {
    /// The text of the document, including the `---` that opens it.
    pub(crate) text: &'a str,
    /// The number of lines in the file before the document.
    pub(crate) lines_before: usize,
}

impl<'a> Document<'a> {
    /// Returns the template that `helm template` has rendered the document from, as its first comment says.
    pub(crate) fn helm_template(&self) -> Option<&'a str> {
        let mut comments =
            self.text.lines().filter(|line| !is_marker(line, "---") && !line.trim().is_empty());
        comments.next()?.strip_prefix("# Source: ").map(str::trim).filter(|path| !path.is_empty())
    }
}

/// Splits a stream at the lines that begin with `---` or `...`. YAML does not allow these inside of a document, not
/// even in quoted or block scalars, so the result is correct however broken the documents are. Documents with only
/// blanks, comments and directives are omitted.
pub(crate) fn documents(text: &str) -> Vec<Document<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Vec::new();
    let mut start = (0, 0);
    // `open` is set if the text since `start` has opened a document, `content` if that document is not empty.
    let (mut open, mut content) = (false, false);
    let mut end = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let begin = end;
        end += line.len();
        let closes = is_marker(line, "...");
        if closes || (open && is_marker(line, "---")) {
            if content {
                documents.push(Document { text: &text[start.0..begin], lines_before: start.1 });
            }
            start = if closes { (end, number + 1) } else { (begin, number) };
            (open, content) = (!closes, !closes && has_content(&line[3..]));
        } else if is_marker(line, "---") {
            open = true;
            content = has_content(&line[3..]);
        } else if has_content(line) && (open || !line.starts_with('%')) {
            (open, content) = (true, true);
        }
    }
    if content {
        documents.push(Document { text: &text[start.0..], lines_before: start.1 });
    }
    documents
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn has_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Vec<(&str, usize)> {
        documents(text).into_iter().map(|document| (document.text, document.lines_before)).collect()
    }

    #[test]
    fn documents_split_at_markers() {
        assert_eq!(split(""), []);
        assert_eq!(split("# nothing\n---\n---\n# still\n"), []);
        assert_eq!(split("a: 1"), [("a: 1", 0)]);
        assert_eq!(split("a: 1\n---\nb: 2\n"), [("a: 1\n", 0), ("---\nb: 2\n", 1)]);
        assert_eq!(split("a: 1\r\n--- # two\r\nb: 2\r\n"), [("a: 1\r\n", 0), ("--- # two\r\nb: 2\r\n", 1)]);
        assert_eq!(split("\u{feff}---\na: 1\n--- {b: 2}\n"), [("---\na: 1\n", 0), ("--- {b: 2}\n", 2)]);
        assert_eq!(split("a: 1\n...\n# c\n...\nb: 2\n"), [("a: 1\n", 0), ("b: 2\n", 4)]);
    }

    #[test]
    fn document_names_the_template_that_it_was_rendered_from() {
        let template = |text| documents(text).first().and_then(Document::helm_template);
        assert_eq!(
            template("---\n# Source: shop/templates/rules.yaml\na: 1\n"),
            Some("shop/templates/rules.yaml")
        );
        assert_eq!(template("# Source: a.yaml\r\na: 1\r\n"), Some("a.yaml"));
        assert_eq!(template("---\na: 1\n# Source: a.yaml\n"), None);
        assert_eq!(template("# Sources\n# Source: a.yaml\na: 1\n"), None);
    }

    #[test]
    fn documents_keep_directives_with_following_document() {
        assert_eq!(split("%YAML 1.2\n---\na: 1\n"), [("%YAML 1.2\n---\na: 1\n", 0)]);
        assert_eq!(
            split("a: 1\n...\n%YAML 1.2\n---\nb: 2\n"),
            [("a: 1\n", 0), ("%YAML 1.2\n---\nb: 2\n", 2)]
        );
    }

    #[test]
    fn documents_ignore_marker_like_text() {
        let text = "a: |\n  ---\n  x\n----\n---b: 1\n";
        assert_eq!(split(text), [(text, 0)]);
    }

    proptest! {
        #[test]
        fn documents_are_located_in_text(text in "([ab:%#. -]|---|\\.\\.\\.|\n|\r\n){0,60}") {
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            for document in documents(&text) {
                prop_assert!(lines[document.lines_before..].concat().starts_with(document.text));
            }
        }
    }
}
