//! Access control: bearer tokens, their users, the users' permissions, and who may act as whom.

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
pub(crate) struct Users {
    by_token: BTreeMap<String, User>,
    /// Who sends requests without a token, if that is not nobody.
    without_token: Option<User>,
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys are secrets.
        f.debug_set().entries(self.by_token.values().map(|user| &user.name)).finish()
    }
}

impl Users {
    pub(crate) fn add(&mut self, token: &str, name: &str, access: Access) {
        self.by_token.insert(token.to_owned(), User { name: name.to_owned(), access });
    }

    pub(crate) fn add_without_token(&mut self, name: &str, access: Access) {
        self.without_token = Some(User { name: name.to_owned(), access });
    }

    /// Returns the user for whom a request is made: that of the `Authorization` header, or the one that it acts as by an
    /// `Impersonate-User` header. Nobody has granted anything to one who has no token.
    ///
    /// # Errors
    /// 401 for an unknown token, 403 for a user who may not act as the other.
    pub(crate) fn identify(
        &self,
        authorization: Option<&str>,
        impersonate: Option<&str>,
    ) -> Result<User, Refused> {
        let user = self.authenticate(authorization)?;
        let Some(other) = impersonate else { return Ok(user) };
        let target = account(other);
        if !user.may("impersonate", &target) {
            let (plural, namespace) = (target.plural.as_str(), target.namespace.as_deref());
            let name = target.name.as_deref();
            return Err(Refused::forbidden(&user.name, "impersonate", ("", plural), namespace, name));
        }
        let known = self.by_token.values().find(|user| user.name == other).cloned();
        Ok(known.unwrap_or_else(|| User { name: other.to_owned(), access: Access::none() }))
    }

    fn authenticate(&self, authorization: Option<&str>) -> Result<User, Refused> {
        if self.by_token.is_empty() && self.without_token.is_none() {
            return Ok(User { name: "system:admin".to_owned(), access: Access::all() });
        }
        match authorization.and_then(|header| header.strip_prefix("Bearer ")) {
            Some(token) => self.by_token.get(token.trim()).cloned().ok_or_else(Refused::unauthorized),
            None => Ok(self
                .without_token
                .clone()
                .unwrap_or_else(|| User { name: "system:anonymous".to_owned(), access: Access::none() })),
        }
    }
}

/// What a user is for permissions to act as it: a service account of a Kubernetes namespace, or a user.
fn account(user: &str) -> Target {
    let service_account =
        user.strip_prefix("system:serviceaccount:").and_then(|account| account.split_once(':'));
    let (plural, namespace, name) = match service_account {
        Some((namespace, name)) => ("serviceaccounts", Some(namespace.to_owned()), name),
        None => ("users", None, user),
    };
    Target {
        group: String::new(),
        version: "v1".to_owned(),
        plural: plural.to_owned(),
        namespace,
        name: Some(name.to_owned()),
        subresource: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_identifies_users_and_checks_rules() {
        let mut users = Users::default();
        assert!(users.identify(None, None).unwrap().access.allows("delete", "anything", None));
        users.add("secret", "agent", Access::only([("list", "prometheusrules"), ("*", "leases")]));
        let agent = users.identify(Some("Bearer secret"), None).unwrap();
        let may = |verb, resource, namespace| agent.access.allows(verb, resource, namespace);
        assert!(may("list", "prometheusrules", None) && may("patch", "leases", Some("a")));
        assert!(!may("watch", "prometheusrules", None));
        assert_eq!(users.identify(Some("Bearer wrong"), None).unwrap_err().code, 401);
        let anonymous = users.identify(None, None).unwrap();
        assert_eq!(
            (anonymous.name.as_str(), anonymous.access.allows("list", "x", None)),
            ("system:anonymous", false)
        );
        assert!(!format!("{users:?}").contains("secret"));
    }

    #[test]
    fn access_is_that_of_the_user_that_a_request_acts_as() {
        let rulesync = "system:serviceaccount:monitoring:rulesync";
        let mut users = Users::default();
        assert_eq!(users.identify(None, Some("jane")).unwrap().name, "jane", "everybody may do everything");
        users.add("daemon", rulesync, Access::only([("update", "leases")]));
        users.add("admin", "admin", Access::all());
        users.add(
            "helper",
            "helper",
            Access::only([("impersonate", "serviceaccounts")]).within(["monitoring"]),
        );
        let acts = |token: &str, user: &str| users.identify(Some(&format!("Bearer {token}")), Some(user));
        for token in ["admin", "helper"] {
            let user = acts(token, rulesync).unwrap();
            assert_eq!(user.name, rulesync);
            let may = |verb| user.access.allows(verb, "leases", Some("monitoring"));
            assert!(may("update") && !may("delete"), "{token}");
        }
        let unknown = acts("admin", "jane").unwrap();
        assert_eq!((unknown.name.as_str(), unknown.access), ("jane", Access::none()));
        let refused = |token: &str, user: &str| {
            let refused = acts(token, user).unwrap_err();
            (refused.code, refused.message)
        };
        let (code, message) = refused("daemon", "admin");
        assert_eq!(code, 403);
        assert_eq!(
            message,
            format!(
                "users \"admin\" is forbidden: User \"{rulesync}\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"
            )
        );
        assert_eq!(refused("helper", "system:serviceaccount:other:rulesync").0, 403);
        assert_eq!(refused("wrong", rulesync).0, 401);
        assert_eq!(users.identify(None, None).unwrap().name, "system:anonymous");
        users.add_without_token("jane", Access::all());
        assert_eq!(users.identify(None, None).unwrap().name, "jane");
        assert_eq!(users.identify(None, Some(rulesync)).unwrap().name, rulesync);
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
