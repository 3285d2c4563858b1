//! Groups as JSON, in which they are written, and compressed, in which the engine stores them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::group::Group;

/// A group as the JSON document in which it is written to a ruler.
///
/// JSON is YAML that every reader reads alike, so a ruler that sends YAML can send it as it is.
///
/// ```
/// use rulesync_core::{EncodedGroup, Group};
///
/// let group = Group { name: "up".to_owned(), ..Group::default() };
/// let encoded = EncodedGroup::of(&group)?;
/// assert_eq!(encoded.json(), r#"{"name":"up","rules":[]}"#);
/// assert_eq!(encoded.decode()?, group);
/// # Ok::<(), rulesync_core::model::EncodingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedGroup<'a>(Cow<'a, str>);

/// A group that cannot be encoded, or a JSON document that is no group.
#[derive(Debug, thiserror::Error)]
#[error("a group cannot be encoded or decoded: {0}")]
pub struct EncodingError(String);

impl EncodedGroup<'static> {
    /// Encodes a group.
    ///
    /// # Errors
    ///
    /// None is known: it would be a defect of rulesync.
    pub fn of(group: &Group) -> Result<Self, EncodingError> {
        serde_json::to_string(group).map(|json| Self(json.into())).map_err(error)
    }
}

impl<'a> EncodedGroup<'a> {
    /// Takes a group that is encoded already.
    pub fn from_json(json: &'a str) -> Self {
        Self(Cow::Borrowed(json))
    }

    /// Returns the JSON document.
    pub fn json(&self) -> &str {
        &self.0
    }

    /// Decodes the group, for rulers that do not send JSON.
    ///
    /// # Errors
    ///
    /// [`EncodingError`] if the document is no group. The engine hands out none that is not.
    pub fn decode(&self) -> Result<Group, EncodingError> {
        serde_json::from_str(&self.0).map_err(error)
    }
}

/// One group of a compressed block. All groups of an object are compressed together, because they tend to repeat each
/// other; the block is about a fifth of their text.
#[derive(Clone, PartialEq, Eq)]
pub struct CompressedGroup {
    /// JSON documents, one after the other, compressed with LZ4.
    block: Arc<[u8]>,
    start: u32,
    end: u32,
}

/// The typical size of a group's JSON: the capacity that is reserved for each.
const TYPICAL_BYTES: usize = 1024;

/// Compresses groups; the result has one for each, in order.
///
/// # Errors
///
/// [`EncodingError`] for groups of more than 4 GiB together.
pub(crate) fn compress<'a>(
    groups: impl IntoIterator<Item = &'a Group, IntoIter: ExactSizeIterator>,
) -> Result<Vec<CompressedGroup>, EncodingError> {
    let groups = groups.into_iter();
    let mut text = Vec::with_capacity(TYPICAL_BYTES * groups.len());
    let mut ends = Vec::with_capacity(groups.len());
    for group in groups {
        serde_json::to_writer(&mut text, group).map_err(error)?;
        ends.push(u32::try_from(text.len()).map_err(error)?);
    }
    let block: Arc<[u8]> = lz4_flex::compress_prepend_size(&text).into();
    let mut start = 0;
    let compressed =
        |end| CompressedGroup { block: Arc::clone(&block), start: std::mem::replace(&mut start, end), end };
    Ok(ends.into_iter().map(compressed).collect())
}

impl CompressedGroup {
    /// Decompresses the group.
    ///
    /// # Errors
    ///
    /// None is known: it would be a defect of rulesync.
    pub fn decode(&self) -> Result<Group, EncodingError> {
        Decompressor::default().decode(self)
    }
}

/// Decompresses the groups of one object one after the other, and their block only once.
#[derive(Default)]
pub(crate) struct Decompressor {
    open: Option<(Arc<[u8]>, Vec<u8>)>,
}

impl Decompressor {
    /// Decompresses a group like [`CompressedGroup::decode`].
    pub(crate) fn decode(&mut self, group: &CompressedGroup) -> Result<Group, EncodingError> {
        self.encoded(group)?.decode()
    }

    /// Returns a group's JSON.
    pub(crate) fn encoded(&mut self, group: &CompressedGroup) -> Result<EncodedGroup<'_>, EncodingError> {
        let text = match self.open.take() {
            Some((block, text)) if Arc::ptr_eq(&block, &group.block) => text,
            _ => lz4_flex::decompress_size_prepended(&group.block).map_err(error)?,
        };
        let (_, text) = self.open.insert((Arc::clone(&group.block), text));
        let range = group.start as usize..group.end as usize;
        let document = text.get(range).ok_or_else(|| EncodingError("the block is cut off".to_owned()))?;
        std::str::from_utf8(document).map(EncodedGroup::from_json).map_err(error)
    }
}

impl fmt::Debug for CompressedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompressedGroup({}..{} of {} bytes)", self.start, self.end, self.block.len())
    }
}

fn error(error: impl fmt::Display) -> EncodingError {
    EncodingError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_preserves_every_field_of_every_group() {
        let full = r#"{"name":"g","interval":"1m","evaluation_delay":"5s","query_offset":"5s","limit":3,
            "rules":[{"alert":"A","expr":"up == 0","for":"1m30s","keep_firing_for":"1h","labels":{"a":null},
            "annotations":{"b":"c"}},{"record":"r:x","expr":"1"}],"labels":{"team":"x"},"source_tenants":["a"],
            "align_evaluation_time_on_interval":true}"#;
        let full: Group = serde_json::from_str(full).unwrap();
        assert_eq!(full.rules[0].labels["a"], "");
        assert_eq!(full.rules[1].name(), "r:x");
        let groups: Vec<Group> = (0..5).map(|n| Group { name: format!("g{n}"), ..full.clone() }).collect();
        let compressed = compress(&groups).unwrap();
        let decoded: Vec<Group> = compressed.iter().map(|group| group.decode().unwrap()).collect();
        assert_eq!(decoded, groups);
        let text: usize = groups.iter().map(|group| serde_json::to_vec(group).unwrap().len()).sum();
        assert!(compressed[0].block.len() * 3 < text, "{} of {text} bytes", compressed[0].block.len());
        assert!(compress(&[]).unwrap().is_empty());
    }
}
