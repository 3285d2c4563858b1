//! Who asks a daemon, and which certificates are trusted: as its `--web.config.file` asks for it.

use std::path::PathBuf;

use rulesync_http::{BasicAuth, ClientConfig, Secret, TlsConfig};

/// The heading of these flags in the help.
const LOGIN: &str = "A daemon with TLS or users";

/// Who asks a daemon. No secret is a flag: process lists show those.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Login {
    /// The user [env: RULESYNC_DAEMON_USER]
    #[arg(help_heading = LOGIN, long, value_name = "USER", conflicts_with = "config")]
    user: Option<String>,

    /// A file with the user's password [env: RULESYNC_DAEMON_PASSWORD has the password itself]
    #[arg(help_heading = LOGIN, long, value_name = "FILE", conflicts_with = "config")]
    password_file: Option<PathBuf>,

    /// Certificates to trust in place of the system's [env: RULESYNC_DAEMON_TLS_CA_PATH]
    #[arg(help_heading = LOGIN, long, value_name = "FILE", conflicts_with = "config")]
    tls_ca_path: Option<PathBuf>,

    /// The client certificate [env: RULESYNC_DAEMON_TLS_CERT_PATH]
    #[arg(help_heading = LOGIN, long, value_name = "FILE", conflicts_with = "config")]
    tls_cert_path: Option<PathBuf>,

    /// The key of the client certificate [env: RULESYNC_DAEMON_TLS_KEY_PATH]
    #[arg(help_heading = LOGIN, long, value_name = "FILE", conflicts_with = "config")]
    tls_key_path: Option<PathBuf>,
}

impl Login {
    /// Returns the flags that are given.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let Self { user, password_file, tls_ca_path, tls_cert_path, tls_key_path } = self;
        let flags = [
            ("--user", user.is_some()),
            ("--password-file", password_file.is_some()),
            ("--tls-ca-path", tls_ca_path.is_some()),
            ("--tls-cert-path", tls_cert_path.is_some()),
            ("--tls-key-path", tls_key_path.is_some()),
        ];
        flags.into_iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| flag).collect()
    }

    /// Returns the settings of a client. `variable` answers for the environment.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub(super) fn client(&self, variable: impl Fn(&str) -> Option<String>) -> Result<ClientConfig, String> {
        let path =
            |given: &Option<PathBuf>, name: &str| given.clone().or_else(|| variable(name).map(PathBuf::from));
        let mut client = ClientConfig::default();
        client.proxy_from_environment = true;
        let mut tls = TlsConfig::default();
        tls.ca_file = path(&self.tls_ca_path, "RULESYNC_DAEMON_TLS_CA_PATH");
        tls.cert_file = path(&self.tls_cert_path, "RULESYNC_DAEMON_TLS_CERT_PATH");
        tls.key_file = path(&self.tls_key_path, "RULESYNC_DAEMON_TLS_KEY_PATH");
        client.tls_config = (tls != TlsConfig::default()).then_some(tls);
        let password = match &self.password_file {
            Some(_) => None,
            None => variable("RULESYNC_DAEMON_PASSWORD").map(|password| Secret::from(password.as_str())),
        };
        let has_password = self.password_file.is_some() || password.is_some();
        match self.user.clone().or_else(|| variable("RULESYNC_DAEMON_USER")) {
            Some(user) if has_password => {
                let mut login = BasicAuth::default();
                login.username = Some(user);
                login.password_file = self.password_file.clone();
                login.password = password;
                client.basic_auth = Some(login);
                Ok(client)
            }
            Some(_) => Err("which password? Give --password-file, or RULESYNC_DAEMON_PASSWORD".to_owned()),
            None if has_password => Err("whose password? Give --user, or RULESYNC_DAEMON_USER".to_owned()),
            None => Ok(client),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(login: Login, variables: &[(&str, &str)]) -> Result<ClientConfig, String> {
        let value = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        login.client(value)
    }

    #[test]
    fn login_is_of_flags_or_variables() {
        let login =
            || Login { user: Some("alice".into()), password_file: Some("p".into()), ..Login::default() };
        let by_flags =
            of(login(), &[("RULESYNC_DAEMON_USER", "bob"), ("RULESYNC_DAEMON_PASSWORD", "b")]).unwrap();
        let auth = by_flags.basic_auth.unwrap();
        assert_eq!((auth.username.as_deref(), auth.password), (Some("alice"), None));
        assert_eq!(auth.password_file, Some("p".into()));
        let variables = [
            ("RULESYNC_DAEMON_USER", "bob"),
            ("RULESYNC_DAEMON_PASSWORD", "builder"),
            ("RULESYNC_DAEMON_TLS_CA_PATH", "ca"),
            ("RULESYNC_DAEMON_TLS_CERT_PATH", "cert"),
            ("RULESYNC_DAEMON_TLS_KEY_PATH", "key"),
        ];
        let client = of(Login::default(), &variables).unwrap();
        let auth = client.basic_auth.unwrap();
        assert_eq!((auth.username.as_deref(), auth.password), (Some("bob"), Some("builder".into())));
        let tls = client.tls_config.unwrap();
        assert_eq!(
            [tls.ca_file, tls.cert_file, tls.key_file],
            ["ca", "cert", "key"].map(|path| Some(PathBuf::from(path)))
        );
        let nothing = of(Login::default(), &[]).unwrap();
        assert_eq!((nothing.basic_auth, nothing.tls_config), (None, None));
    }

    #[test]
    fn half_a_login_is_an_error() {
        let of_user = Login { user: Some("alice".into()), ..Login::default() };
        assert!(of(of_user, &[]).unwrap_err().contains("--password-file"));
        assert!(of(Login::default(), &[("RULESYNC_DAEMON_PASSWORD", "p")]).unwrap_err().contains("--user"));
    }
}
