//! Patterns of names: literal text in which `*` stands for anything.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A pattern: `team-*` matches every name that begins with `team-`; without a `*` it matches itself only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Arc<str>);

impl Pattern {
    /// Returns whether a whole name has this form.
    pub fn matches(&self, name: &str) -> bool {
        let Some((head, rest)) = self.0.split_once('*') else { return &*self.0 == name };
        let Some(mut name) = name.strip_prefix(head) else { return false };
        let mut parts = rest.split('*').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return name.ends_with(part);
            }
            match name.find(part) {
                Some(at) => name = &name[at + part.len()..],
                None => return false,
            }
        }
        true
    }
}

impl FromStr for Pattern {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, yes, no) in [
            ("a", &["a"][..], &["", "ab", "ba"][..]),
            ("*", &["", "a", "a/b"], &[]),
            ("team-*", &["team-", "team-a"], &["team", "xteam-a"]),
            ("*-x", &["-x", "a-x"], &["x", "a-xy"]),
            ("a*b*c", &["abc", "a1b2c", "abbc", "abcbc"], &["ab", "acb", "abcd"]),
            ("a**b", &["ab", "axb"], &["a"]),
            ("ab*ba", &["abba", "ab-ba"], &["aba"]),
            ("a*a", &["aa", "aba"], &["a", "ab"]),
            ("*ab*b", &["abb", "xabxb"], &["ab", "xab"]),
        ] {
            let text = pattern;
            let pattern = Pattern::from(pattern);
            assert_eq!(pattern.to_string(), text);
            assert!(yes.iter().all(|name| pattern.matches(name)), "{pattern}");
            assert!(!no.iter().any(|name| pattern.matches(name)), "{pattern}");
        }
    }
}
