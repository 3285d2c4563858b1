//! The list of all that is served, for programs.

use crate::context::Context;

/// The text of the index page, for programs.
const INDEX: &str = "\
rulesyncd

GET  /                    what is wrong now, for a browser; this list, for others
GET  /objects             all objects, for a browser
GET  /destinations        all destinations, for a browser
GET  /config              the configuration in force without secrets, for a browser
GET  /metrics             metrics
GET  /-/healthy           the process is alive (/healthz is the same)
GET  /-/ready             every source has listed its objects (/readyz is the same)
GET  /api/v1/status       sources, destinations and objects, as JSON
GET  /api/v1/explain      why an object is where it is (?object=NAMESPACE/NAME), or whose a
                          ruler namespace is (?ruler_namespace=NAME), as JSON

With --web.enable-admin-api:
POST /api/v1/release-deletes                                release the held deletes of all destinations
POST /api/v1/destinations/{ruler}/release-deletes           of a ruler without tenants
POST /api/v1/destinations/{ruler}/{tenant}/release-deletes  of a tenant
";

/// Returns a list of the pages, for programs.
pub(super) fn text(context: &Context) -> String {
    let prefix = context.location().route_prefix();
    if prefix.is_root() { INDEX.to_owned() } else { format!("{INDEX}\nAll of them are below {prefix}\n") }
}
