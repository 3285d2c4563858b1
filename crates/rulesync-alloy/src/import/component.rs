//! One component that writes rules: `mimir.rules.kubernetes` or `loki.rules.kubernetes`, with all that it is told.

use super::duration;
use super::fields::{Context, Fields, Located};
use super::http::{self, Client};
use super::matchers::matchers;
use super::selector::{Selector, selector};
use crate::syntax::{Block, Position};
use crate::yaml::{Entry, Mapping, Node, Piece, Scalar};

/// A component that writes rules.
#[derive(Debug)]
pub(super) struct Component {
    /// The name under which Alloy knows it.
    pub(super) id: String,
    pub(super) kind: Kind,
    /// Its label, or that of the custom component that it is in.
    pub(super) label: String,
    pub(super) position: Position,
    /// What tells one connection from another: the settings of a ruler, without its name.
    pub(super) connection: Mapping,
    pub(super) tenant: Option<Entry>,
    pub(super) naming: Naming,
    /// Where the naming is set, or else the component.
    pub(super) naming_position: Position,
    /// In milliseconds, if it is set.
    pub(super) sync_interval: Option<Located<u64>>,
    /// The labels and matchers that it adds to rules: settings of a route.
    pub(super) transform: Mapping,
    pub(super) rule_selector: Selector,
    pub(super) namespace_selector: Selector,
}

/// The names that Alloy gives to ruler namespaces.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Naming {
    pub(super) prefix: Scalar,
    pub(super) separator: Scalar,
}

/// What a component writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mimir,
    Loki,
}

/// The components that write rules.
pub(super) const COMPONENTS: [(&str, Kind); 2] =
    [("mimir.rules.kubernetes", Kind::Mimir), ("loki.rules.kubernetes", Kind::Loki)];

/// The attributes of both.
const COMMON: [&str; 4] = ["address", "sync_interval", "tenant_id", "use_legacy_routes"];

const MIMIR: [&str; 4] =
    ["external_labels", "mimir_namespace_prefix", "mimir_namespace_separator", "prometheus_http_prefix"];

const LOKI: [&str; 2] = ["loki_namespace_prefix", "loki_namespace_separator"];

/// The blocks of both.
const BLOCKS: [&str; 4] = ["clustering", "extra_query_matchers", "rule_namespace_selector", "rule_selector"];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Mimir => "mimir",
            Self::Loki => "loki",
        }
    }

    /// The separator of names by default.
    fn separator(self) -> &'static str {
        match self {
            Self::Mimir => "/",
            Self::Loki => "-",
        }
    }
}

impl Component {
    /// The separator of its names, if parts of names may contain it.
    pub(super) fn unclear_separator(&self) -> Option<&str> {
        let literal = match &self.naming.separator {
            Scalar::Text(pieces) => match pieces.as_slice() {
                [Piece::Literal(text)] => text.as_str(),
                _ => return None,
            },
            Scalar::Plain(text) => text.as_str(),
        };
        literal.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.').then_some(literal)
    }
}

/// Reads a component. What is wrong with it is among the messages; then there is none.
pub(super) fn component(
    context: &Context<'_, '_>,
    block: &Block,
    kind: Kind,
    id: String,
    label: String,
) -> Option<Component> {
    let before = context.messages.borrow().errors();
    let own: &[&str] = match kind {
        Kind::Mimir => &MIMIR,
        Kind::Loki => &LOKI,
    };
    let attributes = [&COMMON[..], own, &http::ATTRIBUTES].concat();
    let fields = Fields::of(context, block, &attributes, &[&BLOCKS[..], &http::BLOCKS].concat());
    let Client { settings, tenant } = http::client(&fields);
    let mut connection = connection(&fields, kind)?;
    connection.extend(settings);
    let select =
        |name: &str| fields.block(name).map_or_else(Selector::default, |block| selector(context, block));
    let made = Component {
        kind,
        label,
        position: block.position,
        connection,
        tenant: self::tenant(&fields, tenant),
        naming: naming(&fields, kind)?,
        naming_position: ["prefix", "separator"]
            .iter()
            .find_map(|part| fields.attribute(&format!("{}_namespace_{part}", kind.name())))
            .map_or(block.position, |attribute| attribute.value.position),
        sync_interval: sync_interval(&fields),
        transform: transform(&fields, kind),
        rule_selector: select("rule_selector"),
        namespace_selector: select("rule_namespace_selector"),
        id,
    };
    if let Some(clustering) = fields.block("clustering") {
        Fields::of(context, clustering, &["enabled"], &[]);
    }
    (context.messages.borrow().errors() == before).then_some(made)
}

/// Whether a component says that Alloy runs as a cluster.
pub(super) fn is_clustered(context: &Context<'_, '_>, block: &Block) -> bool {
    let clustering = block.body.blocks().find(|block| block.name == "clustering");
    clustering.is_some_and(|block| {
        Fields::of(context, block, &["enabled"], &[]).bool("enabled").is_some_and(|enabled| enabled.value)
    })
}

