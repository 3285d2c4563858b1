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

As JSON:
GET  /api/v1/overview                 what is wrong now, and what there is
GET  /api/v1/objects                  objects in brief (?state=, ?tenant=, ?q=, ?limit=, ?after=)
GET  /api/v1/objects/{source}/{kind}/{namespace}/{name}  one object, with the reasons
GET  /api/v1/destinations             destinations
GET  /api/v1/destinations/{ruler}     that of a ruler without tenants, with its plan
GET  /api/v1/destinations/{ruler}/{tenant}  that of a tenant
GET  /api/v1/config                   the configuration in force, without secrets
GET  /api/v1/status                   sources, destinations and objects, all at once
GET  /api/v1/explain                  why an object is where it is (?object=NAMESPACE/NAME), or
                                      whose a ruler namespace is (?ruler_namespace=NAME)
GET  /api/v1/events                   which objects change, as server-sent events
GET  /api/v1/openapi.json             the description of all these

With --web.enable-admin-api:
POST /api/v1/release-deletes                                release the held deletes of all destinations
POST /api/v1/destinations/{ruler}/release-deletes           of a ruler without tenants
POST /api/v1/destinations/{ruler}/{tenant}/release-deletes  of a tenant
POST /api/v1/destinations/{ruler}/sync                      list and compare a destination now
POST /api/v1/destinations/{ruler}/{tenant}/sync             of a tenant
";

/// Returns a list of the pages, for programs.
pub(super) fn text(context: &Context) -> String {
    let prefix = context.location().route_prefix();
    if prefix.is_root() { INDEX.to_owned() } else { format!("{INDEX}\nAll of them are below {prefix}\n") }
}
