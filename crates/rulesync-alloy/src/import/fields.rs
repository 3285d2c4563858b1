//! The attributes and blocks of one block, each of which is known and stands there once, with their types.

use std::cell::RefCell;

use super::credentials::holds_credentials;
use crate::deployment::{Deployment, Setting};
use crate::evaluate::{Scope, Text, Value};
use crate::report::Messages;
use crate::syntax::{Attribute, Block, Body, Position};
use crate::yaml::{Entry, Node, Scalar};

/// What is needed to read settings, and what collects the findings.
pub(super) struct Context<'c, 'a> {
    pub(super) scope: &'c Scope<'a>,
    pub(super) messages: &'c RefCell<Messages>,
    pub(super) deployment: &'c RefCell<Deployment>,
}

/// The attributes and blocks of a block.
pub(super) struct Fields<'c, 'a> {
    context: &'c Context<'c, 'a>,
    body: &'c Body,
    position: Position,
}

/// A value and its position.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) position: Position,
}

/// Lists of texts by name.
pub(super) type Lists = Vec<(String, Vec<Text>)>;

impl<'c, 'a> Fields<'c, 'a> {
    /// Reads a block that may have these attributes and blocks, and reports all others.
    pub(super) fn of(
        context: &'c Context<'c, 'a>,
        block: &'c Block,
        attributes: &[&str],
        blocks: &[&str],
    ) -> Self {
        let within = &block.name;
        let mut seen: Vec<&str> = Vec::new();
        for attribute in block.body.attributes() {
            let (name, position) = (attribute.name.as_str(), attribute.position);
            if blocks.contains(&name) {
                context.error(position, format!("`{name}` is a block in `{within}`: write it without `=`"));
            } else if !attributes.contains(&name) {
                context.error(
                    position,
                    format!("unknown attribute `{name}` in `{within}`{}", meant(name, attributes)),
                );
            } else if seen.contains(&name) {
                context.error(position, format!("the attribute `{name}` is repeated"));
            }
            seen.push(name);
        }
        for inner in block.body.blocks() {
            let (name, position) = (inner.name.as_str(), inner.position);
            if attributes.contains(&name) {
                context.error(position, format!("`{name}` is an attribute of `{within}`: write it with `=`"));
            } else if !blocks.contains(&name) {
                context
                    .error(position, format!("unknown block `{name}` in `{within}`{}", meant(name, blocks)));
            } else if let Some(label) = &inner.label {
                context.error(label.position, format!("the block `{name}` has no label"));
            }
        }
        Self { context, body: &block.body, position: block.position }
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    pub(super) fn context(&self) -> &'c Context<'c, 'a> {
        self.context
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&'c Attribute> {
        self.body.attributes().find(|attribute| attribute.name == name)
    }

