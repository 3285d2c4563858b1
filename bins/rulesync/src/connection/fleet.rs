//! The tenants of a fleet: those that flags or routes name, or all that the rulers tell.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt;
use rulesync_config::{Config, OpenRuler, is_alloy};
use rulesync_core::model::{DestinationId, RulerName};
use rulesync_core::route::Tenancy;
use rulesync_core::{Route, RulerError, TenantId};
use serde::Serialize;

use super::destination::{Destination, Stored};
use super::document::{Document, NOBODY, Ownership};
use super::flags::FleetArgs;
use super::opening::{FLAGS, config, environment, open_ruler, tenant, validate};
use crate::failure::Failure;
use crate::progress::Progress;

/// How many tenants are read at once.
const AT_ONCE: usize = 4;

/// The tenants of a fleet.
#[derive(Default)]
pub(crate) struct FleetDestinations {
    destinations: Vec<Destination>,
    /// Rulers and tenants that cannot be asked.
    unread: Vec<Unread>,
}

/// A ruler or a tenant that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Unread {
    /// The ruler, or the ruler and the tenant.
    pub(crate) destination: String,
    /// Why not.
    pub(crate) reason: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.destination, self.reason)
    }
}

/// What was made of each tenant, and what could not be read.
pub(crate) struct ReadFleet<T> {
    pub(crate) tenants: Vec<T>,
    pub(crate) unread: Vec<Unread>,
}

impl FleetDestinations {
    /// Reads all tenants, a few at once, and makes something of each. What was read is dropped then, so that few are in
    /// memory.
    pub(crate) async fn read<T>(self, make: impl Fn(Destination, Stored) -> T) -> ReadFleet<T> {
        let progress = Progress::new("Tenants read");
        progress.expect(self.destinations.len());
        let mut fleet = ReadFleet { tenants: Vec::new(), unread: self.unread };
        let reading = self.destinations.into_iter().map(async |destination| match destination.read().await {
            Ok(stored) => Ok(make(destination, stored)),
            Err(failure) => {
                Err(Unread { destination: destination.id().to_string(), reason: failure.reason() })
            }
        });
        let mut reading = futures::stream::iter(reading).buffered(AT_ONCE);
        let all = async {
            while let Some(read) = reading.next().await {
                progress.advance("Tenants read");
                match read {
                    Ok(tenant) => fleet.tenants.push(tenant),
                    Err(unread) => fleet.unread.push(unread),
                }
            }
        };
        progress.during(all).await;
        fleet
    }
}

impl FleetArgs {
    /// Connects to the rulers, and finds out which tenants are meant.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] for flags, [`Failure::Config`] for the configuration; and why no tenant is known, if none is.
    pub(crate) async fn destinations(&self) -> Result<FleetDestinations, Failure> {
        let environment = environment();
        let mut fleet = match config(self.config.as_ref(), self.ruler.given().into_iter(), &environment)? {
            Some(file) => self.of_configuration(&file).await?,
            None => {
                // Credentials may be those of the tenant, if there is one.
                let only = match &self.tenants[..] {
                    [tenant] => Some(tenant.to_string()),
                    _ => None,
                };
                let settings = self.ruler.settings(only.as_ref(), &environment)?;
                let document = Document::new(&settings, &Ownership::default(), &[PathBuf::from(".")]);
                let config = validate(&document, Path::new(FLAGS))?;
                let name = RulerName::from(settings.kind.name());
                let ruler = Arc::new(open_ruler(&config, Some(&document), &name).await?);
                let mut fleet = FleetDestinations::default();
                if self.all_tenants {
                    if !fleet.add_all(&name, &ruler).await {
                        let message = format!("{name} has no list of its tenants: name them with --tenant");
                        return Err(Failure::Usage(message));
                    }
                } else if self.tenants.is_empty() {
                    fleet.add(&name, &ruler, [tenant(&settings)?]);
                } else {
                    fleet.add(&name, &ruler, self.tenants.iter().cloned().map(Some));
                }
                fleet
            }
        };
        if fleet.destinations.is_empty() && !fleet.unread.is_empty() {
            return Err(Failure::Several(fleet.unread.iter().map(Unread::to_string).collect()));
        }
        fleet.destinations.sort_by(|one, other| one.id().cmp(other.id()));
        fleet.destinations.dedup_by(|one, other| one.id() == other.id());
        Ok(fleet)
    }

