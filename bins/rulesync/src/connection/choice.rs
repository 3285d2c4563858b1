//! Which destination of a configuration is meant: only one that a route may lead to. Pure.

use rulesync_core::model::DestinationId;
use rulesync_core::{Route, TenantId};

/// Returns the destination that a name means: `RULER/TENANT`, or `RULER` for one without tenants or with one only. Without a
/// name, it is the only one that there is.
///
/// # Errors
///
/// What to give instead.
pub(super) fn choose(routes: &[Route], name: Option<&str>) -> Result<DestinationId, String> {
    let mut fixed: Vec<DestinationId> = routes.iter().filter_map(Route::destination).collect();
    fixed.sort();
    fixed.dedup();
    let Some(name) = name else {
        return match &fixed[..] {
            [one] => Ok(one.clone()),
            [] => Err("which tenant? The routes do not name one: give --destination RULER/TENANT".to_owned()),
            several => Err(format!("which of {}? Give --destination", list(several))),
        };
    };
    let (ruler, tenant) = match name.split_once('/') {
        Some((ruler, tenant)) => (ruler, Some(tenant)),
        None => (name, None),
    };
    let tenant = tenant.map(str::parse::<TenantId>).transpose();
    let tenant = tenant.map_err(|error| format!("--destination: {error}"))?;
    let id = DestinationId { ruler: ruler.into(), tenant };
    if routes.iter().any(|route| route.may_lead_to(&id)) {
        return Ok(id);
    }
    let of_ruler = || routes.iter().filter(|route| route.ruler == id.ruler);
    let fixed_of_ruler: Vec<DestinationId> =
        fixed.iter().filter(|one| one.ruler == id.ruler).cloned().collect();
    match (&id.tenant, &fixed_of_ruler[..]) {
        _ if of_ruler().next().is_none() => {
            Err(format!("--destination: no route leads to a ruler `{ruler}`"))
        }
        (None, [one]) if of_ruler().all(|route| route.destination().as_ref() == Some(one)) => Ok(one.clone()),
        (None, []) => Err(format!("--destination: which tenant? Give {ruler}/TENANT")),
        (None, several) => {
            Err(format!("--destination: which tenant? Give {ruler}/TENANT, such as {}", list(several)))
        }
        (Some(_), []) => Err(format!("--destination: no route may lead to `{id}`")),
        (Some(_), several) => {
            Err(format!("--destination: no route may lead to `{id}`; they lead to {}", list(several)))
        }
    }
}

fn list(ids: &[DestinationId]) -> String {
    ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(ruler: &str, tenant: Option<&str>) -> Route {
        Route::all("route", ruler, tenant.map(|tenant| tenant.parse().unwrap()))
    }

    fn chosen(routes: &[Route], name: Option<&str>) -> Result<String, String> {
        choose(routes, name).map(|id| id.to_string())
    }

    #[test]
    fn destination_is_one_that_a_route_may_lead_to() {
        let routes = [route("mimir", Some("a")), route("mimir", Some("b")), route("loki", Some("a"))];
        assert_eq!(chosen(&routes, Some("mimir/b")).unwrap(), "mimir/b");
        assert_eq!(chosen(&routes, Some("loki")).unwrap(), "loki/a");
        for (name, says) in [
            (Some("mimir"), "--destination: which tenant? Give mimir/TENANT, such as `mimir/a`, `mimir/b`"),
            (
                Some("mimir/zzz"),
                "--destination: no route may lead to `mimir/zzz`; they lead to `mimir/a`, `mimir/b`",
            ),
            (Some("other"), "--destination: no route leads to a ruler `other`"),
            (None, "which of `loki/a`, `mimir/a`, `mimir/b`? Give --destination"),
        ] {
            assert_eq!(chosen(&routes, name).unwrap_err(), says);
        }
    }

    #[test]
    fn destination_is_a_ruler_alone_where_a_route_has_no_tenant() {
        let routes = [route("mimir", None), route("mimir", Some("a"))];
        let no_tenant = DestinationId { ruler: "mimir".into(), tenant: None };
        assert_eq!(choose(&routes, Some("mimir")), Ok(no_tenant.clone()));
        assert_eq!(choose(&routes[..1], None), Ok(no_tenant));
        assert!(choose(&routes[..1], Some("mimir/a")).is_err());
    }
}
