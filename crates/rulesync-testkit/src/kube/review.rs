//! Reviews: questions about the user that asks, which are answered and not stored. `kubectl auth` asks them.

use serde_json::{Value, json};

use super::access::User;
use super::route::Target;
use super::schema::Schema;

/// A kind of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Review {
    /// authorization.k8s.io/v1 SelfSubjectAccessReview: may I do this?
    Access,
    /// authentication.k8s.io/v1 SelfSubjectReview: who am I?
    Identity,
}

impl Review {
    /// The schema of the question.
    pub(crate) fn schema(self) -> Schema {
        let text = json!({"type": "string"});
        let attributes = json!({"type": "object", "properties": {
            "namespace": text, "verb": text, "group": text, "version": text, "resource": text,
            "subresource": text, "name": text,
        }});
        let paths = json!({"type": "object", "properties": {"path": text, "verb": text}});
        let spec = json!({"type": "object", "properties": {
            "resourceAttributes": attributes, "nonResourceAttributes": paths,
        }});
        let metadata = json!({"type": "object"});
        let members = match self {
            Self::Access => json!({"metadata": metadata, "spec": spec}),
            Self::Identity => json!({"metadata": metadata}),
        };
        // A constant: a test below fails if it does not compile.
        Schema::compile(&json!({"type": "object", "properties": members})).unwrap_or_default()
    }

    /// What a question is before anything is asked.
    pub(crate) fn empty(self) -> Value {
        match self {
            Self::Access => json!({"metadata": {}, "spec": {}}),
            Self::Identity => json!({"metadata": {}}),
        }
    }

    /// The answer. `permits` says whether the user may do this with that.
    pub(crate) fn status(
        self,
        question: &Value,
        user: &User,
        permits: impl Fn(&str, &Target) -> bool,
    ) -> Value {
        match self {
            Self::Access => {
                let attributes = &question["spec"]["resourceAttributes"];
                let text = |key: &str| attributes[key].as_str().unwrap_or_default().to_owned();
                let some = |key: &str| Some(text(key)).filter(|text| !text.is_empty());
                let target = Target {
                    group: text("group"),
                    version: text("version"),
                    plural: text("resource"),
                    namespace: some("namespace"),
                    name: some("name"),
                    subresource: some("subresource"),
                };
                // Everybody may ask for what is no object, such as the version.
                json!({"allowed": attributes.is_null() || permits(&text("verb"), &target)})
            }
            Self::Identity => {
                json!({"userInfo": {"username": user.name, "groups": ["system:authenticated"]}})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::access::Users;
    use super::*;

    #[test]
    fn review_answers_for_the_user_that_asks() {
        let user = Users::default().identify(None).unwrap();
        let asked = |resource: &str| json!({"spec": {"resourceAttributes": {"verb": "list", "resource": resource, "group": "g", "namespace": "n"}}});
        let may = |verb: &str, target: &Target| {
            (verb, target.qualified().as_str(), target.namespace.as_deref()) == ("list", "rules.g", Some("n"))
        };
        assert_eq!(Review::Access.status(&asked("rules"), &user, may), json!({"allowed": true}));
        assert_eq!(Review::Access.status(&asked("leases"), &user, may), json!({"allowed": false}));
        let who = Review::Identity.status(&json!({}), &user, may);
        assert_eq!(who["userInfo"]["username"], "system:admin");
        let mut unknown = Vec::new();
        Review::Access.schema().prune(&mut json!({"spec": {"x": 1}}), "", &mut unknown);
        assert_eq!(unknown, ["spec.x"], "the schema compiles");
    }
}
