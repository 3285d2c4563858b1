//! Credentials that change: a token that is read from its file again, or asked of a command again. kube would read the
//! file on the thread that sends the request, and wait for a command without an end; here both happen on a thread for
//! that, with a deadline, and once for all requests that wait.

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

/// How old a header gets. A command is run anew only when what it gave is about to expire.
const FRESH: Duration = Duration::from_secs(30);

/// How long a file or a command may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// No token is longer.
const TOKEN_BYTES: u64 = 1 << 20;

/// Why there is no header to send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no credentials for the Kubernetes API: {origin}: {reason}")]
pub(crate) struct AuthFailed {
    /// The file or the command.
    origin: String,
    /// What is wrong; never a token.
    reason: String,
}

/// Puts the `Authorization` header into every request.
#[derive(Clone)]
pub(crate) struct Credentials(Arc<Inner>);

struct Inner {
    origin: Origin,
    header: Shared<HeaderValue>,
    /// The latest, which goes on where none can be got anew.
    former: Mutex<Option<HeaderValue>>,
}

/// Where the header comes from.
enum Origin {
    File(PathBuf),
    Command { name: String, config: Box<Config>, session: Session },
}

/// What a command gave, and whether that still holds is kube's to say; none before it was run.
type Session = Arc<Mutex<Option<Ask>>>;

/// Asks for the header. It blocks.
type Ask = Box<dyn FnMut() -> Result<HeaderValue, String> + Send>;

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

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Credentials {
    /// Takes what changes out of a configuration; none if its credentials stay as they are. It may run a command, and
    /// blocks.
    ///
    /// # Errors
    ///
    /// [`AuthFailed`] names the command.
    pub(crate) fn take_from(config: &mut Config) -> Result<Option<Self>, AuthFailed> {
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
        let wrong = |reason| AuthFailed { origin: origin.clone(), reason };
        // A certificate is no header: kube asks for it once more, and keeps it.
        let Some(ask) = ask(config).map_err(wrong)? else { return Ok(None) };
        let session = Arc::new(Mutex::new(Some(ask)));
        let origin = Origin::Command { name: origin, config: Box::new(config.clone()), session };
        (config.auth_info.exec, config.auth_info.auth_provider) = (None, None);
        Ok(Some(Self::from(origin)))
    }

    /// The header as it is now, at most half a minute old. Where it cannot be got anew, the former one goes on.
    async fn header(&self) -> Result<HeaderValue, AuthFailed> {
        let inner = Arc::clone(&self.0);
        let renewed = self.0.header.get(|| async move { Ok((inner.renew().await?, FRESH)) }).await;
        renewed.map_err(|reason| self.0.failed(reason))
    }

    /// The server does not accept the header that was there `then`: it is got anew. One that is newer stays.
    fn distrust(&self, then: Instant) {
        if !self.0.header.distrust(then) {
            return;
        }
        *locked(&self.0.former) = None;
        if let Origin::Command { session, .. } = &self.0.origin
            // Whoever holds it is asking just now.
            && let Ok(mut session) = session.try_lock()
        {
            *session = None;
        }
    }
}

impl Inner {
    async fn renew(&self) -> Result<HeaderValue, String> {
        let got = self.get().await;
        let mut former = locked(&self.former);
        match (got, &*former) {
            (Ok(header), _) => {
                *former = Some(header.clone());
                Ok(header)
            }
            (Err(reason), Some(header)) => {
                let error = self.failed(reason);
                tracing::warn!(%error, "Kubernetes credentials cannot be renewed, the former ones go on");
                Ok(header.clone())
            }
            (Err(reason), None) => Err(reason),
        }
    }

    fn failed(&self, reason: String) -> AuthFailed {
        AuthFailed { origin: self.origin.to_string(), reason }
    }

    async fn get(&self) -> Result<HeaderValue, String> {
        match &self.origin {
            Origin::File(path) => {
                let read = rulesync_fs::read_with_deadline(path, TOKEN_BYTES, DEADLINE).await;
                let bytes = read.map_err(|error| error.to_string())?;
                bearer(bytes.trim_ascii()).ok_or_else(|| "it holds no token that can be sent".to_owned())
            }
            Origin::Command { name, config, session } => {
                let (config, session) = (config.clone(), Arc::clone(session));
                let work = move || {
                    let mut session = locked(&session);
                    if session.is_none() {
                        *session = match ask(&config) {
                            Ok(ask) => ask,
                            Err(reason) => return Ok(Err(reason)),
                        };
                    }
                    Ok(session
                        .as_mut()
                        .map_or_else(|| Err("it gives no token any more".to_owned()), |ask| ask()))
                };
                let done = rulesync_fs::run_with_deadline(Path::new(name), DEADLINE, work).await;
                done.map_err(|error: FileError| error.to_string())?
            }
        }
    }
}

impl From<Origin> for Credentials {
    fn from(origin: Origin) -> Self {
        Self(Arc::new(Inner { origin, header: Shared::default(), former: Mutex::default() }))
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

/// Runs the command of a configuration, and hands out a way to its header; none if it gives none.
fn ask(config: &Config) -> Result<Option<Ask>, String> {
    let layer = config.auth_layer().map_err(|error| match &error {
        kube::Error::Auth(error) => told(error),
        other => other.to_string(),
    })?;
    let Some(layer) = layer else { return Ok(None) };
    // In place of the server, something that answers with what it would be sent.
    let mut service = layer.layer(tower::service_fn(|mut request: Request<Body>| async move {
        let mut answer = Response::new(());
        std::mem::swap(answer.headers_mut(), request.headers_mut());
        Ok::<_, BoxError>(answer)
    }));
    Ok(Some(Box::new(move || {
        // It is always ready.
        let answer = Handle::current().block_on(service.call(Request::new(Body::empty())));
        let mut answer = answer.map_err(|error| match error.downcast_ref::<AuthError>() {
            Some(error) => told(error),
            None => error.to_string(),
        })?;
        answer.headers_mut().remove(AUTHORIZATION).ok_or_else(|| "it gives no token".to_owned())
    })))
}

/// An error of kube without what may be a token.
fn told(error: &AuthError) -> String {
    match error {
        // What it says it writes to the log itself: its standard error is ours.
        AuthError::AuthExecRun { out, .. } => format!("it failed with {}", out.status),
        AuthError::AuthExecParse(_) => "its answer is no ExecCredential".to_owned(),
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

/// A client's HTTP service with credentials.
#[derive(Debug)]
pub(crate) struct Authorized<S> {
    /// Held from when it is ready until it has taken a request.
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
            let then = Instant::now();
            request.headers_mut().insert(AUTHORIZATION, header);
            let answer = {
                let mut inner = inner.lock().await;
                std::future::poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
                inner.call(request)
            };
            let answer = answer.await.map_err(Into::into)?;
            if answer.status() == StatusCode::UNAUTHORIZED {
                credentials.distrust(then);
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
