//! Percent-encoding. Pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// The set of escaped characters: all but RFC 3986's unreserved characters.
pub(crate) const UNRESERVED_KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
