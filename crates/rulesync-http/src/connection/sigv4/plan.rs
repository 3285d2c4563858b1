//! Which credentials are used, in the order in which AWS' SDKs look for them. Pure: nothing is fetched.

use std::path::PathBuf;

use super::environment::Environment;
use super::keys::Keys;
use super::profile::{Profile, Profiles};
use crate::settings::{Secret, SigV4};

/// The first credentials, and the roles that are assumed with them, one after the other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) region: String,
    pub(super) origin: Origin,
    pub(super) roles: Vec<Role>,
}

/// The origin of credentials.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Keys(Keys),
    /// A role that is assumed with the token in a file, as in EKS.
    WebIdentity {
        role: Role,
        token_file: PathBuf,
    },
    /// The credentials service of a container in ECS or EKS.
    Container {
        address: String,
        token: Option<Secret>,
        token_file: Option<PathBuf>,
    },
    /// The metadata service of an instance of EC2, at this address.
    Instance(String),
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session: String,
    pub(super) external_id: Option<String>,
}

/// The name of sessions unless another one is set. It is in AWS' logs.
const SESSION: &str = "rulesync";

/// The address of the metadata service of an instance.
const INSTANCE: &str = "http://169.254.169.254";

/// Returns whether the shared files matter.
pub(super) fn needs_profiles(config: &SigV4, environment: &Environment) -> bool {
    let has_region = config.region.is_some() || environment.region.is_some();
    let has_own = config.access_key.is_some()
        || config.profile.is_none() && (environment.keys().is_some() || environment.web_identity().is_some());
    !(has_region && has_own)
}

/// Returns the plan. The error is a message.
pub(super) fn plan(config: &SigV4, environment: &Environment, profiles: &Profiles) -> Result<Plan, String> {
    let profile = config.profile.as_deref().or(environment.profile.as_deref()).unwrap_or("default");
    let region = config.region.as_deref().or(environment.region.as_deref());
    let region = region.or_else(|| profiles.get(profile)?.get("region")).ok_or(
        "the region is unknown: set `region`, the variable AWS_REGION, or `region` of the profile in ~/.aws/config",
    )?;
    let (origin, mut roles) =
        if let Some((id, secret)) = config.access_key.as_ref().zip(config.secret_key.as_ref()) {
            (Origin::Keys(Keys::lasting(id, secret.expose(), None)), Vec::new())
        } else if let Some(profile) = &config.profile {
            Chain { environment, profiles }.of_profile(profile)?
        } else if let Some(keys) = environment.lasting_keys() {
            (Origin::Keys(keys), Vec::new())
        } else if let Some(origin) = environment.web_identity() {
            (origin, Vec::new())
        } else if profiles.get(profile).is_some_and(|profile| profile.has_credentials()) {
            Chain { environment, profiles }.of_profile(profile)?
        } else if let Some(origin) = environment.container() {
            (origin, Vec::new())
        } else {
            (environment.instance()?, Vec::new())
        };
    roles.extend(config.role_arn.as_ref().map(|arn| Role {
        arn: arn.clone(),
        session: environment.session(),
        external_id: config.external_id.clone(),
    }));
    Ok(Plan { region: region.to_owned(), origin, roles })
}

impl Environment {
    fn lasting_keys(&self) -> Option<Keys> {
        let (id, secret, token) = self.keys()?;
        Some(Keys::lasting(id, secret.expose(), token.map(Secret::expose)))
    }

    fn session(&self) -> String {
        self.role_session_name.clone().unwrap_or_else(|| SESSION.to_owned())
    }

    fn web_identity(&self) -> Option<Origin> {
        let (arn, token_file) = self.role_arn.clone().zip(self.web_identity_token_file.clone())?;
        Some(Origin::WebIdentity {
            role: Role { arn, session: self.session(), external_id: None },
            token_file,
        })
    }

    fn container(&self) -> Option<Origin> {
        Some(Origin::Container {
            address: self.container.clone()?,
            token: self.container_token.clone(),
            token_file: self.container_token_file.clone(),
        })
    }

    fn instance(&self) -> Result<Origin, String> {
        if self.metadata_is_disabled {
            return Err(
                "there are no credentials in the settings, the environment or the shared files, and \
                        AWS_EC2_METADATA_DISABLED is set"
                    .to_owned(),
            );
        }
        Ok(Origin::Instance(self.metadata.clone().unwrap_or_else(|| INSTANCE.to_owned())))
    }
}

