//! The answers to what a user asks about itself.

use serde_json::{Value, json};

use super::access::User;
use super::review::Review;
use super::route::Target;

/// The answer. `permits` says whether the user may do this with that.
pub(crate) fn answer(
    review: Review,
    question: &Value,
    user: &User,
    permits: impl Fn(&str, &Target) -> bool,
) -> Value {
    match review {
        Review::Access => {
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
        Review::Identity => {
            json!({"userInfo": {"username": user.name, "groups": ["system:authenticated"]}})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::access::Users;
    use super::*;

    #[test]
    fn review_answers_for_the_user_that_asks() {
        let user = Users::default().identify(None, None).unwrap();
        let asked = |resource: &str| json!({"spec": {"resourceAttributes": {"verb": "list", "resource": resource, "group": "g", "namespace": "n"}}});
        let may = |verb: &str, target: &Target| {
            (verb, target.qualified().as_str(), target.namespace.as_deref()) == ("list", "rules.g", Some("n"))
        };
        assert_eq!(answer(Review::Access, &asked("rules"), &user, may), json!({"allowed": true}));
        assert_eq!(answer(Review::Access, &asked("leases"), &user, may), json!({"allowed": false}));
        let who = answer(Review::Identity, &json!({}), &user, may);
        assert_eq!(who["userInfo"]["username"], "system:admin");
        let mut unknown = Vec::new();
        Review::Access.schema().prune(&mut json!({"spec": {"x": 1}}), "", &mut unknown);
        assert_eq!(unknown, ["spec.x"], "the schema compiles");
    }
}
