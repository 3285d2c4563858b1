//! Cuts a list document into namespaces while it arrives, so that a tenant's rules never stand in memory as a whole.
//!
//! The servers write block style (Go's yaml.v3): a line that begins in column 0 begins a namespace, and everything
//! below it is indented. A document that is written otherwise, such as `{}`, is one piece. Cutting decides nothing
//! about content: each piece is a YAML document of its own.

/// Takes bytes in any portions, gives pieces.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    pending: Vec<u8>,
    /// Up to where `pending` was searched for the next line.
    searched: usize,
    /// Whether the document is one flow collection, to be taken whole.
    flow: Option<bool>,
}

impl Splitter {
    /// More bytes; `piece` is called with every piece that is now complete.
    pub(crate) fn push<E>(
        &mut self,
        bytes: &[u8],
        mut piece: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.pending.extend_from_slice(bytes);
        if self.flow.is_none() {
            self.flow =
                self.pending.iter().find(|b| !b.is_ascii_whitespace()).map(|b| matches!(b, b'{' | b'['));
        }
        if self.flow != Some(false) {
            return Ok(());
        }
        let mut start = 0;
        while let Some(newline) = self.pending[self.searched..].iter().position(|b| *b == b'\n') {
            let line = self.searched + newline + 1;
            // What the next line begins with decides; wait until it is there.
            let Some(first) = self.pending.get(line) else { break };
            self.searched = line;
            // A blank, an empty line, a comment, the value of a complex key (`: `): none begins a namespace.
            if !matches!(first, b' ' | b'\t' | b'\n' | b'\r' | b'#' | b':') {
                piece(&self.pending[start..line])?;
                start = line;
            }
        }
        self.pending.drain(..start);
        self.searched -= start;
        Ok(())
    }

    /// The end: the last piece, if there is anything.
    pub(crate) fn finish<E>(self, mut piece: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if self.pending.iter().all(u8::is_ascii_whitespace) { Ok(()) } else { piece(&self.pending) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(portions: &[&[u8]]) -> Vec<String> {
        let mut pieces = Vec::new();
        let mut take = |piece: &[u8]| -> Result<(), ()> {
            pieces.push(String::from_utf8(piece.to_vec()).unwrap());
            Ok(())
        };
        let mut splitter = Splitter::default();
        for portion in portions {
            splitter.push(portion, &mut take).unwrap();
        }
        splitter.finish(&mut take).unwrap();
        pieces
    }

    const LIST: &str = "ns1:\n    - name: g\n      rules:\n        - alert: A\n          expr: |-\n            a\n\n            b\n? |-\n  odd\n  name\n: - name: h\n    rules: []\n\"n\":\n    - name: i\n";

    #[test]
    fn cuts_at_namespaces() {
        let cut = pieces(&[LIST.as_bytes()]);
        assert_eq!(cut.len(), 3, "{cut:#?}");
        assert!(cut[1].starts_with("? |-") && cut[1].ends_with("rules: []\n"));
        assert_eq!(cut.concat(), LIST);
        assert_eq!(pieces(&[b"{}\n"]), ["{}\n"]);
        assert_eq!(pieces(&[b"\n", b" \n"]), Vec::<String>::new());
        assert_eq!(pieces(&[b"{a: [],\nb: []}\n"]).len(), 1);
    }

    proptest! {
        #[test]
        fn portions_do_not_matter(cuts in prop::collection::vec(0..LIST.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut portions = Vec::new();
            let mut rest = LIST.as_bytes();
            let mut before = 0;
            for cut in cuts {
                let (portion, after) = rest.split_at(cut - before);
                portions.push(portion);
                (rest, before) = (after, cut);
            }
            portions.push(rest);
            prop_assert_eq!(pieces(&portions), pieces(&[LIST.as_bytes()]));
        }

        #[test]
        fn nothing_is_lost(text in "[ a:\n{?#-]{0,60}") {
            let joined = pieces(&[text.as_bytes()]).concat();
            prop_assert!(joined == text || text.trim().is_empty() || text.starts_with(&joined));
        }
    }
}
