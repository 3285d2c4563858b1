//! Requests to STS, AWS' service that hands out temporary credentials for a role, and its answers. Pure.

use super::keys::{Keys, time};
use super::plan::Role;
use crate::connection::credentials::form_encoded;
use crate::settings::Secret;

/// Returns the address of STS in a region.
pub(super) fn address(region: &str, fips: bool) -> String {
    let host = if fips { "sts-fips" } else { "sts" };
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{host}.{region}.{domain}")
}

/// Returns the form that assumes a role with the credentials of the request.
pub(super) fn assume_role(role: &Role) -> Secret {
    let mut form = form("AssumeRole", role);
    if let Some(id) = &role.external_id {
        form.push_str(&format!("&ExternalId={}", form_encoded(id)));
    }
    Secret::from(form.as_str())
}

/// Returns the form that assumes a role with a token.
pub(super) fn assume_role_with_web_identity(role: &Role, token: &str) -> Secret {
    let form = form("AssumeRoleWithWebIdentity", role);
    Secret::from(format!("{form}&WebIdentityToken={}", form_encoded(token)).as_str())
}

fn form(action: &str, role: &Role) -> String {
    format!(
        "Action={action}&Version=2011-06-15&RoleArn={}&RoleSessionName={}",
        form_encoded(&role.arn),
        form_encoded(&role.session)
    )
}

/// Reads the credentials in an answer. The error is the rest of a sentence, and contains nothing of it.
pub(super) fn keys(xml: &str) -> Result<Keys, String> {
    let unusable = || "answered something else than credentials".to_owned();
    let credentials = element(xml, "Credentials").ok_or_else(unusable)?;
    let get = |name: &str| element(credentials, name).filter(|text| !text.is_empty()).ok_or_else(unusable);
    Ok(Keys {
        id: get("AccessKeyId")?.to_owned(),
        secret: get("SecretAccessKey")?.into(),
        token: Some(get("SessionToken")?.into()),
        expires: Some(time(get("Expiration")?).ok_or_else(unusable)?),
    })
}

/// Returns the code of an error, such as `AccessDenied`.
pub(super) fn error_code(xml: &str) -> Option<&str> {
    let is_code = |code: &&str| {
        !code.is_empty() && code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    element(element(xml, "Error")?, "Code").filter(is_code)
}

/// Returns the trimmed content of the first element of a name. No text in these answers needs escapes.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    const ANSWER: &str =
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>
        <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser>
        <Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>hunter2/+</SecretAccessKey>
        <SessionToken>hunter3==</SessionToken><Expiration>1970-01-01T01:00:00.000Z</Expiration></Credentials>
        </AssumeRoleResult></AssumeRoleResponse>";

    fn role() -> Role {
        Role {
            arn: "arn:aws:iam::1:role/r".into(),
            session: "rulesync".into(),
            external_id: Some("a&b".into()),
        }
    }

    #[test]
    fn sts_is_asked_in_the_region() {
        assert_eq!(address("eu-west-1", false), "https://sts.eu-west-1.amazonaws.com");
        assert_eq!(address("us-gov-west-1", true), "https://sts-fips.us-gov-west-1.amazonaws.com");
        assert_eq!(address("cn-north-1", false), "https://sts.cn-north-1.amazonaws.com.cn");
        assert_eq!(
            assume_role(&role()).expose(),
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=rulesync\
             &ExternalId=a%26b"
        );
        let form = assume_role_with_web_identity(&role(), "to.ken+");
        assert!(form.expose().starts_with("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn="));
        assert!(form.expose().ends_with("&RoleSessionName=rulesync&WebIdentityToken=to.ken%2B"));
    }

    #[test]
    fn sts_answer_is_read() {
        let keys = super::keys(ANSWER).unwrap();
        assert_eq!((keys.id.as_str(), keys.secret.expose()), ("ASIA", "hunter2/+"));
        assert_eq!(keys.token.as_ref().map(Secret::expose), Some("hunter3=="));
        assert_eq!(keys.expires, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(3_600)));
        for broken in
            ["", "{}", &ANSWER.replace("Expiration", "x"), &ANSWER.replace("1970-", ""), &ANSWER[..300]]
        {
            assert!(super::keys(broken).unwrap_err().contains("something else"), "{broken}");
        }
        let error = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>hunter2</Message></Error>";
        assert_eq!(error_code(error), Some("AccessDenied"));
        assert_eq!(error_code(&error[..60]), None, "cut short");
        assert_eq!(error_code("<Error><Code>a b</Code></Error>"), None);
    }
}
