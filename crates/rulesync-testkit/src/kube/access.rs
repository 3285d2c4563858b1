//! Access control: bearer tokens, their users, and the users' permissions.

use std::collections::BTreeMap;
use std::fmt;

use super::rbac::Grants;
use super::refused::Refused;
use super::route::Target;

/// The permissions of a user of the Kubernetes server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    everything: bool,
    rules: Vec<(String, String)>,
    /// `None`: all namespaces.
    namespaces: Option<Vec<String>>,
    /// What roles grant, in place of all this.
    grants: Option<Grants>,
}

impl Access {
    /// Allows everything.
    pub fn all() -> Self {
        Self { everything: true, rules: Vec::new(), namespaces: None, grants: None }
    }

    /// Allows nothing.
    pub fn none() -> Self {
        Self { everything: false, rules: Vec::new(), namespaces: None, grants: None }
    }

    /// Allows these (verb, resource) pairs in all namespaces, such as `("watch", "prometheusrules")`; `*` matches
    /// everything.
    pub fn only<'a>(rules: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let rules = rules.into_iter().map(|(verb, resource)| (verb.to_owned(), resource.to_owned()));
        Self { everything: false, rules: rules.collect(), namespaces: None, grants: None }
    }

    /// Allows what roles grant.
    pub fn granted(grants: &Grants) -> Self {
        Self { grants: Some(grants.clone()), ..Self::none() }
    }

    /// Restricts the permissions to these namespaces: lists and watches of the whole cluster are forbidden.
    #[must_use]
    pub fn within<'a>(mut self, namespaces: impl IntoIterator<Item = &'a str>) -> Self {
        self.namespaces = Some(namespaces.into_iter().map(str::to_owned).collect());
        self
    }

    fn allows(&self, verb: &str, resource: &str, namespace: Option<&str>) -> bool {
        if let Some(within) = &self.namespaces
            && !namespace.is_some_and(|namespace| within.iter().any(|allowed| allowed == namespace))
        {
            return false;
        }
        let matches = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        self.everything || self.rules.iter().any(|(v, r)| matches(v, verb) && matches(r, resource))
    }
}

/// The user that sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    access: Access,
}

impl User {
    pub(crate) fn may(&self, verb: &str, target: &Target) -> bool {
        if let Some(grants) = &self.access.grants {
            return grants.permit(verb, target);
        }
        // For permissions, a namespace object is inside itself.
        let within = if target.plural == "namespaces" { &target.name } else { &target.namespace };
        self.access.allows(verb, &target.resource(), within.as_deref())
    }
}

/// The known tokens. Without any, every request may do everything.
#[derive(Default)]
pub(crate) struct Users(BTreeMap<String, User>);

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys are secrets.
        f.debug_set().entries(self.0.values().map(|user| &user.name)).finish()
    }
}

impl Users {
    pub(crate) fn add(&mut self, token: &str, name: &str, access: Access) {
        self.0.insert(token.to_owned(), User { name: name.to_owned(), access });
    }

    /// Returns the user of an `Authorization` header.
    ///
    /// # Errors
    /// 401 for an unknown token.
    pub(crate) fn identify(&self, authorization: Option<&str>) -> Result<User, Refused> {
        if self.0.is_empty() {
            return Ok(User { name: "system:admin".to_owned(), access: Access::all() });
        }
        match authorization.and_then(|header| header.strip_prefix("Bearer ")) {
            Some(token) => self.0.get(token.trim()).cloned().ok_or_else(Refused::unauthorized),
            None => Ok(User { name: "system:anonymous".to_owned(), access: Access::none() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_identifies_users_and_checks_rules() {
        let mut users = Users::default();
        assert!(users.identify(None).unwrap().access.allows("delete", "anything", None));
        users.add("secret", "agent", Access::only([("list", "prometheusrules"), ("*", "leases")]));
        let agent = users.identify(Some("Bearer secret")).unwrap();
        let may = |verb, resource, namespace| agent.access.allows(verb, resource, namespace);
        assert!(may("list", "prometheusrules", None) && may("patch", "leases", Some("a")));
        assert!(!may("watch", "prometheusrules", None));
        assert_eq!(users.identify(Some("Bearer wrong")).unwrap_err().code, 401);
        let anonymous = users.identify(None).unwrap();
        assert_eq!(
            (anonymous.name.as_str(), anonymous.access.allows("list", "x", None)),
            ("system:anonymous", false)
        );
        assert!(!format!("{users:?}").contains("secret"));
    }

    #[test]
    fn access_is_restricted_to_namespaces() {
        let access = Access::only([("*", "prometheusrules")]).within(["a", "b"]);
        assert!(access.allows("watch", "prometheusrules", Some("b")));
        assert!(!access.allows("watch", "prometheusrules", Some("c")));
        assert!(!access.allows("watch", "prometheusrules", None));
        assert!(!access.allows("watch", "secrets", Some("a")));
        assert!(!Access::all().within(["a"]).allows("list", "namespaces", None));
    }
}
