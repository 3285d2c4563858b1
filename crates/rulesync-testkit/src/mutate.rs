//! Mutations of documents, for tests of everything that reads user input. Not a source of random numbers: a mutation is
//! a function of bytes, so that any generator can choose it and proptest can shrink it.
//!
//! ```
//! use rulesync_testkit::mutate::damaged;
//! assert_eq!(damaged(b"a: 1\nb: 2\n", &[]), b"a: 1\nb: 2\n");
//! // Mutation kind 1 drops a line, here the line in the middle of the document.
//! assert_eq!(damaged(b"a: 1\nb: 2\n", &[1, 0x80, 0, 0]), b"a: 1\n");
//! ```

/// Byte sequences that YAML and JSON readers handle badly, inserted verbatim.
const ODDITIES: &[&[u8]] = &[
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\0",
    b"\r",
    b"\r\n",
    b"\n",
    b"\t",
    "\u{85}".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{1f600}".as_bytes(),
    b"---\n",
    b"...\n",
    b"\n--- ",
    b"%YAML 1.1\n---\n",
    b"%TAG ! tag:x,2000:\n---\n",
    b"&a ",
    b"*a",
    b"*a : ",
    b"\n<<: *a\n",
    b"!!binary ",
    b"!!str ",
    b"!<tag:yaml.org,2002:int> ",
    b"!include x",
    b"!",
    b"|",
    b">+9\n",
    b"|-\n  \n\t\n",
    b"? ",
    b": ",
    b"- ",
    b", ",
    b"#",
    b" # ",
    b"'",
    b"\"",
    b"\"\\ud83d\\ude00\"",
    b"\\x",
    b"\"\\U00110000\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b"{}",
    b"@",
    b"`",
    b"${",
    b"${A}",
    b"${A:-b}",
    b"$${A}",
    b"%zz",
    b"null",
    b"~",
    b"yes",
    b"0x1F",
    b"0o17",
    b"0b1",
    b"1_000",
    b".inf",
    b".nan",
    b"-0.0",
    b"1e999",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"340282366920938463463374607431768211456",
    b"2024-01-01T00:00:00Z",
    b"12:30:45",
];

/// The number of mutation kinds.
const KINDS: u8 = 12;

/// The maximum depth or length of generated nesting and scalars.
const MAX_SIZE: usize = 8_192;

/// Applies the mutations that `choices` selects: every four bytes are one mutation, made up of the kind, the position
/// (two bytes, a fraction of the length), and an amount or index. Remaining bytes are ignored.
///
/// The kinds include flipped bytes, ranges and lines dropped, repeated and swapped, truncation, CRLF line ends, deep
/// nesting, very long scalars, anchors and aliases, and unusual characters and numbers.
pub fn damaged(document: &[u8], choices: &[u8]) -> Vec<u8> {
    let mut document = document.to_vec();
    for choice in choices.chunks_exact(4) {
        let &[kind, high, low, amount] = choice else { continue };
        let place = usize::from(u16::from_be_bytes([high, low]));
        let at = document.len() * place / (usize::from(u16::MAX) + 1);
        damage(&mut document, kind % KINDS, at, amount);
    }
    document
}

/// Applies one mutation.
fn damage(document: &mut Vec<u8>, kind: u8, at: usize, amount: u8) {
    let size = usize::from(amount);
    let (begin, end) = line_around(document, at);
    match kind {
        0 => {
            if let Some(byte) = document.get_mut(at) {
                *byte ^= amount.max(1);
            }
        }
        1 => drop(document.drain(begin..end)),
        2 => {
            let lines = document[begin..end].repeat(1 + size / 64);
            insert(document, begin, &lines);
        }
        3 => {
            let (_, after) = line_around(document, end);
            document[begin..after].rotate_left(end - begin);
        }
        4 => document.truncate(at),
        5 => drop(document.drain(at..(at + size).min(document.len()))),
        6 => insert(document, at, ODDITIES[size % ODDITIES.len()]),
        7 => replace_value(document, at, ODDITIES[size % ODDITIES.len()]),
        8 => {
            let opening: &[u8] = [b"[".as_slice(), b"{a: ", b"- ", b"{\"a\":", b"? "][size % 5];
            replace_value(document, at, &opening.repeat(size * MAX_SIZE / 1024));
        }
        9 => replace_value(
            document,
            at,
            &[b'x', b'1', b' ', b'\''][size % 4..][..1].repeat(size * MAX_SIZE / 256),
        ),
        10 => {
            // The value is anchored, and an alias appears elsewhere.
            replace_value(document, at, b"*a");
            let before = at.saturating_sub(1 + size * 4);
            if let Some(colon) = colon_after(document, before) {
                insert(document, colon, b" &a ");
            }
        }
        _ => {
            let lines: Vec<&[u8]> = document.split(|byte| *byte == b'\n').collect();
            *document = lines.join(b"\r\n".as_slice());
        }
    }
}

