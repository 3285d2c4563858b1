//! Credentials that change: tokens that are read from a file, or issued by a command. kube would read the file on the
//! thread that sends the request, and wait for the command without a deadline; here both happen on a separate thread,
//! with a deadline, and once for all waiting requests.

use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use kube::Config;
use kube::client::{AuthError, Body, ConfigExt};
use rulesync_fs::{FileError, Shared};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tower::{BoxError, Layer, Service};

/// The maximum age of a header. A command is run again only when its token is about to expire.
const MAX_AGE: Duration = Duration::from_secs(30);

/// The deadline for reading the file, and for the command.
const DEADLINE: Duration = Duration::from_secs(30);

/// The maximum size of a token.
const MAX_TOKEN_BYTES: u64 = 1 << 20;

/// The reason why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no credentials for the Kubernetes API: {origin}: {reason}")]
pub(crate) struct CredentialsError {
    /// The file or the command.
    origin: String,
    /// The reason, which never contains a token.
    reason: String,
}

/// Adds the `Authorization` header to every request.
#[derive(Clone)]
pub(crate) struct Credentials(Arc<Inner>);

struct Inner {
    origin: Origin,
    header: Shared<HeaderValue>,
    /// The last header, which stays in use if it cannot be renewed.
    last: Mutex<Option<HeaderValue>>,
}

/// The origin of the header.
enum Origin {
    File(PathBuf),
    Command { name: String, config: Box<Config>, session: Session },
}

/// The result of a command, which kube renews when it expires; `None` before the command is run.
type Session = Arc<Mutex<Option<GetHeader>>>;

