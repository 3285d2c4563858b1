//! Whose a ruler namespace is, as far as that follows from a setup and some objects, without a running engine.

use super::setup::Setup;
use crate::explain::{DestinationFilter, Explained, NamespaceExplanation};
use crate::model::tenant::{DestinationId, TenantId};
use crate::naming::{Naming, NamingInput};
use crate::route::Route;

impl Setup {
    /// Explains whose a ruler namespace is at each of these destinations: by its form, and by the names of objects. What rulers have is not known.
    ///
    /// The destinations are those of routes with a fixed tenant, the tenant of the filter where it may be requested, and
    /// those `besides`, which objects request.
    pub fn explain_namespace(
        &self,
        namespace: &str,
        at: &DestinationFilter,
        objects: &[NamingInput<'_>],
        besides: &[DestinationId],
    ) -> Explained {
        let table = self.routing_table();
        let explain = |id: DestinationId| {
            let classifier = self.classifier(&id, &[]);
            let is_named = |object: &&NamingInput<'_>| {
                classifier.namings().any(|naming| {
                    let name = table.name_at(&id.ruler, naming, object);
                    name.is_some_and(|name| is_same(&name, namespace, naming, object))
                })
            };
            let mut explanation = NamespaceExplanation::of_form(&id, namespace, &classifier);
            if let Some(object) = objects.iter().find(is_named) {
                explanation.is_named_after_an_object();
                explanation.object = Some(object.id.to_string());
                explanation.declared = true;
            }
            explanation
        };
        let mut explained = Explained::new(self.namespace_policy.owner.to_string(), false);
        explained.namespaces = self.destinations(at, besides).into_iter().map(explain).collect();
        explained
    }

    /// Returns the destinations that routes lead to, and others, as far as a filter selects them.
    fn destinations(&self, at: &DestinationFilter, besides: &[DestinationId]) -> Vec<DestinationId> {
        let asked: Option<TenantId> = at.tenant.as_deref().and_then(|tenant| tenant.parse().ok());
        let requested = self.routes.iter().filter_map(|route| {
            let id = DestinationId { ruler: route.ruler.clone(), tenant: Some(asked.clone()?) };
            route.may_lead_to(&id).then_some(id)
        });
        let fixed = self.routes.iter().filter_map(Route::destination);
        let mut all: Vec<DestinationId> = fixed.chain(requested).chain(besides.iter().cloned()).collect();
        all.retain(|id| at.selects(id));
        all.sort();
        all.dedup();
        all
    }
}