    /// All blocks of this name.
    pub(super) fn blocks(&self, name: &str) -> impl Iterator<Item = &'c Block> {
        self.body.blocks().filter(move |block| block.name == name)
    }

    /// The block of this name. More than one are reported.
    pub(super) fn block(&self, name: &str) -> Option<&'c Block> {
        let mut blocks = self.blocks(name);
        let first = blocks.next();
        for repeated in blocks {
            self.context.error(repeated.position, format!("the block `{name}` is repeated"));
        }
        first
    }

    fn value(&self, name: &str) -> Option<Located<Value>> {
        let attribute = self.attribute(name)?;
        match self.context.scope.evaluate(&attribute.value) {
            Ok(Value::Null) => None,
            Ok(value) => Some(Located { value, position: attribute.value.position }),
            Err(error) => {
                self.context.error(error.position, format!("`{name}`: {error}"));
                None
            }
        }
    }

    fn mismatch<T>(&self, name: &str, position: Position, expected: &str, found: &Value) -> Option<T> {
        let message = format!("`{name}` is {expected}, found {}", found.type_name());
        self.context.error(position, message);
        None
    }

    /// A string that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<Located<Text>> {
        let Located { value, position } = self.value(name)?;
        let text = match &value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => Text::from(number.to_string().as_str()),
            other => return self.mismatch(name, position, "a string", other),
        };
        (!text.is_empty()).then_some(Located { value: text, position })
    }

    /// A string that must be there and not be empty.
    pub(super) fn required_text(&self, name: &str) -> Option<Located<Text>> {
        let Some(attribute) = self.attribute(name) else {
            self.context.error(self.position, format!("`{name}` is missing"));
            return None;
        };
        let is_empty = match self.context.scope.evaluate(&attribute.value) {
            Ok(Value::Null) => true,
            Ok(Value::Text(text)) => text.is_empty(),
            _ => false,
        };
        if is_empty {
            self.context.error(attribute.value.position, format!("`{name}` is empty"));
        }
        self.text(name)
    }

    /// A string that must be known here. Absent or empty ones are none.
    pub(super) fn known_text(&self, name: &str) -> Option<Located<String>> {
        let Located { value, position } = self.text(name)?;
        match value.literal() {
            Some(text) => Some(Located { value: text.to_owned(), position }),
            None => {
                let message =
                    format!("`{name}` must be known here, and not only where the configuration is used");
                self.context.error(position, message);
                None
            }
        }
    }

    /// A bool.
    pub(super) fn bool(&self, name: &str) -> Option<Located<bool>> {
        let Located { value, position } = self.value(name)?;
        match value {
            Value::Bool(value) => Some(Located { value, position }),
            other => self.mismatch(name, position, "a bool", &other),
        }
    }

    /// A list of strings.
    pub(super) fn texts(&self, name: &str) -> Option<Located<Vec<Text>>> {
        let Located { value, position } = self.value(name)?;
        let value = self.list(name, position, value)?;
        Some(Located { value, position })
    }

    /// An object whose fields are strings.
    pub(super) fn map(&self, name: &str) -> Option<Located<Vec<(String, Text)>>> {
        let Located { value, position } = self.value(name)?;
        let mut texts = Vec::new();
        for (field, value) in self.object(name, position, value)? {
            match value {
                Value::Text(text) => texts.push((field, text)),
                Value::Number(number) => texts.push((field, Text::from(number.to_string().as_str()))),
                other => return self.mismatch(&format!("{name}.{field}"), position, "a string", &other),
            }
        }
        Some(Located { value: texts, position })
    }

    /// An object whose fields are lists of strings.
    pub(super) fn lists(&self, name: &str) -> Option<Located<Lists>> {
        let Located { value, position } = self.value(name)?;
        let mut lists = Vec::new();
        for (field, value) in self.object(name, position, value)? {
            let list = self.list(&format!("{name}.{field}"), position, value)?;
            lists.push((field, list));
        }
        Some(Located { value: lists, position })
    }

    fn object(&self, name: &str, position: Position, value: Value) -> Option<Vec<(String, Value)>> {
        match value {
            Value::Object(fields) => Some(fields),
            other => self.mismatch(name, position, "an object", &other),
        }
    }

    fn list(&self, name: &str, position: Position, value: Value) -> Option<Vec<Text>> {
        let Value::List(items) = value else {
            return self.mismatch(name, position, "a list of strings", &value);
        };
        let mut texts = Vec::new();
        for item in items {
            match item {
                Value::Text(text) => texts.push(text),
                other => return self.mismatch(name, position, "a list of strings", &other),
            }
        }
        Some(texts)
    }

    /// A string as a setting of this key.
    pub(super) fn setting(&self, name: &str, key: &str) -> Option<Entry> {
        let Located { value, position } = self.text(name)?;
        let scalar = self.context.scalar(name, &value, position)?;
        Some(Entry::new(key, Node::Scalar(scalar)).at(position))
    }

    /// An address as a setting of the same key, without credentials in it: those are for `instead`.
    pub(super) fn address(&self, name: &str, instead: &str) -> Option<Entry> {
        if let Some(Located { value, position }) = self.text(name)
            && holds_credentials(&value)
        {
            self.context.error(position, format!("`{name}` holds credentials: use `{instead}`"));
        }
        self.setting(name, name)
    }

    /// A string as a setting of this key, or of `KEY_file` if it is the content of a file.
    pub(super) fn setting_or_file(&self, name: &str, key: &str) -> Option<Entry> {
        let Located { value, position } = self.text(name)?;
        let setting = self.context.deployment.borrow_mut().setting(&value);
        if SECRETS.contains(&name) && value.has_literal() {
            let better = format!("a file, with `{key}_file`");
            self.context.messages.borrow_mut().secret(position, &format!("`{name}`"), &better);
        }
        match setting {
            Ok(Setting::Value(scalar)) => Some(Entry::new(key, Node::Scalar(scalar)).at(position)),
            Ok(Setting::File(path)) => {
                Some(Entry::new(format!("{key}_file"), Node::Scalar(path)).at(position))
            }
            Err(reason) => {
                self.context.error(position, format!("`{name}`: {reason}"));
                None
            }
        }
    }
}

/// Settings that nobody but the server should know.
const SECRETS: [&str; 5] = ["bearer_token", "client_secret", "credentials", "key_pem", "password"];

impl Context<'_, '_> {
    pub(super) fn error(&self, position: Position, text: impl Into<String>) {
        self.messages.borrow_mut().error(position, text);
    }

    /// A text as a setting that has no form with `_file`. Errors name the attribute.
    pub(super) fn scalar(&self, name: &str, text: &Text, position: Position) -> Option<Scalar> {
        let scalar = self.deployment.borrow_mut().scalar(text);
        scalar.map_err(|reason| self.error(position, format!("`{name}`: {reason}"))).ok()
    }
}

/// What an unknown name seems to mean.
fn meant(name: &str, known: &[&str]) -> String {
    let similarity = |other: &&&str| (strsim::jaro_winkler(name, other) * 1000.0) as u32;
    let nearest = known.iter().max_by_key(similarity).filter(|nearest| similarity(nearest) > 850);
    nearest.map_or_else(String::new, |nearest| format!(": did you mean `{nearest}`?"))
}
