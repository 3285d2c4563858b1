//! A configuration made of flags: its text, and which flag each line of it comes from. Secrets are not in the text but in
//! an environment of its own. Pure.

use std::collections::HashMap;
use std::path::PathBuf;

use rulesync_core::route::{Operator, Requirement, Selector};

use super::flags::NamingKind;
use super::settings::{Authentication, RulerSettings, Secret};
use super::variables::Given;

/// A configuration that is made of flags.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(super) text: String,
    /// The flag or variable of each line.
    origins: Vec<Option<String>>,
    /// The secrets, by the names that the text has for them.
    pub(super) secrets: HashMap<String, String>,
}

/// The owner where nothing is written.
pub(super) const NOBODY: &str = "nobody";

/// Whose rules are written, and how they are named.
#[derive(Debug, Default)]
pub(crate) struct Ownership {
    pub(super) owner: Option<Given>,
    pub(super) installation: Option<Given>,
    pub(super) selector: Option<Selector>,
    pub(super) naming: Option<NamingKind>,
    pub(super) inventory: Option<Given>,
    /// Namespaces of others that may be taken over.
    pub(super) adopt: Vec<String>,
}

impl Document {
    /// Creates the configuration that brings the files at these paths to a ruler.
    pub(super) fn new(settings: &RulerSettings, ownership: &Ownership, paths: &[PathBuf]) -> Self {
        let mut document = Self::default();
        document.ownership(ownership);
        document.line("sources:", None);
        for path in paths {
            document.line("- type: files", None);
            let path = Given { text: path.display().to_string(), origin: path.display().to_string() };
            document.value("  path", &path);
        }
        document.line("rulers:", None);
        document.ruler(settings);
        document.line("routes:", None);
        document.line("- name: all", None);
        document.line(&format!("  ruler: {}", settings.kind.name()), None);
        if let Some(tenant) = &settings.tenant {
            document.value("  tenant", tenant);
        }
        // Whoever has the credentials may read what they let him read, as with mimirtool.
        document.line("  source_tenants: {allow: ['*']}", None);
        if let Some(selector) = &ownership.selector {
            document.line(&format!("  rule_selector: {}", requirements(selector)), Some("--selector"));
        }
        document
    }

    fn ownership(&mut self, ownership: &Ownership) {
        let Ownership { owner, installation, naming, inventory, adopt, selector: _ } = ownership;
        match owner {
            Some(owner) => self.value("owner", owner),
            // Nobody's rules are planned or written.
            None => self.line(&format!("owner: {NOBODY}"), None),
        }
        match installation {
            Some(installation) => self.value("installation", installation),
            // Nothing tells one checkout of a pipeline from another.
            None => self.line("claim: off", None),
        }
        let is_verbatim = *naming == Some(NamingKind::Verbatim);
        if is_verbatim {
            self.line("naming: {type: verbatim}", Some("--naming"));
        }
        match inventory {
            Some(path) => {
                self.line("inventory:", Some(&path.origin));
                self.line("  type: file", Some(&path.origin));
                self.value("  path", path);
            }
            None if is_verbatim => {}
            // One that is there by chance belongs to another installation.
            None => self.line("inventory: {type: off}", None),
        }
        if !adopt.is_empty() {
            let patterns: Vec<String> = adopt.iter().map(|pattern| quoted(pattern)).collect();
            self.line(&format!("adopt: {{namespaces: [{}]}}", patterns.join(", ")), Some("--adopt"));
        }
    }

    fn ruler(&mut self, settings: &RulerSettings) {
        // The one ruler is called what it is.
        self.line(&format!("- name: {}", settings.kind.name()), None);
        self.line(&format!("  type: {}", settings.kind.name()), Some("--ruler"));
        self.value("  address", &settings.address);
        if let Some(prefix) = &settings.prometheus_http_prefix {
            self.value("  prometheus_http_prefix", prefix);
        }
        // As Go's clients do by default.
        self.line("  proxy_from_environment: true", None);
        match &settings.authentication {
            Authentication::None => {}
            Authentication::Basic { user, key } => {
                self.line("  basic_auth:", None);
                self.value("    username", user);
                if let Some(key) = key {
                    self.secret("    password", key);
                }
            }
            Authentication::Token(token) => {
                self.line("  authorization:", None);
                self.secret("    credentials", token);
            }
        }
        if !settings.headers.is_empty() {
            self.line("  http_headers:", None);
        }
        for (name, value) in &settings.headers {
            let origin = value.origin.as_str();
            self.line(&format!("    {}:", quoted(name)), Some(origin));
            let secret = self.named_secret(&value.text);
            self.line(&format!("      secrets: [{secret}]"), Some(origin));
        }
        if !settings.tls.is_empty() || settings.insecure_skip_verify {
            self.line("  tls_config:", None);
        }
        for (key, value) in &settings.tls {
            self.value(&format!("    {key}"), value);
        }
        if settings.insecure_skip_verify {
            self.line("    insecure_skip_verify: true", None);
        }
        let sigv4 = settings.sigv4.iter().map(|(_, given)| given).chain(&settings.sigv4_fips).next();
        if let Some(given) = sigv4 {
            self.line("  sigv4:", Some(&given.origin));
        }
        if let Some(given) = &settings.sigv4_fips {
            self.line("    use_fips_sts_endpoint: true", Some(&given.origin));
        }
        for (key, value) in &settings.sigv4 {
            match *key {
                "secret_key" => self.secret("    secret_key", &Secret::Text(value.clone())),
                key => self.value(&format!("    {key}"), value),
            }
        }
    }

    /// Returns the flag or variable that a line of the text comes from.
    pub(super) fn origin(&self, line: u64) -> Option<&str> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        self.origins.get(index)?.as_deref()
    }

    fn line(&mut self, line: &str, origin: Option<&str>) {
        self.text.push_str(line);
        self.text.push('\n');
        self.origins.push(origin.map(str::to_owned));
    }

    fn value(&mut self, key: &str, value: &Given) {
        self.line(&format!("{key}: {}", quoted(&value.text)), Some(&value.origin));
    }

    fn secret(&mut self, key: &str, secret: &Secret) {
        match secret {
            Secret::File(path) => self.value(&format!("{key}_file"), path),
            Secret::Text(given) => {
                let secret = self.named_secret(&given.text);
                self.line(&format!("{key}: {secret}"), Some(&given.origin));
            }
        }
    }

    /// Stores a secret; returns the value that stands for it.
    fn named_secret(&mut self, secret: &str) -> String {
        let name = format!("SECRET_{}", self.secrets.len() + 1);
        let value = format!("\"${{{name}}}\"");
        self.secrets.insert(name, secret.to_owned());
        value
    }
}

/// Returns a selector as a value.
fn requirements(selector: &Selector) -> String {
    let requirement = |Requirement { key, operator, values }: &Requirement| {
        let operator = match operator {
            Operator::In => "In",
            Operator::NotIn => "NotIn",
            Operator::Exists => "Exists",
            Operator::DoesNotExist => "DoesNotExist",
        };
        serde_json::json!({"key": key, "operator": operator, "values": values})
    };
    let requirements: Vec<_> = selector.match_expressions.iter().map(requirement).collect();
    let selector =
        serde_json::json!({"match_labels": selector.match_labels, "match_expressions": requirements});
    selector.to_string().replace('$', "\\u0024")
}

/// Returns a text as a value that is read as it is, also where it looks like a variable: JSON, which is YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('$', "\\u0024")
}

#[cfg(test)]
mod tests;
