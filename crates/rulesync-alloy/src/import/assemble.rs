//! Components to a configuration: one ruler for each connection, one route for each component.

use super::component::{Component, Kind, Naming};
use super::duration;
use super::options::NamingMode;
use crate::yaml::{Entry, Mapping, Node, inline};

/// Components with their rulers.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) rulers: Vec<Ruler<'a>>,
    pub(super) routes: Vec<Route<'a>>,
}

/// A ruler.
#[derive(Debug)]
pub(super) struct Ruler<'a> {
    name: String,
    connection: &'a Mapping,
}

/// A route.
#[derive(Debug)]
pub(super) struct Route<'a> {
    name: String,
    /// The number of its ruler.
    ruler: usize,
    component: &'a Component,
}

/// What a configuration says besides its rulers and routes.
pub(super) struct Frame<'a> {
    pub(super) owner: &'a str,
    pub(super) naming: NamingMode,
    pub(super) is_clustered: bool,
}

/// The interval at which destinations are listed, if nothing is set.
const RESYNC_INTERVAL: u64 = 300_000;

impl<'a> Plan<'a> {
    /// Gives each component a route, and each connection a ruler.
    pub(super) fn of(components: &'a [Component]) -> Self {
        let mut rulers: Vec<Ruler<'a>> = Vec::new();
        let mut routes = Vec::new();
        for component in components {
            let same = |ruler: &Ruler<'_>| is_same(ruler.connection, &component.connection);
            let ruler = rulers.iter().position(same).unwrap_or_else(|| {
                rulers.push(Ruler {
                    name: ruler_name(component.kind, &rulers),
                    connection: &component.connection,
                });
                rulers.len() - 1
            });
            let is_unique = components.iter().filter(|other| other.label == component.label).count() == 1;
            let name = if is_unique { component.label.clone() } else { component.id.replace('/', ".") };
            let is_taken = |name: &str| routes.iter().any(|route: &Route<'_>| route.name == name);
            routes.push(Route { name: free(name, is_taken), ruler, component });
        }
        Self { rulers, routes }
    }

    /// The configuration.
    pub(super) fn settings(&self, frame: &Frame<'_>) -> Mapping {
        let mut settings = vec![Entry::new("owner", Node::text(frame.owner))];
        if frame.naming == NamingMode::Owner {
            let naming = Node::Mapping(vec![Entry::new("type", Node::text("owner"))]);
            settings.push(Entry::new("naming", naming).comment("OWNER.KUBERNETES_NAMESPACE.NAME"));
        }
        let intervals = self.routes.iter().filter_map(|route| route.component.sync_interval.as_ref());
        if let Some(shortest) = intervals.min_by_key(|interval| interval.value)
            && shortest.value != RESYNC_INTERVAL
        {
            let value = Node::plain(duration::written(shortest.value));
            let entry = Entry::new("resync_interval", value).at(shortest.position);
            settings.push(entry.comment("sync_interval, the shortest"));
        }
        let source = vec![Entry::new("type", Node::text("kubernetes"))];
        settings.push(Entry::new("sources", Node::Items(vec![source])));
        let rulers = self.rulers.iter().enumerate();
        let rulers = rulers.map(|(number, ruler)| self.ruler(number, ruler, frame.naming)).collect();
        settings.push(Entry::new("rulers", Node::Items(rulers)));
        let routes = self.routes.iter().map(|route| self.route(route, frame.naming)).collect();
        settings.push(Entry::new("routes", Node::Items(routes)));
        if frame.is_clustered {
            let enabled = Node::Mapping(vec![Entry::new("enabled", Node::plain(true))]);
            settings.push(
                Entry::new("leader_election", enabled)
                    .comment("Alloy's clustering: one process of several writes"),
            );
        }
        settings
    }

    fn ruler(&self, number: usize, ruler: &Ruler<'_>, mode: NamingMode) -> Mapping {
        let Ruler { name, connection } = ruler;
        let mut settings = vec![Entry::new("name", Node::text(name.as_str()))];
        settings.extend(connection.iter().cloned());
        settings.extend(self.common_naming(number).map(|component| naming_setting(component, mode)));
        let origin = connection.iter().find_map(|entry| entry.origin);
        if let (Some(first), Some(origin)) = (settings.first_mut(), origin) {
            first.origin = Some(origin);
        }
        settings
    }

    fn route(&self, route: &Route<'_>, mode: NamingMode) -> Mapping {
        let Route { name, ruler, component } = route;
        let Component { id, position, tenant, transform, rule_selector, namespace_selector, .. } = component;
        let mut named = Entry::new("name", Node::text(name.as_str())).at(*position);
        if name != id {
            named = named.comment(id.as_str());
        }
        let ruler_name = self.rulers.get(*ruler).map_or("", |ruler| ruler.name.as_str());
        let mut settings = vec![named, Entry::new("ruler", Node::text(ruler_name)).at(*position)];
        settings.extend(tenant.clone());
        let kinds = Node::List(vec![Node::text("PrometheusRule")]);
        settings.push(Entry::new("kinds", kinds).at(*position));
        for (key, selector) in [("rule_selector", rule_selector), ("namespace_selector", namespace_selector)]
        {
            settings.extend(selector.setting().map(|setting| Entry::new(key, setting).at(*position)));
        }
        settings.extend(transform.iter().cloned());
        if self.common_naming(*ruler).is_none() {
            settings.push(naming_setting(component, mode));
        }
        settings
    }

    /// A component with the naming of all routes to a ruler, if they agree.
    fn common_naming(&self, ruler: usize) -> Option<&'a Component> {
        let mut components =
            self.routes.iter().filter(|route| route.ruler == ruler).map(|route| route.component);
        let first = components.next()?;
        components.all(|component| component.naming == first.naming).then_some(first)
    }
}

fn naming_setting(component: &Component, mode: NamingMode) -> Entry {
    let Naming { prefix, separator } = &component.naming;
    let alloy = Node::Mapping(vec![
        Entry::new("type", Node::text("alloy")),
        Entry::new("prefix", Node::Scalar(prefix.clone())),
        Entry::new("separator", Node::Scalar(separator.clone())),
    ]);
    let setting = match mode {
        NamingMode::Keep => Entry::new("naming", alloy).comment("the names that Alloy wrote"),
        NamingMode::Owner => Entry::new("previous_naming", Node::List(vec![alloy]))
            .comment("what Alloy wrote goes once it is replaced"),
    };
    setting.at(component.naming_position)
}

fn ruler_name(kind: Kind, rulers: &[Ruler<'_>]) -> String {
    let name = match kind {
        Kind::Mimir => "mimir",
        Kind::Loki => "loki",
    };
    free(name.to_owned(), |name| rulers.iter().any(|ruler| ruler.name == name))
}

/// A name, or the first one with a number behind it that is not taken.
fn free(name: String, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(&name) {
        return name;
    }
    (2..).map(|number| format!("{name}-{number}")).find(|name| !is_taken(name)).unwrap_or_default()
}

fn is_same(one: &Mapping, other: &Mapping) -> bool {
    let text = |mapping: &Mapping| inline(&Node::Mapping(mapping.clone()));
    text(one) == text(other)
}
