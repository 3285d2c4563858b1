//! The tenant that a route leads an object to: the fixed one, or the one that is requested and permitted. The only place
//! that makes a [`TenantId`] of an author's text.

use std::borrow::Cow;

use crate::finding::{Code, Finding};
use crate::model::tenant::TenantId;
use crate::route::input::RoutingInput;
use crate::route::value::shown;
use crate::route::{Route, Tenancy, TenantPattern, ValueSource};

/// Who chooses the tenant of an object by a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request<'a> {
    /// The configuration; none if no tenant header is sent.
    Configured(Option<&'a TenantId>),
    /// Nobody: the route goes by this, which is missing.
    Missing(&'a ValueSource),
    /// The object or its Kubernetes namespace.
    Requested {
        /// The source of the request; none for the object's own field.
        from: Option<&'a ValueSource>,
        /// The requested value.
        value: &'a str,
        /// The pattern that makes a tenant of it.
        pattern: Cow<'a, TenantPattern>,
    },
}

/// The tenant that an object gets by a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    /// The tenant; none if no tenant header is sent.
    pub(super) tenant: Option<TenantId>,
    /// The number of the permission in the route's `allow`; none if the configuration chose the tenant.
    pub(super) permission: Option<usize>,
}

impl Route {
    /// Returns who chooses the tenant of an object.
    ///
    /// # Errors
    ///
    /// A finding if the object contradicts itself, or the Kubernetes namespace that alone decides.
    pub(super) fn request<'a>(&'a self, input: &RoutingInput<'a>) -> Result<Request<'a>, Box<Finding>> {
        let refuse = |message: String| Finding::error(Code::Tenant, message);
        let by_field = |value: &'a str, pattern: Cow<'a, TenantPattern>| {
            Ok(Request::Requested { from: None, value, pattern })
        };
        match (&self.tenant, input.tenant) {
            (Tenancy::None, None) => Ok(Request::Configured(None)),
            (Tenancy::Fixed(tenant), None) => Ok(Request::Configured(Some(tenant))),
            (Tenancy::Fixed(tenant), Some(field)) if field == tenant.as_str() => {
                Ok(Request::Configured(Some(tenant)))
            }
            (Tenancy::None | Tenancy::Fixed(_), Some(field)) => {
                by_field(field, Cow::Owned(TenantPattern::default()))
            }
            (Tenancy::Requested { from, pattern }, field) => match (from.value(input), field) {
                (None, None) => Ok(Request::Missing(from)),
                // Both are in the object: its author has to decide.
                (Some(requested), Some(field)) if requested != field && from.is_the_authors() => {
                    Err(refuse(format!(
                        "the object requests two tenants: its {from} is {}, its field {}",
                        shown(requested),
                        shown(field)
                    ))
                    .hint("request one")
                    .into())
                }
                // The Kubernetes namespace is not the author's: it alone decides.
                (requested, Some(field)) if requested != Some(field) && !from.is_the_authors() => {
                    let found = requested
                        .map_or("is missing".to_owned(), |requested| format!("is {}", shown(requested)));
                    let hint = match requested {
                        Some(requested) => format!("remove the field, or write {}", shown(requested)),
                        None => "remove the field".to_owned(),
                    };
                    Err(refuse(format!(
                        "the object's field requests the tenant {}, but route `{}` goes by {from} alone, which {found}",
                        shown(field),
                        self.name
                    ))
                    .hint(hint)
                    .into())
                }
                (_, Some(field)) => by_field(field, Cow::Borrowed(pattern)),
                (Some(value), None) => {
                    Ok(Request::Requested { from: Some(from), value, pattern: Cow::Borrowed(pattern) })
                }
            },
        }
    }

    /// Returns the tenant that an object gets; none if it requests none.
    ///
    /// # Errors
    ///
    /// A finding if no permission covers the request, or it makes no tenant.
    pub(super) fn grant(
        &self,
        request: &Request<'_>,
        input: &RoutingInput<'_>,
    ) -> Result<Option<Grant>, Box<Finding>> {
        let refuse = |message: String| Finding::error(Code::Tenant, message);
        let (value, pattern) = match request {
            Request::Missing(_) => return Ok(None),
            Request::Configured(tenant) => {
                return Ok(Some(Grant { tenant: tenant.cloned(), permission: None }));
            }
            Request::Requested { value, pattern, .. } => (*value, pattern),
        };
        let Some(permission) = self.allow.iter().position(|permission| permission.covers(input, value))
        else {
            let (namespace, value) = (input.id.namespace(), shown(value));
            let message = format!(
                "route `{}` does not allow the Kubernetes namespace `{namespace}` to request the tenant {value}",
                self.name
            );
            let hint = format!(
                "whoever runs rulesync can add it to `allow` of that route: {{namespaces: [{namespace}], tenants: [{value}]}}"
            );
            return Err(refuse(message).hint(hint).into());
        };
        match pattern.apply(value).parse::<TenantId>() {
            Ok(tenant) => Ok(Some(Grant { tenant: Some(tenant), permission: Some(permission) })),
            Err(error) => Err(refuse(format!(
                "the requested value {} makes no tenant by route `{}`: {error}",
                shown(value),
                self.name
            ))
            .into()),
        }
    }
}