/// Returns whether a namespace is that of an object. A UID that is unknown may be any.
fn is_same(name: &str, namespace: &str, naming: &Naming, object: &NamingInput<'_>) -> bool {
    let without_uid = |namespace| naming.without_uid(namespace).filter(|_| object.uid.is_none());
    name == namespace || without_uid(name).is_some_and(|name| without_uid(namespace) == Some(name))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::described_ruler::DescribedRuler;
    use crate::engine::NamedRuler;
    use crate::explain::{NamingAge, Ownership};
    use crate::model::object::ObjectId;
    use crate::naming::{AlloyNaming, NamespaceClass, NamespacePolicy};
    use crate::policy::Policy;
    use crate::route::{Permission, Tenancy, TenantPattern, ValueSource};

    const UID: &str = "1c2ab3f4-0a1b-4c2d-8e3f-0123456789ab";

    fn alloy(prefix: &str, separator: &str) -> Naming {
        Naming::Alloy(AlloyNaming::new(prefix, separator).unwrap())
    }

    fn setup() -> Setup {
        let ruler = |name| NamedRuler::new(name, Arc::new(DescribedRuler::default()));
        let from = ValueSource::Label("tenant".into());
        Setup {
            namespace_policy: NamespacePolicy {
                legacy: vec![alloy("alloy", "/")],
                adopt: vec!["team-*".into()],
                ..NamespacePolicy::of("us".parse().unwrap())
            },
            sources: Vec::new(),
            rulers: vec![
                ruler("mimir"),
                NamedRuler { naming: Some(alloy("loki", "-")), ..ruler("loki") },
                NamedRuler { naming: Some(Naming::Verbatim), ..ruler("files") },
            ],
            routes: vec![
                Route::all("all", "mimir", Some("prod".parse().unwrap())),
                Route::all("logs", "loki", Some("prod".parse().unwrap())),
                Route::all("files", "files", Some("prod".parse().unwrap())),
                Route {
                    tenant: Tenancy::Requested { from, pattern: TenantPattern::default() },
                    allow: vec![Permission { values: vec!["pay-*".into()], ..Permission::default() }],
                    ..Route::all("asked", "mimir", None)
                },
            ],
            policy: Policy::default(),
        }
    }

    #[test]
    fn namespace_is_explained_by_its_form_and_by_the_objects_that_are_shown() {
        let id = ObjectId::new(&"k".into(), &"PrometheusRule".into(), "shop", "api");
        let objects = [NamingInput { id: &id, uid: Some(UID), ruler_namespace: Some("team/api") }];
        let at = |ruler: &str| DestinationFilter { ruler: Some(ruler.into()), tenant: Some("prod".into()) };
        let (present, previous) = (Some(NamingAge::Present), Some(NamingAge::Previous));
        for (ruler, namespace, class, age, ownership, object, declared) in [
            (
                "mimir",
                "us.shop.api",
                NamespaceClass::Managed,
                present,
                Ownership::Own,
                "PrometheusRule shop/api",
                true,
            ),
            (
                "mimir",
                "us.shop.b",
                NamespaceClass::Managed,
                present,
                Ownership::Own,
                "PrometheusRule shop/b",
                false,
            ),
            (
                "mimir",
                &format!("alloy/shop/api/{UID}"),
                NamespaceClass::Legacy,
                previous,
                Ownership::Own,
                "PrometheusRule shop/api",
                true,
            ),
            ("mimir", "us", NamespaceClass::Claim, None, Ownership::Own, "", false),
            ("mimir", "team-a", NamespaceClass::Adoptable, None, Ownership::Foreign, "", false),
            ("mimir", "them.shop.api", NamespaceClass::Foreign, None, Ownership::Foreign, "", false),
            (
                "loki",
                &format!("loki-shop-api-{UID}"),
                NamespaceClass::Managed,
                present,
                Ownership::Own,
                "PrometheusRule shop/api",
                true,
            ),
            (
                "loki",
                &format!("loki-shop-b-{UID}"),
                NamespaceClass::Managed,
                present,
                Ownership::Unproven,
                "",
                false,
            ),
            (
                "files",
                "team/api",
                NamespaceClass::Foreign,
                None,
                Ownership::Unproven,
                "PrometheusRule shop/api",
                true,
            ),
            ("files", "team/b", NamespaceClass::Foreign, None, Ownership::Unproven, "", false),
        ] {
            let explained = setup().explain_namespace(namespace, &at(ruler), &objects, &[]);
            let [found] = explained.namespaces.as_slice() else { panic!("{explained:?}") };
            assert_eq!(
                (
                    found.class,
                    found.naming_age,
                    found.ownership,
                    found.object.as_deref().unwrap_or(""),
                    found.declared
                ),
                (class, age, ownership, object, declared),
                "{namespace}"
            );
        }
    }

    #[test]
    fn namespace_with_a_uid_is_that_of_an_object_whose_uid_is_unknown() {
        let id = ObjectId::new(&"k".into(), &"PrometheusRule".into(), "shop", "api");
        let at = DestinationFilter { ruler: Some("loki".into()), tenant: None };
        for (namespace, declared) in [
            (format!("loki-shop-api-{UID}"), true),
            (format!("loki-shop-b-{UID}"), false),
            (UID.to_owned(), false),
        ] {
            let explained = setup().explain_namespace(&namespace, &at, &[(&id).into()], &[]);
            assert_eq!(explained.namespaces[0].declared, declared, "{namespace}");
        }
    }

    #[test]
    fn namespace_is_explained_at_the_destinations_that_are_asked_for() {
        let besides = [DestinationId { ruler: "mimir".into(), tenant: Some("pay-us".parse().unwrap()) }];
        let at = |ruler: Option<&str>, tenant: Option<&str>| {
            let filter = DestinationFilter { ruler: ruler.map(Into::into), tenant: tenant.map(Into::into) };
            let explained = setup().explain_namespace("us.shop.api", &filter, &[], &besides);
            let shown = explained
                .namespaces
                .iter()
                .map(|found| format!("{}/{}", found.ruler, found.tenant.as_deref().unwrap_or("-")));
            shown.collect::<Vec<_>>()
        };
        assert_eq!(at(None, None), ["files/prod", "loki/prod", "mimir/pay-us", "mimir/prod"]);
        assert_eq!(at(Some("mimir"), Some("prod")), ["mimir/prod"]);
        assert_eq!(at(None, Some("pay-eu")), ["mimir/pay-eu"], "a tenant that may be requested");
        assert_eq!(at(None, Some("other")), [""; 0]);
    }
}
