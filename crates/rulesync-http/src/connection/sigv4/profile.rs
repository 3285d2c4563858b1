//! The shared files of AWS' tools, `~/.aws/credentials` and `~/.aws/config`: sections of keys and values. Pure.

use std::collections::BTreeMap;

/// The profiles of both files.
#[derive(Default)]
pub(super) struct Profiles(BTreeMap<String, BTreeMap<String, String>>);

impl Profiles {
    /// Reads the texts of both files. What a profile has in the credentials file wins.
    pub(super) fn parse(config: &str, credentials: &str) -> Self {
        let mut profiles = Self::default();
        // In the config file `[profile x]` is a profile, and any other section but `[default]` is something else.
        profiles.add(config, |section| match section {
            "default" => Some(section),
            _ => section.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t'])).map(str::trim),
        });
        profiles.add(credentials, |section| Some(section));
        profiles
    }

    fn add(&mut self, text: &str, name: impl Fn(&str) -> Option<&str>) {
        let mut current: Option<String> = None;
        for line in text.lines() {
            // Indented lines belong to a nested setting, such as `s3 =`.
            let is_nested = line.starts_with([' ', '\t']);
            let line = line.trim();
            if line.is_empty() || is_nested || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                let section = rest.split(']').next().unwrap_or_default().trim();
                current = name(section).map(str::to_owned);
                if let Some(name) = &current {
                    self.0.entry(name.clone()).or_default();
                }
            } else if let (Some(name), Some((key, value))) = (&current, line.split_once('=')) {
                let value = value.split(" #").next().unwrap_or_default().trim();
                if !value.is_empty() {
                    let profile = self.0.entry(name.clone()).or_default();
                    profile.insert(key.trim().to_ascii_lowercase(), value.to_owned());
                }
            }
        }
    }

    /// Returns a profile by name.
    pub(super) fn get(&self, name: &str) -> Option<Profile<'_>> {
        let (name, values) = self.0.get_key_value(name)?;
        Some(Profile { name, values })
    }
}

/// A profile.
#[derive(Clone, Copy)]
pub(super) struct Profile<'a> {
    pub(super) name: &'a str,
    values: &'a BTreeMap<String, String>,
}

impl<'a> Profile<'a> {
    /// Returns a value.
    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.values.get(key).map(String::as_str)
    }

    /// Returns a key for credentials that rulesync does not get: those of a browser or of another program.
    pub(super) fn unsupported(&self) -> Option<&'a str> {
        let unsupported = |key: &&String| {
            key.starts_with("sso_")
                || matches!(key.as_str(), "credential_process" | "mfa_serial" | "login_session")
        };
        self.values.keys().find(unsupported).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
[default]
region = eu-west-1   # ours
s3 =
  max_concurrent_requests = 20
; [profile commented]
[profile  prod]
role_arn=arn:aws:iam::1:role/r
SOURCE_PROFILE = base
aws_access_key_id = from-config
[sso-session corp]
sso_region = us-east-1
[profile browser]
sso_session = corp
[profilex]
region = x
";

    const CREDENTIALS: &str = "[base]\naws_access_key_id = AKID\naws_secret_access_key = a/b=c+d#e\n\n[ prod ]\naws_access_key_id = mine";

    #[test]
    fn profiles_are_those_of_both_files() {
        let profiles = Profiles::parse(CONFIG, CREDENTIALS);
        let get = |name: &str, key: &str| profiles.get(name).and_then(|profile| profile.get(key));
        assert_eq!(get("default", "region"), Some("eu-west-1"));
        assert_eq!(get("default", "max_concurrent_requests"), None);
        assert_eq!(get("prod", "role_arn"), Some("arn:aws:iam::1:role/r"));
        assert_eq!(get("prod", "source_profile"), Some("base"));
        assert_eq!(get("prod", "aws_access_key_id"), Some("mine"), "the credentials file wins");
        assert_eq!(get("base", "aws_secret_access_key"), Some("a/b=c+d#e"));
        let names: Vec<&String> = profiles.0.keys().collect();
        assert_eq!(names, ["base", "browser", "default", "prod"]);
        assert_eq!(profiles.get("browser").unwrap().unsupported(), Some("sso_session"));
        assert_eq!(profiles.get("prod").unwrap().unsupported(), None);
    }
}
