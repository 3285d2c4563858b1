//! A tree as one line of text, and its hash, identical to those that `templates.go` computes from Go's trees.

use std::collections::BTreeMap;

use rulesync_expr::template::{Node, NodeKind, Template};

/// The hash of a template's tree and of the trees it defines, by name. Trees of only white space are left out.
pub(crate) fn hash(name: &str, text: &str, template: &Template<'_>) -> String {
    let mut shapes = Shapes { text, template, defined: BTreeMap::new() };
    let roots = template.roots().map(|node| index_of(template, node)).collect();
    shapes.define(name, roots);
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for (name, shape) in shapes.defined {
        for byte in format!("{name}={{{shape}}}").bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

struct Shapes<'a, 't> {
    text: &'t str,
    template: &'a Template<'t>,
    defined: BTreeMap<String, String>,
}

/// The index of a node in the list of all nodes.
fn index_of<'t>(template: &Template<'t>, node: &Node<'t>) -> usize {
    template.nodes().iter().position(|other| std::ptr::eq(other, node)).expect("the node is in the list")
}

impl Shapes<'_, '_> {
    fn children(&self, index: usize) -> Vec<usize> {
        self.template.children(index).map(|node| index_of(self.template, node)).collect()
    }

    fn list(&mut self, nodes: Vec<usize>) -> String {
        nodes.into_iter().map(|node| self.node(node)).collect()
    }

    fn within(&mut self, index: usize) -> String {
        self.list(self.children(index))
    }

    fn define(&mut self, name: &str, nodes: Vec<usize>) {
        let is_blank = |index: &usize| {
            let Node { kind, span, .. } = &self.template.nodes()[*index];
            match kind {
                NodeKind::Text => span.text(self.text).trim().is_empty(),
                kind => matches!(kind, NodeKind::Define { .. }),
            }
        };
        let blank = nodes.iter().all(is_blank);
        let shape = self.list(nodes);
        if !blank {
            self.defined.insert(name.to_owned(), shape);
        }
    }

    fn node(&mut self, index: usize) -> String {
        let node = self.template.nodes()[index].clone();
        let written = node.span.text(self.text);
        match &node.kind {
            NodeKind::Text => format!("text{} ", node.span.len()),
            NodeKind::Action => format!("action({})", self.within(index)),
            NodeKind::If => format!("if({})", self.within(index)),
            NodeKind::With => format!("with({})", self.within(index)),
            NodeKind::Range => format!("range({})", self.within(index)),
            NodeKind::Body => format!("{{{}}}", self.within(index)),
            NodeKind::Else => format!("else{{{}}}", self.within(index)),
            NodeKind::Break => "break ".to_owned(),
            NodeKind::Continue => "continue ".to_owned(),
            NodeKind::Define { name } => {
                self.define(name, self.children(index + 1));
                String::new()
            }
            NodeKind::Block { name } => {
                let [pipeline, body] = self.children(index)[..] else { panic!("{written}") };
                self.define(name, self.children(body));
                format!("template {name}({})", self.node(pipeline))
            }
            NodeKind::Template { name } => format!("template {name}({})", self.within(index)),
            NodeKind::Pipeline { sets, assigns } => {
                let mut shape = "[".to_owned();
                sets.iter().for_each(|name| shape.extend([name, " "]));
                if !sets.is_empty() {
                    shape += if *assigns { "= " } else { ":= " };
                }
                shape += &self.within(index);
                shape.push(']');
                if written.starts_with('(') {
                    let commands = self.template.children(index).last().map_or(0, |command| command.span.end);
                    let fields = self.text[commands..node.span.end].trim_start_matches(')');
                    shape += fields;
                    shape += if fields.is_empty() { "" } else { " " };
                }
                shape
            }
            NodeKind::Command => format!("<{}>", self.within(index)),
            NodeKind::Function { .. } => format!("function {written} "),
            NodeKind::Variable { .. } => format!("variable {written} "),
            NodeKind::Field => format!("field {written} "),
            NodeKind::Dot => "dot ".to_owned(),
            NodeKind::Nil => "nil ".to_owned(),
            NodeKind::Bool => format!("bool {written} "),
            NodeKind::Number => format!("number {written} "),
            NodeKind::String { .. } => format!("string {written} "),
            other => panic!("{other:?}"),
        }
    }
}
