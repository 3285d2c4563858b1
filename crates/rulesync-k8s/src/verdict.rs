//! What an error of a watch means, and what to do about it. Pure.

use kube::runtime::watcher;

use crate::bounded::TooLong;

/// What to do about an error, after a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// What is wrong, for people.
    pub(crate) reason: String,
    /// Whether to begin with a list in a new watcher; the present one would try the same for ever, or is at a loss.
    pub(crate) anew: bool,
    /// Whether it happens every day and is only worth telling if it happens again at once.
    pub(crate) everyday: bool,
    /// Whether the kind of the objects is not there: then what was said to be deleted may not have been.
    pub(crate) kind_gone: bool,
}

impl Verdict {
    fn again(reason: String) -> Self {
        Self { reason, anew: false, everyday: false, kind_gone: false }
    }

    pub(crate) fn anew(reason: String) -> Self {
        Self { reason, anew: true, everyday: false, kind_gone: false }
    }

    /// The kind is not there, or is going.
    pub(crate) fn kind_gone(self) -> Self {
        Self { kind_gone: true, everyday: false, ..self }
    }

    pub(crate) fn everyday(self) -> Self {
        Self { everyday: true, ..self }
    }
}

/// Judges an error. `what` is what is being watched, for people: `prometheusrules.monitoring.coreos.com in team-a`.
pub(crate) fn judge(error: &watcher::Error, what: &str) -> Verdict {
    match error {
        watcher::Error::WatchError(status) if status.code == 410 => Verdict::anew(expired(what)).everyday(),
        watcher::Error::WatchError(status) => {
            Verdict::anew(format!("watching {what}: {}", status.message)).everyday()
        }
        // It would break there again and again; a list may show what the watch cannot.
        watcher::Error::WatchFailed(error) if TooLong::stopped(error) => {
            Verdict::anew(format!("the watch of {what} breaks: {}", innermost(error))).everyday()
        }
        // A watch that breaks is taken up again where it was. If that fails too, the next error says so.
        watcher::Error::WatchFailed(error) => {
            Verdict::again(format!("the watch of {what} breaks: {}", innermost(error))).everyday()
        }
        // Expired (410) or unprocessable (422) as an HTTP status is tried again for ever by kube 5; and after an
        // API server's restart every revision is too old anyway. A list is always right.
        watcher::Error::WatchStartFailed(error) if is_missing(error) => {
            Verdict::anew(reason("watch", what, error)).kind_gone()
        }
        watcher::Error::WatchStartFailed(error) => Verdict::anew(reason("watch", what, error)).everyday(),
        // The list began too long ago for its next page.
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 410 => {
            Verdict::again(expired(what)).everyday()
        }
        watcher::Error::InitialListFailed(error) if is_missing(error) => {
            Verdict::again(reason("list", what, error)).kind_gone()
        }
        watcher::Error::InitialListFailed(error) => Verdict::again(reason("list", what, error)),
        watcher::Error::NoResourceVersion => {
            Verdict::anew(format!("{what} cannot be watched: no resourceVersion"))
        }
    }
}

/// Whether the API server does not know the kind.
fn is_missing(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

fn expired(what: &str) -> String {
    format!("{what}: the revision has expired (410)")
}

/// What stands in the way, and what would help.
fn reason(verb: &str, what: &str, error: &kube::Error) -> String {
    let kube::Error::Api(status) = error else {
        // No verb: a server that cannot be reached is one cause, whatever is asked of it.
        return format!("cannot see {what}: {}", innermost(error));
    };
    match status.code {
        404 => format!("waiting for {what}: the API server does not know it; is the CRD installed?"),
        401 => format!("cannot {verb} {what}: the API server does not know who we are (401)"),
        403 => format!("not allowed to {verb} {what} (403): grant `list` and `watch`"),
        410 => expired(what),
        code => format!("cannot {verb} {what}: {} ({code})", status.message),
    }
}

/// The last cause is the most precise.
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
        kube::Error::Api(Status::failure("said the server", "Reason").with_code(code).boxed())
    }

    #[test]
    fn every_kind_of_error() {
        use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
        let judge = |error| judge(&error, "rules");
        for code in [410, 500] {
            let status = Status::failure("too old", "Expired").with_code(code).boxed();
            let verdict = judge(WatchError(status));
            assert!(verdict.anew && verdict.everyday, "{verdict:?}");
        }
        let broken = judge(WatchFailed(api(500)));
        assert!(!broken.anew && broken.everyday, "{broken:?}");
        let gone = judge(WatchStartFailed(api(404)));
        assert!(gone.anew && gone.kind_gone && !gone.everyday, "{gone:?}");
        for code in [410, 422, 403, 500] {
            let verdict = judge(WatchStartFailed(api(code)));
            assert!(verdict.anew && verdict.everyday, "{verdict:?}");
        }
        let expired = judge(InitialListFailed(api(410)));
        assert!(!expired.anew && expired.everyday, "{expired:?}");
        for (code, says) in [
            (404, "is the CRD installed?"),
            (403, "grant `list` and `watch`"),
            (401, "who we are"),
            (500, "said the server"),
        ] {
            let verdict = judge(InitialListFailed(api(code)));
            assert!(!verdict.anew && !verdict.everyday && verdict.reason.contains(says), "{verdict:?}");
        }
    }

    #[test]
    fn a_server_out_of_reach_is_one_cause() {
        let out_of_reach = || kube::Error::Service("Connection refused".into());
        let list = judge(&watcher::Error::InitialListFailed(out_of_reach()), "rules");
        let watch = judge(&watcher::Error::WatchStartFailed(out_of_reach()), "rules");
        assert_eq!(list.reason, watch.reason);
    }
}
