//! Bodies in protobuf, which kubectl sends where it has Go types: for ConfigMaps, namespaces, reviews and the options of
//! deletes. They are read into JSON; answers are always JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// The media type of such bodies.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// The bytes before every body.
const MAGIC: &[u8] = b"k8s\0";

/// A field of a message: its number, its name in JSON, and what it is.
type Field = (u64, &'static str, Type);

#[derive(Debug, Clone, Copy)]
enum Type {
    Text,
    Bytes,
    Integer,
    Boolean,
    Message(&'static [Field]),
    /// A map from text.
    Map(&'static Type),
    List(&'static Type),
}

const TEXTS: Type = Type::Map(&Type::Text);
const LIST: Type = Type::List(&Type::Text);

const OWNER: &[Field] = &[
    (1, "kind", Type::Text),
    (3, "name", Type::Text),
    (4, "uid", Type::Text),
    (5, "apiVersion", Type::Text),
    (6, "controller", Type::Boolean),
    (7, "blockOwnerDeletion", Type::Boolean),
];

/// Without what the server sets.
const METADATA: &[Field] = &[
    (1, "name", Type::Text),
    (2, "generateName", Type::Text),
    (3, "namespace", Type::Text),
    (5, "uid", Type::Text),
    (6, "resourceVersion", Type::Text),
    (11, "labels", TEXTS),
    (12, "annotations", TEXTS),
    (13, "ownerReferences", Type::List(&Type::Message(OWNER))),
    (14, "finalizers", LIST),
];

const CONFIG_MAP: &[Field] = &[
    (1, "metadata", Type::Message(METADATA)),
    (2, "data", TEXTS),
    (3, "binaryData", Type::Map(&Type::Bytes)),
    (4, "immutable", Type::Boolean),
];

const NAMESPACE: &[Field] = &[(1, "metadata", Type::Message(METADATA))];

const RESOURCE_ATTRIBUTES: &[Field] = &[
    (1, "namespace", Type::Text),
    (2, "verb", Type::Text),
    (3, "group", Type::Text),
    (4, "version", Type::Text),
    (5, "resource", Type::Text),
    (6, "subresource", Type::Text),
    (7, "name", Type::Text),
];

const NON_RESOURCE_ATTRIBUTES: &[Field] = &[(1, "path", Type::Text), (2, "verb", Type::Text)];

const ACCESS_SPEC: &[Field] = &[
    (1, "resourceAttributes", Type::Message(RESOURCE_ATTRIBUTES)),
    (2, "nonResourceAttributes", Type::Message(NON_RESOURCE_ATTRIBUTES)),
];

const ACCESS_REVIEW: &[Field] =
    &[(1, "metadata", Type::Message(METADATA)), (2, "spec", Type::Message(ACCESS_SPEC))];

const PRECONDITIONS: &[Field] = &[(1, "uid", Type::Text), (2, "resourceVersion", Type::Text)];

const DELETE_OPTIONS: &[Field] = &[
    (1, "gracePeriodSeconds", Type::Integer),
    (2, "preconditions", Type::Message(PRECONDITIONS)),
    (3, "orphanDependents", Type::Boolean),
    (4, "propagationPolicy", Type::Text),
    (5, "dryRun", LIST),
];

/// The envelope: what the body is, and the body.
const TYPE_META: &[Field] = &[(1, "apiVersion", Type::Text), (2, "kind", Type::Text)];
const UNKNOWN: &[Field] = &[(1, "typeMeta", Type::Message(TYPE_META)), (2, "raw", Type::Bytes)];

/// Reads a body.
///
/// # Errors
/// A message if it is damaged, or of a kind that is not read here.
pub(crate) fn read(body: &[u8]) -> Result<Value, String> {
    let envelope =
        body.strip_prefix(MAGIC).ok_or("provided data does not appear to be a protobuf message")?;
    let envelope = message(envelope, UNKNOWN)?;
    let text = |pointer: &str| envelope.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let kind = text("/typeMeta/kind");
    let fields = match kind {
        "ConfigMap" => CONFIG_MAP,
        // Of a question about oneself nothing but the metadata is sent.
        "Namespace" | "SelfSubjectReview" => NAMESPACE,
        "SelfSubjectAccessReview" => ACCESS_REVIEW,
        "DeleteOptions" => DELETE_OPTIONS,
        other => return Err(format!("{other:?} is not read from protobuf here; send JSON")),
    };
    let raw = STANDARD.decode(text("/raw")).map_err(|error| error.to_string())?;
    let mut value = message(&raw, fields)?;
    value["apiVersion"] = json!(text("/typeMeta/apiVersion"));
    value["kind"] = json!(kind);
    Ok(value)
}

/// Reads a message. Empty values are left out, as in JSON; unknown fields are skipped.
fn message(mut bytes: &[u8], fields: &[Field]) -> Result<Value, String> {
    let mut members = Map::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let content = Content::read(&mut bytes, tag & 7)?;
        let Some((_, name, kind)) = fields.iter().find(|(number, ..)| *number == tag >> 3) else { continue };
        match kind {
            Type::Map(kind) => {
                let entry = message(content.bytes()?, &[(1, "key", Type::Text)])?;
                let key = entry["key"].as_str().unwrap_or_default().to_owned();
                let value = second(content.bytes()?, **kind)?;
                let entries = members.entry(*name).or_insert_with(|| json!({}));
                entries[key] = value;
            }
            Type::List(kind) => {
                let items = members.entry(*name).or_insert_with(|| json!([]));
                if let (Value::Array(items), value) = (items, content.value(**kind)?) {
                    items.push(value);
                }
            }
            kind => {
                let value = content.value(*kind)?;
                if !matches!(&value, Value::String(text) if text.is_empty()) {
                    members.insert((*name).to_owned(), value);
                }
            }
        }
    }
    Ok(Value::Object(members))
}

/// The value of an entry of a map, which may be empty.
fn second(mut entry: &[u8], kind: Type) -> Result<Value, String> {
    while !entry.is_empty() {
        let tag = varint(&mut entry)?;
        let content = Content::read(&mut entry, tag & 7)?;
        if tag >> 3 == 2 {
            return content.value(kind);
        }
    }
    Ok(json!(""))
}

enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    fn read(bytes: &mut &'a [u8], wire_type: u64) -> Result<Self, String> {
        match wire_type {
            0 => varint(bytes).map(Self::Number),
            2 => {
                let length = usize::try_from(varint(bytes)?).unwrap_or(usize::MAX);
                let (content, rest) = bytes.split_at_checked(length).ok_or("unexpected EOF")?;
                *bytes = rest;
                Ok(Self::Bytes(content))
            }
            other => Err(format!("illegal wire type {other}")),
        }
    }

    fn bytes(&self) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err("wrong wire type".to_owned()),
        }
    }

    fn value(&self, kind: Type) -> Result<Value, String> {
        match (kind, self) {
            (Type::Integer, Self::Number(number)) => Ok(json!(number.cast_signed())),
            (Type::Boolean, Self::Number(number)) => Ok(json!(*number != 0)),
            (Type::Text, Self::Bytes(bytes)) => {
                std::str::from_utf8(bytes).map(Value::from).map_err(|error| error.to_string())
            }
            (Type::Bytes, Self::Bytes(bytes)) => Ok(json!(STANDARD.encode(bytes))),
            (Type::Message(fields), Self::Bytes(bytes)) => message(bytes, fields),
            _ => Err("wrong wire type".to_owned()),
        }
    }
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or("unexpected EOF")?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("integer overflow".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with content that has a length.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 128, "one byte is enough");
        [&[number << 3 | 2, length], content].concat()
    }

    fn body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &type_meta), field(2, raw), field(3, b""), field(4, b"")].concat()
    }

    #[test]
    fn protobuf_is_read_as_json() {
        let entry = |key: &[u8], value: &[u8]| [field(1, key), field(2, value)].concat();
        let metadata = [
            field(1, b"c"),
            field(2, b""),
            field(3, b"team-a"),
            // The generation is not read.
            vec![7 << 3, 0],
            field(11, &entry(b"a", b"b")),
            field(14, b"example.com/x"),
        ];
        let map = [
            field(1, &metadata.concat()),
            field(2, &entry(b"k", b"v")),
            field(2, &entry(b"e", b"")),
            field(3, &entry(b"b", b"\xff")),
            vec![4 << 3, 1],
        ];
        assert_eq!(
            read(&body("v1", "ConfigMap", &map.concat())).unwrap(),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "c", "namespace": "team-a", "labels": {"a": "b"}, "finalizers": ["example.com/x"]},
                "data": {"k": "v", "e": ""}, "binaryData": {"b": "/w=="}, "immutable": true,
            })
        );
        let options = [vec![1 << 3, 0xac, 0x02], field(4, b"Background"), field(2, &field(1, b"uid-1"))];
        assert_eq!(
            read(&body("v1", "DeleteOptions", &options.concat())).unwrap(),
            json!({
                "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 300,
                "propagationPolicy": "Background", "preconditions": {"uid": "uid-1"},
            })
        );
    }

    #[test]
    fn protobuf_that_is_damaged_or_unknown_is_refused() {
        let whole = body("v1", "Namespace", &field(1, &field(1, b"a")));
        assert!(read(&whole).is_ok());
        // In the magic, in the type, and in the object, which two empty fields follow.
        for end in [3, 8, whole.len() - 5] {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
        assert!(read(b"{}").is_err());
        assert!(read(&body("v1", "Pod", b"")).unwrap_err().contains("Pod"));
        assert!(read(&[MAGIC, &[0xff; 11]].concat()).is_err());
    }
}
