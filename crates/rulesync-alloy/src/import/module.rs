//! The blocks of a configuration: which of them write rules, also within one level of `declare`, and which are passed over.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::component::{COMPONENTS, Component, Kind, component, is_clustered};
use super::fields::Context;
use crate::deployment::Deployment;
use crate::evaluate::{Scope, Value};
use crate::report::{Messages, Severity};
use crate::syntax::{Block, Body, Position};

/// What was found in a configuration.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) components: Vec<Component>,
    /// Those that could not be read, by the name under which Alloy knows them.
    pub(super) broken: Vec<String>,
    /// Whether Alloy runs as a cluster.
    pub(super) is_clustered: bool,
}

/// A configuration while it is read.
pub(super) struct Module<'m> {
    pub(super) environment: Option<&'m BTreeMap<String, String>>,
    /// Where something cannot be read: a component around it is not what was written.
    pub(super) damaged: &'m [Position],
    pub(super) messages: &'m RefCell<Messages>,
    pub(super) deployment: &'m RefCell<Deployment>,
}

impl Module<'_> {
    /// Reads the top level of a configuration, which may be in several files.
    pub(super) fn read(&self, body: &Body, found: &mut Found) {
        for attribute in body.attributes() {
            let text = format!("`{}` stands outside of all blocks", attribute.name);
            self.messages.borrow_mut().error(attribute.position, text);
        }
        let blocks: Vec<&Block> = body.blocks().collect();
        let repeated = self.repeated(&blocks);
        let declared: BTreeMap<&str, &Block> = blocks
            .iter()
            .filter(|block| block.name == "declare")
            .map(|block| (block.label(), *block))
            .collect();
        let scope = Scope::new(blocks.clone(), None, self.environment);
        let context = self.context(&scope);
        let (mut passed_over, mut used) = (BTreeMap::<&str, usize>::new(), BTreeSet::new());
        for (number, block) in blocks.iter().enumerate() {
            let name = block.name.as_str();
            if repeated.contains(&number) {
                found.broken.extend(kind(name).map(|_| format!("{name}.{}", block.label())));
            } else if let Some(kind) = kind(name) {
                self.component(&context, block, kind, "", None, found);
            } else if let Some(declaration) = declared.get(name) {
                used.insert(name);
                self.custom(&context, block, declaration, &declared, found);
            } else if name != "declare" && self.pass_over(block) && !REFERRED_TO.contains(&name) {
                *passed_over.entry(name).or_default() += 1;
            }
        }
        for (name, declaration) in &declared {
            if !used.contains(name) && writes_rules(&declaration.body) {
                let text = format!("`{name}` is declared and not used: nothing of it is imported");
                self.messages.borrow_mut().warning(declaration.position, text);
            }
        }
        if !passed_over.is_empty() {
            let names: Vec<String> = passed_over
                .iter()
                .map(
                    |(name, count)| {
                        if *count == 1 { (*name).to_owned() } else { format!("{name} ({count})") }
                    },
                )
                .collect();
            let text = format!("passed over, because they write no rules: {}", names.join(", "));
            self.messages.borrow_mut().add(Severity::Info, None, text);
        }
        self.take_notes(scope);
    }

    fn context<'c, 'a>(&'c self, scope: &'c Scope<'a>) -> Context<'c, 'a> {
        Context { scope, messages: self.messages, deployment: self.deployment }
    }

    fn is_damaged(&self, block: &Block) -> bool {
        self.damaged.iter().any(|position| block.contains(*position))
    }

    fn take_notes(&self, scope: Scope<'_>) {
        for note in scope.into_notes() {
            self.messages.borrow_mut().warning(note.position, note.message);
        }
    }

    /// Reads a component. `within` is the name of the custom component around it, and `label` the label that counts.
    fn component(
        &self,
        context: &Context<'_, '_>,
        block: &Block,
        kind: Kind,
        within: &str,
        label: Option<String>,
        found: &mut Found,
    ) {
        let id = format!("{within}{}.{}", block.name, block.label());
        if block.label().is_empty() {
            context.error(block.position, format!("`{}` needs a label", block.name));
        }
        let label = label.unwrap_or_else(|| block.label().to_owned());
        if self.is_damaged(block) {
            found.broken.push(id);
            return;
        }
        found.is_clustered |= is_clustered(context, block);
        match component(context, block, kind, id.clone(), label) {
            Some(component) => found.components.push(component),
            None => found.broken.push(id),
        }
    }

    /// Reads a component that is declared in the configuration.
    fn custom(
        &self,
        outer: &Context<'_, '_>,
        block: &Block,
        declaration: &Block,
        declared: &BTreeMap<&str, &Block>,
        found: &mut Found,
    ) {
        if !writes_rules(&declaration.body) && !uses(&declaration.body, declared) {
            return;
        }
        let id = format!("{}.{}", block.name, block.label());
        let before = self.messages.borrow().errors();
        let arguments = self.arguments(outer, block, declaration);
        if self.messages.borrow().errors() > before || self.is_damaged(block) || self.is_damaged(declaration)
        {
            found.broken.push(id);
            return;
        }
        let scope = Scope::new(declaration.body.blocks().collect(), Some(arguments), self.environment);
        let context = self.context(&scope);
        let single = declaration.body.blocks().filter(|block| kind(&block.name).is_some()).count() == 1;
        for inner in declaration.body.blocks() {
            if let Some(kind) = kind(&inner.name) {
                let label = if single {
                    block.label().to_owned()
                } else {
                    format!("{}.{}", block.label(), inner.label())
                };
                self.component(&context, inner, kind, &format!("{id}/"), Some(label), found);
            } else if inner.name == "declare" || declared.contains_key(inner.name.as_str()) {
                let writes = declared.get(inner.name.as_str()).is_some_and(|block| writes_rules(&block.body));
                if writes || writes_rules(&inner.body) {
                    let text = format!(
                        "`{}` within a `declare`: only one level of `declare` is imported",
                        inner.name
                    );
                    self.messages.borrow_mut().error(inner.position, text);
                    found.broken.push(id.clone());
                }
            } else if inner.name != "argument" && inner.name != "export" {
                let _ = self.pass_over(inner);
            }
        }
        self.take_notes(scope);
    }

    /// The arguments that a custom component is given, with the defaults of all others.
    fn arguments(
        &self,
        outer: &Context<'_, '_>,
        block: &Block,
        declaration: &Block,
    ) -> BTreeMap<String, Value> {
        let mut values = BTreeMap::new();
        let declared: Vec<&Block> =
            declaration.body.blocks().filter(|block| block.name == "argument").collect();
        for attribute in block.body.attributes() {
            if !declared.iter().any(|argument| argument.label() == attribute.name) {
                let text = format!("`{}` has no argument `{}`", block.name, attribute.name);
                outer.error(attribute.position, text);
            }
            match outer.scope.evaluate(&attribute.value) {
                Ok(value) => _ = values.insert(attribute.name.clone(), value),
                Err(error) => outer.error(error.position, format!("`{}`: {error}", attribute.name)),
            }
        }
        for inner in block.body.blocks() {
            outer.error(inner.position, format!("`{}` has arguments only, and no blocks", block.name));
        }
        for argument in
            declared.iter().filter(|argument| !block.body.attributes().any(|a| a.name == argument.label()))
        {
            let attribute = |name: &str| argument.body.attributes().find(|attribute| attribute.name == name);
            let value = |name: &str| match outer.scope.evaluate(&attribute(name)?.value) {
                Ok(value) => Some(value),
                Err(error) => {
                    outer.error(error.position, format!("`{name}`: {error}"));
                    None
                }
            };
            if value("optional") != Some(Value::Bool(true)) {
                let text = format!("the argument `{}` of `{}` is missing", argument.label(), block.name);
                outer.error(block.position, text);
            }
            values.insert(argument.label().to_owned(), value("default").unwrap_or(Value::Null));
        }
        values
    }

    /// Reports blocks with the name and label of an earlier one, and returns their numbers.
    fn repeated(&self, blocks: &[&Block]) -> BTreeSet<usize> {
        let (mut seen, mut repeated) = (BTreeSet::new(), BTreeSet::new());
        for (number, block) in blocks.iter().enumerate().filter(|(_, block)| block.label.is_some()) {
            if !seen.insert((&block.name, block.label())) {
                repeated.insert(number);
                let text =
                    format!("there is a block `{}` with the label `{}` already", block.name, block.label());
                self.messages.borrow_mut().error(block.position, text);
            }
        }
        repeated
    }

    /// Reports what of a block that is passed over concerns rules all the same. Returns whether no rules are written by it.
    fn pass_over(&self, block: &Block) -> bool {
        let mut messages = self.messages.borrow_mut();
        let (name, position) = (&block.name, block.position);
        if name.starts_with("import.") {
            let text = format!("`{name}` is not followed: components in that module are not imported");
            messages.warning(position, text);
        } else if name == "mimir.alerts.kubernetes" {
            let text =
                format!("`{name}` is not imported: rulesync manages rules, not Alertmanager configurations");
            messages.warning(position, text);
        }
        let nested = Cell::new(None);
        first_writer(&block.body, &nested);
        if let Some(writer) = nested.get() {
            let text = format!("`{}` within `{name}` cannot be imported", writer.name);
            messages.error(writer.position, text);
        }
        nested.get().is_none()
    }
}

/// Components that settings refer to: they are not passed over.
const REFERRED_TO: [&str; 3] = ["local.file", "remote.kubernetes.configmap", "remote.kubernetes.secret"];

/// The kind of a component, if it writes rules.
fn kind(name: &str) -> Option<Kind> {
    COMPONENTS.iter().find(|(component, _)| *component == name).map(|(_, kind)| *kind)
}

/// Whether some component in a body writes rules.
fn writes_rules(body: &Body) -> bool {
    let nested = Cell::new(None);
    first_writer(body, &nested);
    nested.get().is_some()
}

fn first_writer<'a>(body: &'a Body, found: &Cell<Option<&'a Block>>) {
    for block in body.blocks() {
        if found.get().is_some() {
            return;
        }
        if kind(&block.name).is_some() {
            found.set(Some(block));
            return;
        }
        first_writer(&block.body, found);
    }
}

/// Whether a body uses a declared component that writes rules.
fn uses(body: &Body, declared: &BTreeMap<&str, &Block>) -> bool {
    let declaration = |block: &Block| declared.get(block.name.as_str()).copied();
    body.blocks().filter_map(declaration).any(|declaration| writes_rules(&declaration.body))
}
