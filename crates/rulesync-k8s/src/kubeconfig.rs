//! Reads kubeconfigs and the files that they refer to, up to a size limit and from regular files only: kube would wait
//! for a pipe, and read a file without an end. Blocks, and therefore runs on another thread than the engine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use rulesync_fs::FileError;
use serde_saphyr::Error as YamlError;

/// The maximum size of a kubeconfig, certificate, key or token.
const MAX_BYTES: u64 = 16 << 20;

/// A kubeconfig that cannot be read or used.
#[derive(Debug, thiserror::Error)]
#[error("kubeconfig {path}: {reason}")]
pub(crate) struct KubeconfigError {
    pub(crate) path: String,
    pub(crate) reason: String,
}

/// Returns the default kubeconfig files: the paths in `KUBECONFIG`, or else `~/.kube/config`.
pub(crate) fn default_files(variable: Option<&OsStr>, home: Option<&Path>) -> Vec<PathBuf> {
    let paths = variable.map(std::env::split_paths).into_iter().flatten();
    let paths: Vec<PathBuf> = paths.filter(|path| !path.as_os_str().is_empty()).collect();
    if paths.is_empty() { home.map(|home| home.join(".kube/config")).into_iter().collect() } else { paths }
}

/// Reads and merges the files that exist, as kubectl does: the first value takes precedence. `None` if no file exists.
///
/// # Errors
///
/// The first file that cannot be read or used.
pub(crate) fn read_existing(paths: &[PathBuf]) -> Result<Option<Kubeconfig>, KubeconfigError> {
    let mut merged: Option<Kubeconfig> = None;
    for path in paths {
        let invalid = |reason| KubeconfigError { path: path.display().to_string(), reason };
        let bytes = match rulesync_fs::read(path, MAX_BYTES) {
            Err(error) if error.is_not_found() => continue,
            read => read.map_err(|error| invalid(error.to_string()))?,
        };
        let next = parse(&bytes, path.parent().unwrap_or(Path::new(""))).map_err(invalid)?;
        merged = Some(match merged {
            Some(before) => before.merge(next).map_err(|error| invalid(error.to_string()))?,
            None => next,
        });
    }
    Ok(merged)
}

/// Replaces the paths of the certificates and keys of the current context by their contents, so that kube does not read
/// these files. The path of a token is kept, because the token may change; its file must be readable.
///
/// # Errors
///
/// The key, its file, and the reason why the file cannot be read.
pub(crate) fn embed_files(config: &mut Kubeconfig) -> Result<(), String> {
    let context =
        config.contexts.iter().find(|context| Some(&context.name) == config.current_context.as_ref());
    let Some(context) = context.and_then(|named| named.context.clone()) else { return Ok(()) };
    let cluster = config.clusters.iter_mut().find(|named| named.name == context.cluster);
    if let Some(Cluster { certificate_authority, certificate_authority_data: data @ None, .. }) =
        cluster.and_then(|named| named.cluster.as_mut())
    {
        *data = read_base64("certificate-authority", certificate_authority.take())?;
    }
    let user = config.auth_infos.iter_mut().find(|named| Some(&named.name) == context.user.as_ref());
    let Some(user) = user.and_then(|named| named.auth_info.as_mut()) else { return Ok(()) };
    if user.client_certificate_data.is_none() {
        user.client_certificate_data = read_base64("client-certificate", user.client_certificate.take())?;
    }
    if user.client_key_data.is_none() {
        user.client_key_data = read_base64("client-key", user.client_key.take())?.map(Into::into);
    }
    if let AuthInfo { token: None, token_file: Some(file), .. } = user {
        read_file("tokenFile", file)?;
    }
    Ok(())
}

/// Parses a kubeconfig, and resolves its paths, which are relative to its directory.
fn parse(bytes: &[u8], directory: &Path) -> Result<Kubeconfig, String> {
    let text = text(bytes).ok_or("the file is neither UTF-8 nor UTF-16 text")?;
    let mut config = Kubeconfig::from_yaml(&text).map_err(|error| match &error {
        kube::config::KubeconfigError::Parse(error) => described(error),
        other => other.to_string(),
    })?;
    for cluster in config.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        resolve(directory, &mut cluster.certificate_authority)?;
    }
    for user in config.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        for path in [&mut user.client_certificate, &mut user.client_key, &mut user.token_file] {
            resolve(directory, path)?;
        }
        // A command without a separator is searched for in PATH.
        if let Some(exec) = &mut user.exec
            && exec.command.as_ref().is_some_and(|command| command.contains(std::path::MAIN_SEPARATOR))
        {
            resolve(directory, &mut exec.command)?;
        }
    }
    Ok(config)
}

