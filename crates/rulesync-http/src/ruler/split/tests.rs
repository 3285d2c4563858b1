use proptest::prelude::*;

use super::*;

/// Keeps all but the namespaces whose line begins with `skip`.
#[derive(Default)]
struct Kept {
    lines: Vec<String>,
    pieces: Vec<String>,
}

impl Pieces for Kept {
    type Error = ();

    fn begins(&mut self, line: &[u8]) -> Result<bool, ()> {
        self.lines.push(String::from_utf8(line.to_vec()).unwrap());
        Ok(!line.starts_with(b"skip"))
    }

    fn piece(&mut self, piece: &mut Vec<u8>) -> Result<(), ()> {
        self.pieces.push(String::from_utf8(piece.to_vec()).unwrap());
        Ok(())
    }
}

fn split(chunks: &[&[u8]]) -> (Kept, End) {
    let mut kept = Kept::default();
    let mut splitter = Splitter::default();
    for chunk in chunks {
        splitter.push(chunk, &mut kept).unwrap();
    }
    let end = splitter.finish(&mut kept).unwrap();
    (kept, end)
}

const LIST: &str = "ns1:\n    - name: g\n      rules:\n        - alert: A\n          expr: |-\n            a\n\n            b\n? |-\n  odd\n  name\n:   - name: h\n      rules: []\nskipped:\n    - name: \"{\"\n\n      # no comment\n:x:\n    - name: i\n\"n\":\n    - name: i\n";

#[test]
fn splitter_splits_at_namespaces() {
    let (kept, end) = split(&[LIST.as_bytes()]);
    assert_eq!(kept.lines, ["ns1:", "? |-", "skipped:", ":x:", "\"n\":"]);
    assert_eq!(kept.pieces.len(), 4, "{:#?}", kept.pieces);
    assert!(kept.pieces[0].ends_with("b\n"));
    assert!(kept.pieces[1].starts_with("? |-") && kept.pieces[1].ends_with("rules: []\n"));
    assert_eq!(kept.pieces[2], ":x:\n    - name: i\n");
    assert_eq!(end, End::Whole);
}

#[test]
fn splitter_keeps_other_styles_whole() {
    for document in
        ["{}\n", "{}", "[]\n", "{a: [],\nb: []}\n", "---\n{}\n", "# c\n\n{}\n", "  a:\n  - x\n  b:\n"]
    {
        let (kept, end) = split(&[document.as_bytes()]);
        assert_eq!((kept.lines.len(), kept.pieces.len(), end), (0, 1, End::Whole), "{document:?}");
    }
    assert_eq!(split(&[b"---\na:\n    - x\n"]).0.pieces, ["a:\n    - x\n"]);
}

#[test]
fn splitter_detects_empty_and_truncated_document() {
    for document in ["", "\n", " \n\n", "---\n", "# c\n"] {
        assert_eq!(split(&[document.as_bytes()]).1, End::Empty, "{document:?}");
    }
    for document in ["a", "a:", "a:\n    - name: g", "skip:\n    - na", "a:\n:"] {
        let (kept, end) = split(&[document.as_bytes()]);
        assert_eq!((kept.pieces.len(), end), (0, End::Truncated), "{document:?}");
    }
}

#[test]
fn splitter_does_not_buffer_skipped_namespace() {
    let mut kept = Kept::default();
    let mut splitter = Splitter::default();
    splitter.push(b"skip:\n    - annotation: \"", &mut kept).unwrap();
    for _ in 0..1000 {
        splitter.push(&[b'x'; 1000], &mut kept).unwrap();
    }
    assert!(splitter.piece.capacity() < 1000, "{}", splitter.piece.capacity());
    splitter.push(b"\"\nours:\n    - name: g\n", &mut kept).unwrap();
    assert_eq!(splitter.finish(&mut kept), Ok(End::Whole));
    assert_eq!(kept.pieces, ["ours:\n    - name: g\n"]);
}

fn chunked<'a>(text: &'a str, cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    cuts.sort_unstable();
    let mut before = 0;
    let mut chunks: Vec<&[u8]> = Vec::new();
    for cut in cuts.into_iter().chain([text.len()]) {
        chunks.push(&text.as_bytes()[before..cut]);
        before = cut;
    }
    chunks
}

proptest! {
    #[test]
    fn splitter_is_independent_of_chunk_sizes(
        text in prop_oneof![Just(LIST.to_owned()), "[ a:\r\n{?#:s-]{0,60}"],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (whole, end) = split(&[text.as_bytes()]);
        let (chunks, chunked_end) = split(&chunked(&text, &cuts));
        prop_assert_eq!((whole.lines, whole.pieces, end), (chunks.lines, chunks.pieces, chunked_end));
    }

    /// The pieces are disjoint parts of the document, in order.
    #[test]
    fn splitter_pieces_are_parts_of_document(text in "[ a:\r\n{?#:s-]{0,60}") {
        let mut rest = text.as_str();
        for piece in split(&[text.as_bytes()]).0.pieces {
            let found = rest.find(&piece);
            prop_assert!(found.is_some(), "{piece:?} in {rest:?}");
            rest = &rest[found.unwrap() + piece.len()..];
        }
    }
}
