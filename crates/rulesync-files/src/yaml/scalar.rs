//! Decodes scalars into the types of rule groups, as yaml.v3 does, with which Prometheus and its tools read rule files.

use std::borrow::Cow;

use serde_saphyr::granit_parser::ScalarStyle;

use super::tree::{Node, Shape};

/// A string, borrowed from the document where possible.
pub(crate) type Text<'t> = Cow<'t, str>;

/// A node decoded as a value of some type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar<T> {
    /// Null, which is equivalent to an absent field.
    Null,
    Value(T),
    /// A value of another type, with the name of that type, such as `a list`.
    Other(&'static str),
}

const CORE: &str = "tag:yaml.org,2002:";

/// A scalar with the attributes that determine its type.
struct Written<'t> {
    text: &'t str,
    style: ScalarStyle,
    /// The tag, without YAML's own prefix if it has that.
    tag: Option<&'t str>,
}

impl<'t> Node<'t> {
    fn written(self) -> Option<Written<'t>> {
        let (text, style) = self.scalar()?;
        // A single `!` makes any scalar a string, quoted or not.
        let tag = self.tag().map(|tag| tag.strip_prefix(CORE).unwrap_or(tag));
        Some(Written { text, style, tag: tag.map(|tag| if tag == "!" { "str" } else { tag }) })
    }

    /// Returns `true` if the node is null.
    pub(crate) fn is_null(self) -> bool {
        self.written().is_some_and(|written| written.is_null())
    }

    /// Decodes a string: every scalar is one, exactly as written.
    pub(crate) fn text(self) -> Scalar<Text<'t>> {
        let Some(written) = self.written() else { return Scalar::Other(self.type_name()) };
        if written.is_null() {
            return Scalar::Null;
        }
        // Rules contain no binary data.
        if written.tag == Some("binary") {
            return Scalar::Other("binary data");
        }
        Scalar::Value(Cow::Borrowed(written.text))
    }

    /// Decodes a whole number; fractions are truncated, as in go-yaml.
    pub(crate) fn number(self) -> Scalar<i64> {
        match self.written() {
            None => Scalar::Other(self.type_name()),
            Some(written) if written.is_null() => Scalar::Null,
            Some(written) => written.number().map_or(Scalar::Other(self.type_name()), Scalar::Value),
        }
    }

    /// Decodes a boolean.
    pub(crate) fn boolean(self) -> Scalar<bool> {
        match self.written() {
            None => Scalar::Other(self.type_name()),
            Some(written) if written.is_null() => Scalar::Null,
            Some(written) => written.boolean().map_or(Scalar::Other(self.type_name()), Scalar::Value),
        }
    }

    /// Returns `true` if the node is a merge key.
    pub(crate) fn is_merge(self) -> bool {
        self.written().is_some_and(|written| {
            written.text == "<<"
                && match written.tag {
                    Some(tag) => tag == "merge",
                    None => written.style == ScalarStyle::Plain,
                }
        })
    }

    /// The name of its type in messages.
    pub(crate) fn type_name(self) -> &'static str {
        match self.shape() {
            Shape::Sequence => "a list",
            Shape::Mapping => "a mapping",
            Shape::Scalar => match self.written() {
                Some(written) if written.is_null() => "null",
                Some(written) if written.core_boolean().is_some() => "a boolean",
                Some(written) if written.is_resolved(&["int", "float"]) && written.float().is_some() => {
                    "a number"
                }
                _ => "a string",
            },
        }
    }
}

impl Written<'_> {
    /// Returns `true` if the text may resolve to a type with one of these tags: quotes and other tags make it a string.
    fn is_resolved(&self, tags: &[&str]) -> bool {
        match self.tag {
            Some(tag) => tags.contains(&tag),
            None => self.style == ScalarStyle::Plain,
        }
    }

    fn is_null(&self) -> bool {
        self.is_resolved(&["null"]) && matches!(self.text, "" | "~" | "null" | "Null" | "NULL")
    }

    fn core_boolean(&self) -> Option<bool> {
        if !self.is_resolved(&["bool"]) {
            return None;
        }
        match self.text {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    fn boolean(&self) -> Option<bool> {
        // The booleans of YAML 1.1, which go-yaml accepts only where a boolean is expected.
        self.core_boolean().or(match self.text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
            _ => None,
        })
    }

    fn number(&self) -> Option<i64> {
        if !self.is_resolved(&["int", "float"]) {
            return None;
        }
        self.integer().and_then(|number| i64::try_from(number).ok()).or_else(|| {
            // Both bounds are exact as `f64`.
            #[expect(clippy::cast_precision_loss, reason = "the bound itself is a power of two")]
            let fits = |float: &f64| *float >= i64::MIN as f64 && *float < i64::MAX as f64;
            #[expect(clippy::cast_possible_truncation, reason = "as go-yaml does")]
            self.float().filter(fits).map(|float| float as i64)
        })
    }

    fn integer(&self) -> Option<i128> {
        let plain: String = self.text.chars().filter(|c| *c != '_').collect();
        let (negative, digits) = match plain.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
        };
        let (radix, digits) = match digits.get(..2).unwrap_or_default() {
            "0x" | "0X" => (16, &digits[2..]),
            "0o" | "0O" => (8, &digits[2..]),
            "0b" | "0B" => (2, &digits[2..]),
            _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
            _ => (10, digits),
        };
        if self.text.starts_with('_') || digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return None;
        }
        let number = i128::from_str_radix(digits, radix).ok()?;
        Some(if negative { -number } else { number })
    }

    fn float(&self) -> Option<f64> {
        let plain: String = self.text.chars().filter(|c| *c != '_').collect();
        let is_number = !self.text.starts_with('_')
            && plain.bytes().any(|b| b.is_ascii_digit())
            && plain.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
        is_number.then(|| plain.parse().ok()).flatten()
    }
}