/// Describes the parser's error in one line, without the text around it and without values, which may be secrets.
fn described(error: &YamlError) -> String {
    let error = error.without_snippet();
    let reason = match error {
        YamlError::AliasError { error, .. } => return described(error),
        YamlError::SerdeInvalidType { expected, .. } | YamlError::SerdeInvalidValue { expected, .. } => {
            format!("expected {expected}")
        }
        YamlError::SerdeUnknownVariant { expected, .. } => {
            let expected: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
            format!("expected one of {}", expected.join(", "))
        }
        YamlError::DuplicateMappingKey { .. } => "duplicate key".to_owned(),
        YamlError::NonFiniteFloat { .. }
        | YamlError::QuotingRequired { .. }
        | YamlError::TaggedEnumMismatch { .. } => "unexpected value".to_owned(),
        // These messages consist of names and positions.
        other => return other.to_string().lines().next().unwrap_or_default().to_owned(),
    };
    let position = error.location().filter(|location| location.line() > 0);
    let position = position.map(|at| format!(" at line {}, column {}", at.line(), at.column().max(1)));
    format!("{reason}{}", position.unwrap_or_default())
}

fn resolve(directory: &Path, path: &mut Option<String>) -> Result<(), String> {
    let Some(relative) = path.as_mut().filter(|path| Path::new(path).is_relative()) else { return Ok(()) };
    let absolute = directory.join(&*relative).into_os_string().into_string();
    *relative = absolute.map_err(|path| format!("the path {} is not UTF-8", path.display()))?;
    Ok(())
}

/// Decodes text in the encodings that kubectl supports.
fn text(bytes: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16(&units).ok().filter(|_| rest.is_empty())
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] | rest => String::from_utf8(rest.to_vec()).ok(),
    }
}

fn read_base64(key: &str, path: Option<String>) -> Result<Option<String>, String> {
    path.map(|path| read_file(key, &path).map(|bytes| STANDARD.encode(bytes))).transpose()
}

