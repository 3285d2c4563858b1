//! Truncates texts of servers for messages, and marks where something is missing. Pure.

/// The end of a truncated text. A part of a secret may precede it.
pub(crate) const CUT: char = '…';

/// The maximum length of a server's text in a message: a gateway may return an HTML page.
pub(crate) const MESSAGE_BYTES: usize = 2048;

/// Returns the text, or its first `longest` bytes and [`CUT`].
pub(crate) fn shortened(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        let end = (0..=longest).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push(CUT);
        text.shrink_to_fit();
    }
    text
}

/// Like [`shortened`], for bytes; `more` is set if the end is missing already. A character that was cut in two is
/// removed.
pub(crate) fn shortened_bytes(bytes: &[u8], longest: usize, more: bool) -> String {
    let (mut kept, cut) = (&bytes[..bytes.len().min(longest)], more || bytes.len() > longest);
    if cut
        && let Err(error) = std::str::from_utf8(kept)
        && error.error_len().is_none()
    {
        kept = &kept[..error.valid_up_to()];
    }
    let mut text = String::from_utf8_lossy(kept).into_owned();
    if cut {
        text.push(CUT);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_cuts_at_character_boundary() {
        for (text, longest, expected) in
            [("", 0, ""), ("abc", 3, "abc"), ("abc", 2, "ab…"), ("aé", 2, "a…"), ("aé", 3, "aé")]
        {
            assert_eq!(shortened(text.to_owned(), longest), expected, "{text}, {longest}");
            assert_eq!(shortened_bytes(text.as_bytes(), longest, false), expected, "{text}, {longest}");
        }
        assert_eq!(shortened_bytes("aé".as_bytes(), 8, true), "aé…");
        assert_eq!(shortened_bytes(b"a\xc3", 8, true), "a…");
        // Invalid UTF-8 is replaced, including an incomplete character at the end of a text that was not cut.
        assert_eq!(shortened_bytes(b"a\xffb\xc3", 8, false), "a\u{fffd}b\u{fffd}");
        assert_eq!(shortened_bytes(b"a\xffbc", 3, false), "a\u{fffd}b…");
    }
}