    async fn of_configuration(&self, file: &Path) -> Result<FleetDestinations, Failure> {
        // One of Grafana Alloy names no owner, which does not matter here.
        let owner = is_alloy(file).then_some(NOBODY);
        let config = Config::read_with_owner(file, owner).await?.validate()?;
        let routes = config.routes();
        if !self.all_tenants && self.tenants.is_empty() && routes.iter().any(lets_objects_choose) {
            tracing::warn!(
                "Tenants that objects choose are not looked at: name them with --tenant, or ask for --all-tenants"
            );
        }
        let mut fleet = FleetDestinations::default();
        for RulerTenants { ruler: name, named, has_tenants } in tenants_of_routes(routes) {
            let ruler = Arc::new(open_ruler(&config, None, &name).await?);
            if has_tenants && self.all_tenants {
                if fleet.add_all(&name, &ruler).await {
                    continue;
                }
                if named.is_empty() {
                    fleet.unread.push(Unread {
                        destination: name.to_string(),
                        reason: "has no list of its tenants, and no route names one: name them with --tenant"
                            .to_owned(),
                    });
                }
            }
            match self.tenants.is_empty() {
                true => fleet.add(&name, &ruler, named),
                false if has_tenants => fleet.add(&name, &ruler, self.tenants.iter().cloned().map(Some)),
                false => {}
            }
        }
        if fleet.destinations.is_empty() && fleet.unread.is_empty() {
            let message = "which tenants? The routes do not name one: give --tenant or --all-tenants";
            return Err(Failure::Usage(message.to_owned()));
        }
        Ok(fleet)
    }
}

impl FleetDestinations {
    fn add(
        &mut self,
        name: &RulerName,
        ruler: &Arc<OpenRuler>,
        tenants: impl IntoIterator<Item = Option<TenantId>>,
    ) {
        let destination =
            |tenant| Destination::new(Arc::clone(ruler), DestinationId { ruler: name.clone(), tenant });
        self.destinations.extend(tenants.into_iter().map(destination));
    }

    /// Adds all tenants that a ruler has; returns false if it has no list of them.
    async fn add_all(&mut self, name: &RulerName, ruler: &Arc<OpenRuler>) -> bool {
        match ruler.tenants().await {
            Ok(None) => return false,
            Ok(Some(tenants)) => {
                let (tenants, refused) = parse(name, &tenants);
                self.add(name, ruler, tenants.into_iter().map(Some));
                self.unread.extend(refused);
            }
            Err(error) => {
                self.unread.push(Unread { destination: name.to_string(), reason: not_listed(&error) })
            }
        }
        true
    }
}

fn not_listed(error: &RulerError) -> String {
    format!("cannot list its tenants, which --tenant names instead: {error}")
}

/// Returns the tenants with these names, and what is no tenant's name: no request can ask for it.
fn parse(ruler: &RulerName, names: &[String]) -> (Vec<TenantId>, Vec<Unread>) {
    let (mut tenants, mut refused) = (Vec::new(), Vec::new());
    for name in names {
        match name.parse() {
            Ok(tenant) => tenants.push(tenant),
            Err(error) => {
                let error: rulesync_core::model::TenantError = error;
                refused.push(Unread { destination: format!("{ruler}/{name}"), reason: error.to_string() });
            }
        }
    }
    (tenants, refused)
}

/// The tenants of a ruler that routes name.
#[derive(Debug, PartialEq, Eq)]
struct RulerTenants {
    ruler: RulerName,
    named: BTreeSet<Option<TenantId>>,
    /// Whether any route leads to a tenant of it.
    has_tenants: bool,
}

fn tenants_of_routes(routes: &[Route]) -> Vec<RulerTenants> {
    let names: BTreeSet<&RulerName> = routes.iter().map(|route| &route.ruler).collect();
    let of_ruler = |ruler: &RulerName| {
        let routes = || routes.iter().filter(|route| route.ruler == *ruler);
        RulerTenants {
            ruler: ruler.clone(),
            named: routes().filter_map(Route::destination).map(|destination| destination.tenant).collect(),
            has_tenants: routes().any(|route| route.tenant != Tenancy::None || !route.allow.is_empty()),
        }
    };
    names.into_iter().map(of_ruler).collect()
}

fn lets_objects_choose(route: &Route) -> bool {
    matches!(route.tenant, Tenancy::Requested { .. }) || !route.allow.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_of_routes_are_those_that_they_name() {
        let route = |ruler: &str, tenant: Option<&str>| {
            Route::all("r", ruler, tenant.map(|tenant| tenant.parse().unwrap()))
        };
        let routes = [
            route("mimir", Some("b")),
            route("mimir", Some("a")),
            route("mimir", Some("b")),
            route("files", None),
            route("mixed", None),
            route("mixed", Some("a")),
        ];
        let shown: Vec<String> = tenants_of_routes(&routes)
            .into_iter()
            .map(|RulerTenants { ruler, named, has_tenants }| {
                let named: Vec<&str> =
                    named.iter().map(|tenant| tenant.as_ref().map_or("-", TenantId::as_str)).collect();
                format!("{ruler}: {} {has_tenants}", named.join(" "))
            })
            .collect();
        assert_eq!(shown, ["files: - false", "mimir: a b true", "mixed: - a true"]);
    }

    #[test]
    fn names_that_are_no_tenants_are_told() {
        let names = ["a", "..", "b c"].map(str::to_owned);
        let (tenants, refused) = parse(&"mimir".into(), &names);
        assert_eq!(tenants, ["a".parse().unwrap()]);
        let destinations: Vec<&str> = refused.iter().map(|unread| unread.destination.as_str()).collect();
        assert_eq!(destinations, ["mimir/..", "mimir/b c"]);
    }
}