impl Profile<'_> {
    fn keys(&self) -> Option<Keys> {
        let (id, secret) = self.get("aws_access_key_id").zip(self.get("aws_secret_access_key"))?;
        Some(Keys::lasting(id, secret, self.get("aws_session_token")))
    }

    /// Returns whether it says anything about credentials.
    fn has_credentials(&self) -> bool {
        self.get("role_arn").is_some() || self.keys().is_some() || self.unsupported().is_some()
    }
}

/// Profiles may refer to each other and to the environment.
struct Chain<'a> {
    environment: &'a Environment,
    profiles: &'a Profiles,
}

impl Chain<'_> {
    /// Returns the credentials of a profile, whose roles are assumed from the innermost outwards.
    fn of_profile(&self, name: &str) -> Result<(Origin, Vec<Role>), String> {
        let mut roles = Vec::new();
        let mut visited: Vec<&str> = Vec::new();
        let mut name = name;
        loop {
            let profile = self.profiles.get(name);
            let profile = profile.ok_or_else(|| format!("the shared files have no profile `{name}`"))?;
            let repeated = visited.contains(&profile.name);
            visited.push(profile.name);
            // A profile may name itself as its source, and then has keys.
            let role = profile.get("role_arn").filter(|_| !repeated);
            let Some(arn) = role else {
                let origin = profile.keys().map(Origin::Keys).ok_or_else(|| match profile.unsupported() {
                    Some(key) => format!("the profile `{name}` has `{key}`, which rulesync does not support"),
                    None => format!("the profile `{name}` has no access key"),
                })?;
                roles.reverse();
                return Ok((origin, roles));
            };
            let role = Role {
                arn: arn.to_owned(),
                session: profile
                    .get("role_session_name")
                    .map_or_else(|| self.environment.session(), str::to_owned),
                external_id: profile.get("external_id").map(str::to_owned),
            };
            if let Some(file) = profile.get("web_identity_token_file") {
                roles.reverse();
                return Ok((Origin::WebIdentity { role, token_file: file.into() }, roles));
            }
            roles.push(role);
            if let Some(source) = profile.get("credential_source") {
                roles.reverse();
                return Ok((self.of_source(name, source)?, roles));
            }
            name = profile.get("source_profile").ok_or_else(|| {
                format!("the profile `{name}` has `role_arn`, but neither `source_profile` nor `credential_source`")
            })?;
        }
    }

    fn of_source(&self, profile: &str, source: &str) -> Result<Origin, String> {
        let found = match source {
            "Environment" => self.environment.lasting_keys().map(Origin::Keys),
            "EcsContainer" => self.environment.container(),
            "Ec2InstanceMetadata" => Some(self.environment.instance()?),
            _ => {
                return Err(format!(
                    "the profile `{profile}` has an unknown `credential_source`: `{source}`"
                ));
            }
        };
        found.ok_or_else(|| {
            format!("the `credential_source` of the profile `{profile}`, {source}, has no credentials")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
[default]
region = eu-north-1
[profile outer]
role_arn = arn:outer
source_profile = inner
external_id = x
[profile inner]
role_arn = arn:inner
role_session_name = me
source_profile = base
[profile itself]
role_arn = arn:itself
source_profile = itself
[profile a]
role_arn = arn:a
source_profile = b
[profile b]
role_arn = arn:b
source_profile = a
[profile eks]
role_arn = arn:eks
web_identity_token_file = /token
[profile from-env]
role_arn = arn:env
credential_source = Environment
[profile odd]
role_arn = arn:odd
credential_source = Elsewhere
[profile loose]
role_arn = arn:loose
[profile browser]
sso_session = corp
";
    const CREDENTIALS: &str = "[base]\naws_access_key_id = BASE\naws_secret_access_key = s\naws_session_token = t\n\
                               [itself]\naws_access_key_id = ITSELF\naws_secret_access_key = s";

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Environment::read(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "ENV"), ("AWS_SECRET_ACCESS_KEY", "s")];
    const EKS: [(&str, &str); 2] = [("AWS_ROLE_ARN", "arn:eks"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")];
    const ECS: [(&str, &str); 1] = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/c")];

    /// A word for the origin, and the roles.
    fn planned(config: &SigV4, variables: &[&[(&str, &str)]]) -> Result<String, String> {
        let environment = environment(&variables.concat());
        let plan = plan(config, &environment, &Profiles::parse(CONFIG, CREDENTIALS))?;
        let origin = match plan.origin {
            Origin::Keys(keys) => keys.id,
            Origin::WebIdentity { role, token_file } => format!("{} with {}", role.arn, token_file.display()),
            Origin::Container { address, .. } | Origin::Instance(address) => address,
        };
        let roles = plan.roles.iter().map(|role| {
            format!(" > {} as {}{}", role.arn, role.session, role.external_id.as_deref().unwrap_or_default())
        });
        Ok(format!("{} {origin}{}", plan.region, roles.collect::<String>()))
    }

    fn config() -> SigV4 {
        SigV4 { region: Some("r".into()), ..SigV4::default() }
    }

    fn profile(name: &str) -> SigV4 {
        SigV4 { profile: Some(name.into()), ..config() }
    }

    #[test]
    fn plan_takes_credentials_in_the_order_of_the_sdks() {
        let given = SigV4 { access_key: Some("GIVEN".into()), secret_key: Some("s".into()), ..config() };
        assert_eq!(planned(&given, &[&KEYS, &EKS, &ECS]).unwrap(), "r GIVEN");
        assert_eq!(planned(&profile("base"), &[&KEYS, &EKS, &ECS]).unwrap(), "r BASE");
        assert_eq!(planned(&config(), &[&KEYS, &EKS, &ECS]).unwrap(), "r ENV");
        assert_eq!(planned(&config(), &[&EKS, &ECS]).unwrap(), "r arn:eks with /t");
        assert_eq!(planned(&config(), &[&ECS, &[("AWS_PROFILE", "base")]]).unwrap(), "r BASE");
        assert_eq!(planned(&config(), &[&ECS]).unwrap(), "r http://localhost/c");
        assert_eq!(planned(&config(), &[]).unwrap(), "r http://169.254.169.254");
        let disabled = [("AWS_EC2_METADATA_DISABLED", "true")];
        assert!(planned(&config(), &[&disabled]).unwrap_err().contains("AWS_EC2_METADATA_DISABLED"));
        let role = SigV4 { role_arn: Some("arn:x".into()), external_id: Some("!".into()), ..config() };
        let session = [("AWS_ROLE_SESSION_NAME", "pod")];
        assert_eq!(planned(&role, &[&EKS, &session]).unwrap(), "r arn:eks with /t > arn:x as pod!");
    }

    #[test]
    fn plan_takes_the_region_from_settings_environment_or_profile() {
        let without = SigV4 { region: None, ..config() };
        let region = [("AWS_REGION", "env")];
        assert_eq!(planned(&config(), &[&KEYS, &region]).unwrap(), "r ENV");
        assert_eq!(planned(&without, &[&KEYS, &region]).unwrap(), "env ENV");
        assert_eq!(planned(&without, &[&KEYS]).unwrap(), "eu-north-1 ENV");
        let unknown = SigV4 { region: None, ..profile("base") };
        assert!(planned(&unknown, &[]).unwrap_err().contains("the region is unknown"));
    }

    #[test]
    fn plan_follows_profiles() {
        for (name, expected) in [
            ("outer", "r BASE > arn:inner as me > arn:outer as rulesyncx"),
            ("itself", "r ITSELF > arn:itself as rulesync"),
            ("eks", "r arn:eks with /token"),
            ("from-env", "r ENV > arn:env as rulesync"),
        ] {
            assert_eq!(planned(&profile(name), &[&KEYS]).unwrap(), expected);
        }
        for (name, says) in [
            ("none", "no profile `none`"),
            ("default", "the profile `default` has no access key"),
            ("a", "the profile `a` has no access key"),
            ("odd", "unknown `credential_source`: `Elsewhere`"),
            ("loose", "neither `source_profile` nor `credential_source`"),
            ("browser", "has `sso_session`, which rulesync does not support"),
        ] {
            let error = planned(&profile(name), &[]).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        assert!(planned(&profile("from-env"), &[]).unwrap_err().contains("has no credentials"));
    }

    #[test]
    fn plan_needs_no_files_where_all_is_known() {
        let given = SigV4 { access_key: Some("a".into()), secret_key: Some("s".into()), ..config() };
        let none = Environment::default();
        assert!(!needs_profiles(&given, &none));
        assert!(needs_profiles(&SigV4 { region: None, ..given.clone() }, &none));
        assert!(!needs_profiles(&config(), &environment(&EKS)));
        assert!(needs_profiles(&profile("base"), &environment(&KEYS)));
        assert!(needs_profiles(&config(), &environment(&ECS)));
    }
}
