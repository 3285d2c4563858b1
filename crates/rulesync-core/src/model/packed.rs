//! Groups in the form the engine keeps them in: small, and quick to unpack when one must be written.

use std::fmt;
use std::sync::Arc;

use super::group::Group;

/// One group of a pack. All groups of an object are packed together, because they tend to repeat each other; what is
/// kept is about a fifth of their text.
#[derive(Clone, PartialEq, Eq)]
pub struct PackedGroup {
    /// JSON documents, one after the other, compressed with LZ4.
    pack: Arc<[u8]>,
    start: u32,
    end: u32,
}

/// A [`PackedGroup`] that cannot be unpacked. It is a defect of rulesync, not of the rule.
#[derive(Debug, thiserror::Error)]
#[error("a stored group cannot be read back: {0}")]
pub struct PackError(String);

/// Bytes of a group's JSON, about: room is made for so much at the outset.
const TYPICAL: usize = 1024;

/// Packs groups; the answer has one for each, in order.
///
/// # Errors
///
/// Groups of more than 4 GiB together.
pub fn pack(groups: &[Group]) -> Result<Vec<PackedGroup>, PackError> {
    let mut text = Vec::with_capacity(TYPICAL * groups.len());
    let mut ends = Vec::with_capacity(groups.len());
    for group in groups {
        serde_json::to_writer(&mut text, group).map_err(error)?;
        ends.push(u32::try_from(text.len()).map_err(error)?);
    }
    let pack: Arc<[u8]> = lz4_flex::compress_prepend_size(&text).into();
    let mut start = 0;
    let packed =
        |end| PackedGroup { pack: Arc::clone(&pack), start: std::mem::replace(&mut start, end), end };
    Ok(ends.into_iter().map(packed).collect())
}

impl PackedGroup {
    /// Unpacks it.
    ///
    /// # Errors
    ///
    /// None is known: it would be a defect of rulesync.
    pub fn unpack(&self) -> Result<Group, PackError> {
        Unpacker::default().unpack(self)
    }
}

/// Unpacks the groups of one object one after the other, and decompresses them only once.
#[derive(Default)]
pub(crate) struct Unpacker {
    open: Option<(Arc<[u8]>, Vec<u8>)>,
}

impl Unpacker {
    /// As [`PackedGroup::unpack`].
    pub(crate) fn unpack(&mut self, group: &PackedGroup) -> Result<Group, PackError> {
        serde_json::from_str(self.json(group)?).map_err(error)
    }

    /// A group's JSON.
    pub(crate) fn json(&mut self, group: &PackedGroup) -> Result<&str, PackError> {
        let text = match self.open.take() {
            Some((pack, text)) if Arc::ptr_eq(&pack, &group.pack) => text,
            _ => lz4_flex::decompress_size_prepended(&group.pack).map_err(error)?,
        };
        let (_, text) = self.open.insert((Arc::clone(&group.pack), text));
        let range = group.start as usize..group.end as usize;
        let document = text.get(range).ok_or_else(|| PackError("it is cut off".to_owned()))?;
        std::str::from_utf8(document).map_err(error)
    }
}

impl fmt::Debug for PackedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackedGroup({}..{} of {} bytes packed)", self.start, self.end, self.pack.len())
    }
}

fn error(error: impl fmt::Display) -> PackError {
    PackError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_every_field_of_every_group() {
        let full = r#"{"name":"g","interval":"1m","evaluation_delay":"5s","query_offset":"5s","limit":3,
            "rules":[{"alert":"A","expr":"up == 0","for":"1m30s","keep_firing_for":"1h","labels":{"a":null},
            "annotations":{"b":"c"}},{"record":"r:x","expr":"1"}],"labels":{"team":"x"},"source_tenants":["a"],
            "align_evaluation_time_on_interval":true}"#;
        let full: Group = serde_json::from_str(full).unwrap();
        assert_eq!(full.rules[0].labels["a"], "");
        assert_eq!(full.rules[1].name(), "r:x");
        let groups: Vec<Group> = (0..5).map(|n| Group { name: format!("g{n}"), ..full.clone() }).collect();
        let packed = pack(&groups).unwrap();
        let unpacked: Vec<Group> = packed.iter().map(|group| group.unpack().unwrap()).collect();
        assert_eq!(unpacked, groups);
        let text: usize = groups.iter().map(|group| serde_json::to_vec(group).unwrap().len()).sum();
        assert!(packed[0].pack.len() * 3 < text, "{} of {text} bytes", packed[0].pack.len());
        assert!(pack(&[]).unwrap().is_empty());
    }
}