fn insert(document: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    document.splice(at..at, bytes.iter().copied());
}

/// Replaces the next value after a colon.
fn replace_value(document: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let Some(colon) = colon_after(document, at) else { return insert(document, at, bytes) };
    let (_, end) = line_around(document, colon);
    let length = document[colon..end].iter().position(|byte| matches!(byte, b',' | b'}' | b'\n'));
    let end = length.map_or(end, |length| colon + length);
    document.splice(colon..end, [b" ", bytes].concat());
}

/// The position after the next colon.
fn colon_after(document: &[u8], at: usize) -> Option<usize> {
    document[at..].iter().position(|byte| *byte == b':').map(|colon| at + colon + 1)
}

/// The start of the line at this position, and the start of the next line.
fn line_around(document: &[u8], at: usize) -> (usize, usize) {
    let begin = document[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let end = document[at..].iter().position(|byte| *byte == b'\n').map_or(document.len(), |n| at + n + 1);
    (begin, end)
}

/// Small documents that grow or nest without bound when read carelessly, each with its name. All are maps whose first
/// line is a top-level entry, so that they can be appended to other lines.
pub fn bombs() -> Vec<(&'static str, String)> {
    let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    let mut merges = String::from("m0: &m0 {a: b, c: d}\n");
    for level in 1..12 {
        let below = level - 1;
        laughs += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{below}"); 10].join(","));
        merges += &format!("m{level}: &m{level} {{<<: [{}]}}\n", vec![format!("*m{below}"); 10].join(","));
    }
    let text = "x".repeat(100_000);
    // A gigabyte of text when expanded. The anchors keep the number of aliases per anchor small.
    let mut texts = format!("t: &t {text}\nanchors:\n");
    texts += &(0..1_000).map(|number| format!("- &n{number} x\n")).collect::<String>();
    texts += "texts:\n";
    texts += &"- *t\n".repeat(9_999);
    let labels: String = (0..2_000).map(|number| format!("  l{number}: *l\n")).collect();
    vec![
        ("aliases of aliases", laughs),
        ("merges of merges", merges),
        ("a long text in many places", texts),
        ("a long text in many values", format!("l: &l {text}\nlabels:\n{labels}")),
        ("an anchor within itself", "s: &s [*s, *s]\n".to_owned()),
        ("deep lists", format!("d: {}\n", "[".repeat(50_000))),
        ("deep maps", format!("d: {}\n", "{a: ".repeat(50_000))),
        ("deep blocks", format!("d:\n  {}x\n", "- ".repeat(50_000))),
        ("deep keys", format!("d: 1\n{}x\n", "? ".repeat(50_000))),
        ("a long key", format!("{}: x\n", "k".repeat(1_000_000))),
        ("a long number", format!("n: {}\n", "9".repeat(1_000_000))),
        ("many documents", format!("a: 1\n{}", "---\na: 1\n".repeat(20_000))),
        ("many comments", format!("a: 1\n{}", "# x\n".repeat(200_000))),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mutation_kinds_change_the_document() {
        let document = b"a: 1\nb: 2\nc: 3\n";
        for kind in 0..KINDS {
            assert_ne!(damaged(document, &[kind, 0x80, 0, 7]), document, "{kind}");
        }
        assert_eq!(damaged(document, &[3, 0, 0, 0]), b"b: 2\na: 1\nc: 3\n");
        assert_eq!(damaged(document, &[7, 0x80, 0, 56]), b"a: 1\nb: 2\nc: 0x1F\n");
        assert_eq!(damaged(document, &[10, 0x80, 0, 2]), b"a: &a  1\nb: 2\nc: *a\n");
    }

    proptest! {
        #[test]
        fn mutation_output_is_bounded(document: Vec<u8>, choices in prop::collection::vec(any::<u8>(), 0..40)) {
            let longest = (document.len() + 10 * MAX_SIZE) << 10;
            prop_assert!(damaged(&document, &choices).len() <= longest);
        }
    }
}
