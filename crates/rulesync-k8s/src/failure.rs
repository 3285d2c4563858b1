//! Classifies the errors of a watch, and describes those of any request. Pure.

use kube::runtime::watcher;

use crate::auth;
use crate::bounded::TooLong;

/// The failure of a list or watch, and how to continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WatchFailure {
    /// The reason, as reported to users.
    pub(crate) reason: String,
    /// Set if a new watcher must start with a list: the current one would repeat the failed request, or cannot continue.
    pub(crate) relist: bool,
    /// Set if the failure is part of normal operation, and reported only if it persists.
    pub(crate) routine: bool,
    /// Set if the kind of the objects is missing: then objects that were reported as deleted may still be wanted.
    pub(crate) kind_gone: bool,
}

impl WatchFailure {
    fn retry(reason: String) -> Self {
        Self { reason, relist: false, routine: false, kind_gone: false }
    }

    pub(crate) fn relist(reason: String) -> Self {
        Self { reason, relist: true, routine: false, kind_gone: false }
    }

    /// Marks the failure as caused by a kind that is missing, or is being deleted.
    pub(crate) fn kind_gone(self) -> Self {
        Self { kind_gone: true, routine: false, ..self }
    }

    pub(crate) fn routine(self) -> Self {
        Self { routine: true, ..self }
    }
}

/// Classifies an error. `what` names the watched objects, such as `prometheusrules.monitoring.coreos.com in team-a`.
pub(crate) fn classify(error: &watcher::Error, what: &str) -> WatchFailure {
    match error {
        watcher::Error::WatchError(status) if status.code == 410 => {
            WatchFailure::relist(expired(what)).routine()
        }
        watcher::Error::WatchError(status) => {
            WatchFailure::relist(format!("the watch of {what} failed: {}", status.message)).routine()
        }
        // The watch would fail again at the same event; a list may contain the object.
        watcher::Error::WatchFailed(error) if TooLong::caused(error) => {
            WatchFailure::relist(format!("the watch of {what} failed: {}", innermost(error))).routine()
        }
        // A broken watch is resumed at the last resource version. If that fails too, the next error is classified.
        watcher::Error::WatchFailed(error) => {
            WatchFailure::retry(format!("the watch of {what} failed: {}", innermost(error))).routine()
        }
        // kube 5 retries a resource version that is expired (410) or invalid (422) for ever, and after a restart of the
        // API server all resource versions are too old. A new list is always correct.
        watcher::Error::WatchStartFailed(error) if is_missing(error) => {
            WatchFailure::relist(reason("watch", what, error)).kind_gone()
        }
        watcher::Error::WatchStartFailed(error) => {
            WatchFailure::relist(reason("watch", what, error)).routine()
        }
        // The continue token of the list has expired.
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 410 => {
            WatchFailure::retry(expired(what)).routine()
        }
        watcher::Error::InitialListFailed(error) if is_missing(error) => {
            WatchFailure::retry(reason("list", what, error)).kind_gone()
        }
        watcher::Error::InitialListFailed(error) => WatchFailure::retry(reason("list", what, error)),
        watcher::Error::NoResourceVersion => {
            WatchFailure::relist(format!("{what} cannot be watched: no resourceVersion"))
        }
    }
}

/// Returns `true` if the API server does not serve the kind.
fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

fn expired(what: &str) -> String {
    format!("the resource version of {what} has expired (410)")
}

/// Describes why a watch cannot be started or a list cannot be read, and how to fix it.
fn reason(verb: &str, what: &str, error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 404 => {
            format!("waiting for {what}: the API server does not serve it; is the CRD installed?")
        }
        kube::Error::Api(status) if status.code == 410 => expired(what),
        kube::Error::Api(_) => describe(verb, what, &["list", "watch"], error),
        // Without the verb: an unreachable server is one cause, whichever request fails.
        _ => describe("list or watch", what, &[], error),
    }
}

/// Describes why a request failed, and how to fix it. `verbs` are those that the process needs for `what`.
pub(crate) fn describe(verb: &str, what: &str, verbs: &[&str], error: &kube::Error) -> String {
    let kube::Error::Api(status) = error else {
        let cause = match error {
            // Its causes may contain the output of a login command.
            kube::Error::Auth(_) => auth::described(error),
            other => innermost(other),
        };
        return format!("cannot {verb} {what}: {cause}");
    };
    match status.code {
        401 => format!("cannot {verb} {what}: the API server rejects the credentials (401)"),
        403 => format!("not allowed to {verb} {what} (403): grant {}", listed(verbs)),
        code => format!("cannot {verb} {what}: {} ({code})", status.message),
    }
}

/// Lists verbs as a sentence does.
fn listed(verbs: &[&str]) -> String {
    let verbs: Vec<String> = verbs.iter().map(|verb| format!("`{verb}`")).collect();
    match verbs.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Returns the message of the innermost cause, which is the most precise.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn api(code: u16) -> kube::Error {
        kube::Error::Api(Status::failure("internal error", "Reason").with_code(code).boxed())
    }

    #[test]
    fn classify_of_every_error() {
        use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
        let classify = |error| classify(&error, "rules");
        for code in [410, 500] {
            let status = Status::failure("too old", "Expired").with_code(code).boxed();
            let failure = classify(WatchError(status));
            assert!(failure.relist && failure.routine, "{failure:?}");
        }
        let broken = classify(WatchFailed(api(500)));
        assert!(!broken.relist && broken.routine, "{broken:?}");
        let gone = classify(WatchStartFailed(api(404)));
        assert!(gone.relist && gone.kind_gone && !gone.routine, "{gone:?}");
        for code in [410, 422, 403, 500] {
            let failure = classify(WatchStartFailed(api(code)));
            assert!(failure.relist && failure.routine, "{failure:?}");
        }
        let expired = classify(InitialListFailed(api(410)));
        assert!(!expired.relist && expired.routine, "{expired:?}");
        for (code, expected) in [
            (404, "is the CRD installed?"),
            (403, "grant `list` and `watch`"),
            (401, "rejects the credentials"),
            (500, "internal error"),
        ] {
            let failure = classify(InitialListFailed(api(code)));
            assert!(!failure.relist && !failure.routine && failure.reason.contains(expected), "{failure:?}");
        }
    }

    #[test]
    fn classify_gives_unreachable_server_one_reason() {
        let unreachable = || kube::Error::Service("Connection refused".into());
        let list = classify(&watcher::Error::InitialListFailed(unreachable()), "rules");
        let watch = classify(&watcher::Error::WatchStartFailed(unreachable()), "rules");
        assert_eq!(list.reason, watch.reason);
    }
}