/// Returns the header. Blocks.
type GetHeader = Box<dyn FnMut() -> Result<HeaderValue, String> + Send>;

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.0.origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "token file {}", path.display()),
            Self::Command { name, .. } => write!(f, "{name}"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Credentials {
    /// Removes credentials that change from a configuration, and returns them; `None` if they do not change. Blocks, and
    /// may run a command.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`] if the command fails.
    pub(crate) fn take_from(config: &mut Config) -> Result<Option<Self>, CredentialsError> {
        let auth = &mut config.auth_info;
        let is_fixed = auth.token.is_some() || (auth.username.is_some() && auth.password.is_some());
        let origin = if let Some(provider) = &auth.auth_provider {
            format!("auth provider `{}`", provider.name)
        } else if is_fixed {
            return Ok(None);
        } else if let Some(file) = auth.token_file.take() {
            return Ok(Some(Self::from(Origin::File(file.into()))));
        } else if let Some(exec) = &auth.exec {
            format!("command `{}`", exec.command.as_deref().unwrap_or_default())
        } else {
            return Ok(None);
        };
        let failed = |reason| CredentialsError { origin: origin.clone(), reason };
        // If the command issues a client certificate, kube runs it once more, and keeps the certificate.
        let Some(get_header) = start_session(config).map_err(failed)? else { return Ok(None) };
        let session = Arc::new(Mutex::new(Some(get_header)));
        let origin = Origin::Command { name: origin, config: Box::new(config.clone()), session };
        (config.auth_info.exec, config.auth_info.auth_provider) = (None, None);
        Ok(Some(Self::from(origin)))
    }

    /// Returns the header, which is at most [`MAX_AGE`] old. If it cannot be renewed, the last one stays in use.
    async fn header(&self) -> Result<HeaderValue, CredentialsError> {
        let inner = Arc::clone(&self.0);
        let renewed = self.0.header.get(|| async move { Ok((inner.renew().await?, MAX_AGE)) }).await;
        renewed.map_err(|reason| self.0.failed(reason))
    }

    /// Discards the header that was in use at `sent`, because the server rejected it. A newer header is kept.
    fn invalidate(&self, sent: Instant) {
        if !self.0.header.distrust(sent) {
            return;
        }
        *lock(&self.0.last) = None;
        if let Origin::Command { session, .. } = &self.0.origin
            // If it is locked, the header is being renewed.
            && let Ok(mut session) = session.try_lock()
        {
            *session = None;
        }
    }
}

impl Inner {
    async fn renew(&self) -> Result<HeaderValue, String> {
        let result = self.get().await;
        let mut last = lock(&self.last);
        match (result, &*last) {
            (Ok(header), _) => {
                *last = Some(header.clone());
                Ok(header)
            }
            (Err(reason), Some(header)) => {
                let error = self.failed(reason);
                tracing::warn!(%error, "Kubernetes credentials cannot be renewed, keeping the last ones");
                Ok(header.clone())
            }
            (Err(reason), None) => Err(reason),
        }
    }

    fn failed(&self, reason: String) -> CredentialsError {
        CredentialsError { origin: self.origin.to_string(), reason }
    }

    async fn get(&self) -> Result<HeaderValue, String> {
        match &self.origin {
            Origin::File(path) => {
                let read = rulesync_fs::read_with_deadline(path, MAX_TOKEN_BYTES, DEADLINE).await;
                let bytes = read.map_err(|error| error.to_string())?;
                bearer(bytes.trim_ascii()).ok_or_else(|| "it contains no valid token".to_owned())
            }
            Origin::Command { name, config, session } => {
                let (config, session) = (config.clone(), Arc::clone(session));
                let work = move || {
                    let mut session = lock(&session);
                    if session.is_none() {
                        *session = match start_session(&config) {
                            Ok(get_header) => get_header,
                            Err(reason) => return Ok(Err(reason)),
                        };
                    }
                    Ok(session.as_mut().map_or_else(|| Err(NO_TOKEN.to_owned()), |get_header| get_header()))
                };
                let result = rulesync_fs::run_with_deadline(Path::new(name), DEADLINE, work).await;
                result.map_err(|error: FileError| error.to_string())?
            }
        }
    }
}

impl From<Origin> for Credentials {
    fn from(origin: Origin) -> Self {
        Self(Arc::new(Inner { origin, header: Shared::default(), last: Mutex::default() }))
    }
}

fn bearer(token: &[u8]) -> Option<HeaderValue> {
    if token.is_empty() {
        return None;
    }
    let mut header = HeaderValue::from_bytes(&[b"Bearer ", token].concat()).ok()?;
    header.set_sensitive(true);
    Some(header)
}

const NO_TOKEN: &str = "it returns no token";

/// Runs the command of a configuration, and returns a function that returns its header; `None` if it issues no token.
fn start_session(config: &Config) -> Result<Option<GetHeader>, String> {
    let layer = config.auth_layer().map_err(|error| described(&error))?;
    let Some(layer) = layer else { return Ok(None) };
    // Responds with the headers of the request instead of sending it to the server.
    let mut service = layer.layer(tower::service_fn(|mut request: Request<Body>| async move {
        let mut response = Response::new(());
        std::mem::swap(response.headers_mut(), request.headers_mut());
        Ok::<_, BoxError>(response)
    }));
    Ok(Some(Box::new(move || {
        // The service is always ready.
        let response = Handle::current().block_on(service.call(Request::new(Body::empty())));
        let mut response = response.map_err(|error| match error.downcast_ref::<AuthError>() {
            Some(error) => redacted(error),
            None => error.to_string(),
        })?;
        response.headers_mut().remove(AUTHORIZATION).ok_or_else(|| NO_TOKEN.to_owned())
    })))
}

/// Returns the message of an error of kube, without output of a command that may contain a token or a key.
pub(crate) fn described(error: &kube::Error) -> String {
    match error {
        kube::Error::Auth(error) => redacted(error),
        other => other.to_string(),
    }
}

/// Returns the message of an error of credentials, without output of a command.
fn redacted(error: &AuthError) -> String {
    match error {
        // The command inherits standard error, and reports the reason there.
        AuthError::AuthExecRun { out, .. } => format!("it failed with {}", out.status),
        AuthError::AuthExecParse(_) => "its output is not an ExecCredential".to_owned(),
        AuthError::ParseTokenKey(_) => "its output is not JSON".to_owned(),
        AuthError::MalformedTokenExpirationDate(_) => "it returns a malformed expiration date".to_owned(),
        AuthError::AuthExecStart(error) => format!("it cannot be run: {error}"),
        other => other.to_string(),
    }
}

impl<S> Layer<S> for Credentials {
    type Service = Authorized<S>;

    fn layer(&self, inner: S) -> Authorized<S> {
        Authorized { inner: Arc::new(tokio::sync::Mutex::new(inner)), credentials: self.clone() }
    }
}

/// A client's HTTP service that adds credentials.
#[derive(Debug)]
pub(crate) struct Authorized<S> {
    /// Locked from the time at which the service is ready until it is called.
    inner: Arc<tokio::sync::Mutex<S>>,
    credentials: Credentials,
}

impl<S, A, B> Service<Request<A>> for Authorized<S>
where
    S: Service<Request<A>, Response = Response<B>, Error: Into<BoxError>, Future: Send> + Send + 'static,
    A: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let (inner, credentials) = (Arc::clone(&self.inner), self.credentials.clone());
        Box::pin(async move {
            let header = credentials.header().await?;
            let sent = Instant::now();
            request.headers_mut().insert(AUTHORIZATION, header);
            let response = {
                let mut inner = inner.lock().await;
                std::future::poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
                inner.call(request)
            };
            let response = response.await.map_err(Into::into)?;
            if response.status() == StatusCode::UNAUTHORIZED {
                credentials.invalidate(sent);
            }
            Ok(response)
        })
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