fn read_file(key: &str, path: &str) -> Result<Vec<u8>, String> {
    rulesync_fs::read(Path::new(path), MAX_BYTES).map_err(|error: FileError| format!("{key} {path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(cluster: &str, user: &str) -> String {
        format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:1', {cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n"
        )
    }

    #[test]
    fn default_files_prefer_variable_over_home() {
        let home = Some(Path::new("/home/me"));
        let files = |variable: Option<&str>| default_files(variable.map(OsStr::new), home);
        assert_eq!(files(Some("/a::b")), [Path::new("/a"), Path::new("b")]);
        for none in [None, Some(""), Some(":")] {
            assert_eq!(files(none), [Path::new("/home/me/.kube/config")]);
        }
        assert!(default_files(None, None).is_empty());
    }

    #[test]
    fn read_existing_merges_files_and_resolves_paths() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for (name, text) in [
            ("first", kubeconfig("certificate-authority: ca.pem", "exec: {command: aws}")),
            (
                "second",
                "current-context: other\nusers: [{name: u, user: {token: x}}, {name: v, user: {tokenFile: t, \
                 client-key: /k, exec: {command: ./login}}}]\n"
                    .to_owned(),
            ),
        ] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(at(name).join("config"), text).unwrap();
        }
        let paths = ["missing", "first/config", "second/config"].map(at);
        let merged = read_existing(&paths).unwrap().unwrap();
        assert_eq!(merged.current_context.as_deref(), Some("c"));
        let authority = merged.clusters[0].cluster.as_ref().unwrap().certificate_authority.as_deref();
        assert_eq!(authority, at("first/ca.pem").to_str());
        let user = |index: usize| merged.auth_infos[index].auth_info.as_ref().unwrap();
        assert!(user(0).token.is_none(), "the first of two users with the same name takes precedence");
        let command = |index: usize| user(index).exec.as_ref().unwrap().command.as_deref();
        assert_eq!((command(0), command(1)), (Some("aws"), at("second/./login").to_str()));
        assert_eq!(user(1).token_file.as_deref(), at("second/t").to_str());
        assert_eq!(user(1).client_key.as_deref(), Some("/k"));
        assert!(read_existing(&paths[..1]).unwrap().is_none());
    }

    #[test]
    fn text_decodes_utf8_and_utf16() {
        let units =
            |bytes: fn(u16) -> [u8; 2]| "\u{feff}ä: 1".encode_utf16().flat_map(bytes).collect::<Vec<_>>();
        for bytes in [units(u16::to_le_bytes), units(u16::to_be_bytes), "\u{feff}ä: 1".into(), "ä: 1".into()]
        {
            assert_eq!(text(&bytes).as_deref(), Some("ä: 1"), "{bytes:?}");
        }
        assert_eq!(text(b"\xff\xfea"), None);
        assert_eq!(text(b"\xff"), None);
    }

    #[test]
    fn embed_files_reads_certificates_and_keys() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        std::fs::write(
            &path,
            kubeconfig("certificate-authority: ca", "client-certificate: crt, client-key: key"),
        )
        .unwrap();
        for (name, text) in [("ca", "the authority"), ("crt", "the certificate"), ("key", "the key")] {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let mut config = read_existing(std::slice::from_ref(&path)).unwrap().unwrap();
        embed_files(&mut config).unwrap();
        std::fs::remove_file(directory.path().join("ca")).unwrap();
        let cluster = config.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(
            (&cluster.certificate_authority, cluster.certificate_authority_data.as_deref()),
            (&None, Some(&*STANDARD.encode("the authority")))
        );
        let user = config.auth_infos[0].auth_info.as_ref().unwrap();
        assert_eq!(user.client_certificate_data.as_deref(), Some(&*STANDARD.encode("the certificate")));
        assert!(user.client_key_data.is_some() && user.client_key.is_none());
    }

    #[test]
    fn parse_error_says_where_and_shows_no_secret() {
        let user = |user: &str| format!("users:\n- name: u\n  user:\n    {user}\n");
        for (text, position, expected) in [
            (user("token: hunter2-secret\n   client: x"), "line 5", ""),
            (user("token: hunter2-secret\n    token: hunter2-other"), "line 5", "duplicate"),
            (user("token: \"hunter2-secret"), "line ", ""),
            (user("token: [hunter2-secret]"), "line 4", "string"),
            (user("exec: hunter2-secret"), "line 4", "mapping"),
            (user("exec: {command: aws, interactiveMode: hunter2-secret}"), "", "`Never`"),
            ("users: hunter2-secret\n".to_owned(), "line 1", ""),
            ("hunter2-secret\n".to_owned(), "line 1", ""),
        ] {
            let error = parse(text.as_bytes(), Path::new("")).unwrap_err();
            assert!(error.contains(position) && error.contains(expected), "{text}: {error}");
            assert!(!["hunter2", "\n"].iter().any(|secret| error.contains(secret)), "{text}: {error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn read_existing_and_embed_files_reject_pipes() {
        let directory = tempfile::tempdir().unwrap();
        let (pipe, path) = (directory.path().join("pipe"), directory.path().join("config"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = read_existing(std::slice::from_ref(&pipe)).unwrap_err().to_string();
        assert_eq!(error, format!("kubeconfig {}: it is a pipe, not a regular file", pipe.display()));
        for (cluster, user, key) in [
            ("certificate-authority: pipe", "", "certificate-authority"),
            ("", "client-certificate: pipe", "client-certificate"),
            ("", "client-key: pipe", "client-key"),
            ("", "tokenFile: pipe", "tokenFile"),
        ] {
            std::fs::write(&path, kubeconfig(cluster, user)).unwrap();
            let mut config = read_existing(std::slice::from_ref(&path)).unwrap().unwrap();
            let error = embed_files(&mut config).unwrap_err();
            assert_eq!(error, format!("{key} {}: it is a pipe, not a regular file", pipe.display()));
        }
    }
}
