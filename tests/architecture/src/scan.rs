//! From the syntax of a module to its names.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::module::{Import, ImportedName, Names, Segments};

/// A child as its parent declares it.
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) body: Body,
}

/// Where the code of a child stands.
pub(crate) enum Body {
    Inline(Vec<syn::Item>),
    /// In a file of its own, at the path of a `#[path]` or at the usual one.
    File(Option<String>),
}

/// Collects the names of a module, and its children.
pub(crate) fn scan(items: Vec<syn::Item>) -> (Names, Vec<Child>) {
    let mut scanner = Scanner::default();
    let mut children = Vec::new();
    for item in items {
        if is_test_only(attributes(&item)) {
            continue;
        }
        match item {
            syn::Item::Mod(module) => {
                let path = module.attrs.iter().find_map(path_attribute);
                let body = match module.content {
                    Some((_, items)) => Body::Inline(items),
                    None => Body::File(path),
                };
                children.push(Child { name: module.ident.to_string(), body });
            }
            item => {
                scanner.names.items.extend(defined_name(&item));
                scanner.visit_item(&item);
            }
        }
    }
    (scanner.names, children)
}

#[derive(Default)]
struct Scanner {
    names: Names,
}

impl<'ast> Visit<'ast> for Scanner {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test_only(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        flatten(&item.tree, &mut Vec::new(), &mut self.names.imports);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.names.paths.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    // `pub(in path)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.scan_tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            if list.path.is_ident("serde") {
                self.scan_strings(list.tokens.clone());
            }
            self.scan_tokens(list.tokens.clone());
        }
    }
}

impl Scanner {
    /// Collects what looks like a path: macros have a syntax of their own.
    fn scan_tokens(&mut self, tokens: TokenStream) {
        let mut path: Segments = Vec::new();
        let mut colons = 0;
        let mut after_dot = false;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => path.push(ident.to_string()),
                TokenTree::Ident(ident) => {
                    self.insert(&mut path);
                    // A field or a method.
                    if !after_dot {
                        path.push(ident.to_string());
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Punct(punct) => {
                    self.insert(&mut path);
                    after_dot = punct.as_char() == '.';
                    colons = 0;
                    continue;
                }
                TokenTree::Group(group) => {
                    // `path::{a, b}` is left at `path`: no macro of the workspace takes imports.
                    if group.delimiter() != Delimiter::None {
                        self.insert(&mut path);
                    }
                    self.scan_tokens(group.stream());
                }
                TokenTree::Literal(_) => self.insert(&mut path),
            }
            (colons, after_dot) = (0, false);
        }
        self.insert(&mut path);
    }

    /// serde names functions and modules in strings.
    fn scan_strings(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Literal(literal) => {
                    let text = syn::parse_str::<syn::LitStr>(&literal.to_string());
                    if let Ok(path) = text.and_then(|text| text.parse::<syn::Path>()) {
                        self.visit_path(&path);
                    }
                }
                TokenTree::Group(group) => self.scan_strings(group.stream()),
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }

    fn insert(&mut self, path: &mut Segments) {
        if !path.is_empty() {
            self.names.paths.insert(std::mem::take(path));
        }
    }
}

/// Adds the leaves of a `use`.
fn flatten(tree: &syn::UseTree, prefix: &mut Segments, imports: &mut Vec<Import>) {
    let leaf = |ident: Option<String>, name| {
        let mut path = prefix.clone();
        // `use path::{self}` imports the path.
        path.extend(ident.filter(|ident| ident != "self" || prefix.is_empty()));
        Import { path, name }
    };
    match tree {
        syn::UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, imports);
            prefix.pop();
        }
        syn::UseTree::Name(name) => {
            let ident = name.ident.to_string();
            let known_as =
                if ident == "self" { prefix.last().cloned().unwrap_or_default() } else { ident.clone() };
            imports.push(leaf(Some(ident), ImportedName::One(known_as)));
        }
        syn::UseTree::Rename(rename) => {
            let name = match rename.rename.to_string() {
                underscore if underscore == "_" => ImportedName::None,
                name => ImportedName::One(name),
            };
            imports.push(leaf(Some(rename.ident.to_string()), name));
        }
        syn::UseTree::Glob(_) => imports.push(leaf(None, ImportedName::All)),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, prefix, imports)),
    }
}

fn defined_name(item: &syn::Item) -> Option<String> {
    let ident = match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Fn(item) => &item.sig.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::TraitAlias(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether an item is compiled only where `cfg(test)` holds.
fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Meta>().is_ok_and(|condition| implies_test(&condition))
    })
}

fn implies_test(condition: &syn::Meta) -> bool {
    match condition {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) if list.path.is_ident("all") => list
            .parse_args_with(syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated)
            .is_ok_and(|conditions| conditions.iter().any(implies_test)),
        _ => false,
    }
}

fn path_attribute(attribute: &syn::Attribute) -> Option<String> {
    match &attribute.meta {
        syn::Meta::NameValue(syn::MetaNameValue {
            path,
            value: syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }),
            ..
        }) if path.is_ident("path") => Some(text.value()),
        _ => None,
    }
}
