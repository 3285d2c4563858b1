//! The files that the settings of a client name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rulesync_fs::FileError;
use rulesync_http::{ClientConfig, SettingsError, TlsConfig};

/// The maximum time for the file system to answer for the files of a client.
pub(super) const READ_DEADLINE: Duration = Duration::from_secs(10);

/// The maximum size of a secret.
const MAX_BYTES: u64 = 4 << 20;

/// A file and the key that names it, such as `tls_config.ca_file`.
pub(super) type KeyFile = (String, PathBuf);

/// Returns the files that are read when a client is made.
pub(super) fn certificates(client: &ClientConfig) -> Vec<KeyFile> {
    let own = client.tls_config.iter().flat_map(|tls| of_tls("tls_config", tls));
    let issuer = client.oauth2.iter().filter_map(|oauth2| oauth2.tls_config.as_ref());
    own.chain(issuer.flat_map(|tls| of_tls("oauth2.tls_config", tls))).collect()
}

fn of_tls<'a>(key: &'a str, tls: &'a TlsConfig) -> impl Iterator<Item = KeyFile> + 'a {
    let files = [("ca_file", &tls.ca_file), ("cert_file", &tls.cert_file), ("key_file", &tls.key_file)];
    files.into_iter().filter_map(move |(name, file)| Some((format!("{key}.{name}"), file.clone()?)))
}

/// Returns the files that are read when a request needs them.
pub(super) fn secrets(client: &ClientConfig) -> Vec<KeyFile> {
    let ClientConfig { basic_auth, authorization, bearer_token_file, oauth2, http_headers, .. } = client;
    let mut files: Vec<(String, Option<PathBuf>)> = Vec::new();
    if let Some(basic) = basic_auth {
        files.push(("basic_auth.username_file".to_owned(), basic.username_file.clone()));
        files.push(("basic_auth.password_file".to_owned(), basic.password_file.clone()));
    }
    if let Some(authorization) = authorization {
        files.push(("authorization.credentials_file".to_owned(), authorization.credentials_file.clone()));
    }
    files.push(("bearer_token_file".to_owned(), bearer_token_file.clone()));
    if let Some(oauth2) = oauth2 {
        files.push(("oauth2.client_secret_file".to_owned(), oauth2.client_secret_file.clone()));
    }
    for header in http_headers.values() {
        files.extend(header.files.iter().map(|file| ("http_headers".to_owned(), Some(file.clone()))));
    }
    files.into_iter().filter_map(|(key, file)| Some((key, file?))).collect()
}

/// Makes sure that the file system answers for every file that is read when a client is made, one by one, so that the
/// one for which it does not is named, and no other client waits for it. Returns the last file, if there is one.
pub(super) async fn reachable(client: &ClientConfig) -> Result<Option<KeyFile>, SettingsError> {
    let mut last = None;
    for (key, file) in certificates(client) {
        let (asking, path) = (file.clone(), file.clone());
        // The answer itself matters only when the file is read.
        let asked = rulesync_fs::run_with_deadline(&file, READ_DEADLINE, move || {
            drop(rulesync_fs::open(&asking));
            Ok::<_, FileError>(())
        });
        asked.await.map_err(|error| unreadable(&key, &path, &error))?;
        last = Some((key, file));
    }
    Ok(last)
}

/// Returns why a secret cannot be read.
pub(super) async fn secret_error(file: &Path) -> Option<String> {
    let read = rulesync_fs::read_with_deadline(file, MAX_BYTES, READ_DEADLINE).await;
    match read.map(String::from_utf8) {
        Ok(Ok(_)) => None,
        // The message must not contain the bytes.
        Ok(Err(_)) => Some("is not UTF-8 text".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

pub(super) fn unreadable(key: &str, file: &Path, error: &FileError) -> SettingsError {
    SettingsError::invalid(key, format!("{}: {error}", file.display()))
}