fn connection(fields: &Fields<'_, '_>, kind: Kind) -> Option<Mapping> {
    let context = fields.context();
    let is_legacy = fields.bool("use_legacy_routes").filter(|legacy| legacy.value);
    let mut server = Entry::new("type", Node::text(kind.name()));
    let mut is_cortex = false;
    if let Some(Located { position, .. }) = is_legacy {
        let mut messages = context.messages.borrow_mut();
        match kind {
            // Its API is at the path that the deprecated routes have.
            Kind::Mimir => {
                is_cortex = true;
                server = Entry::new("type", Node::text("cortex"))
                    .comment("use_legacy_routes: the API at /api/v1/rules");
                messages.warning(
                    position,
                    "`use_legacy_routes`: the ruler's type is `cortex`, which has its API at /api/v1/rules and lacks some \
                     fields of Mimir; use `mimir` if the server has the present API",
                );
            }
            Kind::Loki => messages.warning(
                position,
                "`use_legacy_routes` is left out: rulesync uses Loki's present API, /loki/api/v1/rules",
            ),
        }
        server = server.at(position);
    }
    let mut connection = vec![server];
    if let Some(Located { value, position }) = fields.required_text("address") {
        // A variable may contain the scheme.
        let known = value.parts().first().and_then(|part| match part {
            crate::evaluate::Part::Literal(text) => Some(text.as_str()),
            _ => None,
        });
        if let Some(known) =
            known.filter(|text| !text.starts_with("http://") && !text.starts_with("https://"))
        {
            let shown = if known.contains('@') { "" } else { known };
            let text = format!("the address `{shown}` does not begin with `http://` or `https://`");
            context.error(position, text);
        }
    }
    connection.extend(fields.address("address", "basic_auth"));
    if !is_cortex {
        let prefix = fields.setting("prometheus_http_prefix", "prometheus_http_prefix");
        let default = Node::text("/prometheus");
        connection.extend(prefix.filter(|prefix| prefix.value != default));
    }
    Some(connection)
}

fn tenant(fields: &Fields<'_, '_>, in_header: Option<Located<crate::evaluate::Text>>) -> Option<Entry> {
    let context = fields.context();
    let tenant = fields.setting("tenant_id", "tenant");
    let Some(Located { value, position }) = in_header else { return tenant };
    if tenant.is_some() {
        context.error(position, "the tenant is given by `tenant_id` and by the header `X-Scope-OrgID`");
        return None;
    }
    let scalar = context.scalar("http_headers", &value, position)?;
    Some(Entry::new("tenant", Node::Scalar(scalar)).at(position).comment("from the header X-Scope-OrgID"))
}

fn naming(fields: &Fields<'_, '_>, kind: Kind) -> Option<Naming> {
    let part = |part: &str, default: &str| -> Option<Scalar> {
        let name = format!("{}_namespace_{part}", kind.name());
        if fields.attribute(&name).is_none() {
            return match Node::text(default) {
                Node::Scalar(scalar) => Some(scalar),
                _ => None,
            };
        }
        let Located { value, position } = fields.required_text(&name)?;
        fields.context().scalar(&name, &value, position)
    };
    let (prefix, separator) = (part("prefix", "alloy"), part("separator", kind.separator()));
    Some(Naming { prefix: prefix?, separator: separator? })
}

fn sync_interval(fields: &Fields<'_, '_>) -> Option<Located<u64>> {
    let Located { value, position } = fields.known_text("sync_interval")?;
    match duration::milliseconds(&value) {
        Some(value) => Some(Located { value, position }),
        None => {
            let text =
                format!("`sync_interval`: `{value}` is no duration longer than zero, such as `30s` or `5m`");
            fields.context().error(position, text);
            None
        }
    }
}

fn transform(fields: &Fields<'_, '_>, kind: Kind) -> Mapping {
    let context = fields.context();
    let mut transform = Mapping::new();
    if let Some(Located { value, position }) = fields.map("external_labels") {
        let mut labels = Vec::new();
        for (label, text) in value {
            let Some(scalar) = context.scalar(&format!("external_labels.{label}"), &text, position) else {
                continue;
            };
            labels.push(Node::Mapping(vec![
                Entry::new("label", Node::text(label)).at(position),
                Entry::new("value", Node::Scalar(scalar)).at(position),
            ]));
        }
        if !labels.is_empty() {
            transform.push(Entry::new("external_labels", Node::List(labels)).at(position));
        }
    }
    if let Some(block) = fields.block("extra_query_matchers") {
        let added = matchers(context, block, kind == Kind::Mimir);
        if !added.is_empty() {
            transform.push(Entry::new("query_matchers", Node::List(added)).at(block.position));
        }
    }
    transform
}
