//! Cuts a YAML stream into its documents, so that a broken one does not take its neighbours along. Does not parse.

/// One document of a stream, with its directives and comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Document<'a> {
    /// The document's text, with the `---` that opens it.
    pub(crate) text: &'a str,
    /// How many lines of the file stand before it.
    pub(crate) lines_before: usize,
}

/// Cuts at the lines that begin with `---` or `...`. YAML allows these nowhere inside of a document, not even in
/// quoted or block text, so the cut is right however broken the documents are. Documents of only blanks, comments and
/// directives are left out.
pub(crate) fn documents(text: &str) -> Vec<Document<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Vec::new();
    let mut start = (0, 0);
    // Whether the text since `start` has opened a document, and whether there is anything in it.
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

    fn cut(text: &str) -> Vec<(&str, usize)> {
        documents(text).into_iter().map(|document| (document.text, document.lines_before)).collect()
    }

    #[test]
    fn cuts_where_documents_begin() {
        assert_eq!(cut(""), []);
        assert_eq!(cut("# nothing\n---\n---\n# still\n"), []);
        assert_eq!(cut("a: 1"), [("a: 1", 0)]);
        assert_eq!(cut("a: 1\n---\nb: 2\n"), [("a: 1\n", 0), ("---\nb: 2\n", 1)]);
        assert_eq!(cut("a: 1\r\n--- # two\r\nb: 2\r\n"), [("a: 1\r\n", 0), ("--- # two\r\nb: 2\r\n", 1)]);
        assert_eq!(cut("\u{feff}---\na: 1\n--- {b: 2}\n"), [("---\na: 1\n", 0), ("--- {b: 2}\n", 2)]);
        assert_eq!(cut("a: 1\n...\n# c\n...\nb: 2\n"), [("a: 1\n", 0), ("b: 2\n", 4)]);
    }

    #[test]
    fn directives_belong_to_the_document_that_follows() {
        assert_eq!(cut("%YAML 1.2\n---\na: 1\n"), [("%YAML 1.2\n---\na: 1\n", 0)]);
        assert_eq!(cut("a: 1\n...\n%YAML 1.2\n---\nb: 2\n"), [("a: 1\n", 0), ("%YAML 1.2\n---\nb: 2\n", 2)]);
    }

    #[test]
    fn what_only_looks_like_a_marker_is_text() {
        let text = "a: |\n  ---\n  x\n----\n---b: 1\n";
        assert_eq!(cut(text), [(text, 0)]);
    }

    proptest! {
        #[test]
        fn every_document_stands_in_the_text_at_its_line(text in "([ab:%#. -]|---|\\.\\.\\.|\n|\r\n){0,60}") {
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            for document in documents(&text) {
                prop_assert!(lines[document.lines_before..].concat().starts_with(document.text));
            }
        }
    }
}
