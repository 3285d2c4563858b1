//! What an error of a watch means, and what to do about it. Pure.

use kube::runtime::watcher;

/// What to do about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The watcher goes on by itself and nothing is amiss: a connection broke, a revision expired.
    GoOn,
    /// Wait and let the watcher try again.
    Retry(String),
    /// Wait and begin anew with a list: the watcher alone would try the same for ever.
    Restart(String),
}

/// Judges an error. `what` is what is being watched, for people: `prometheusrules.monitoring.coreos.com in team-a`.
pub(crate) fn judge(error: &watcher::Error, what: &str) -> Verdict {
    match error {
        // Expired (410) as an event: the watcher lists again by itself.
        watcher::Error::WatchError(status) if status.code == 410 => Verdict::GoOn,
        watcher::Error::WatchError(status) => {
            Verdict::Restart(format!("watching {what}: {}", status.message))
        }
        // A watch that breaks is taken up again where it was. If that fails too, the next error says so.
        watcher::Error::WatchFailed(_) => Verdict::GoOn,
        // Expired (410) or unprocessable (422) as an HTTP status is tried again for ever by kube 5; and after an
        // API server's restart every revision is too old anyway. A list is always right.
        watcher::Error::WatchStartFailed(error) => Verdict::Restart(reason("watch", what, error)),
        watcher::Error::InitialListFailed(error) => Verdict::Retry(reason("list", what, error)),
        watcher::Error::NoResourceVersion => {
            Verdict::Restart(format!("{what} cannot be watched: no resourceVersion"))
        }
    }
}

/// What stands in the way, and what would help.
fn reason(verb: &str, what: &str, error: &kube::Error) -> String {
    let kube::Error::Api(status) = error else {
        return format!("cannot {verb} {what}: {}", innermost(error));
    };
    match status.code {
        404 => format!("waiting for {what}: the API server does not know it; is the CRD installed?"),
        401 => format!("cannot {verb} {what}: the API server does not know who we are (401)"),
        403 => format!("not allowed to {verb} {what} (403): grant `list` and `watch`"),
        410 => format!("{what}: the revision has expired (410)"),
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
        use watcher::Error::{InitialListFailed, WatchError, WatchStartFailed};
        let judge = |error| judge(&error, "rules");
        assert_eq!(
            judge(WatchError(Status::failure("too old", "Expired").with_code(410).boxed())),
            Verdict::GoOn
        );
        for code in [410, 422, 404, 500] {
            assert!(matches!(judge(WatchStartFailed(api(code))), Verdict::Restart(_)), "{code}");
        }
        for (code, says) in [
            (404, "is the CRD installed?"),
            (403, "grant `list` and `watch`"),
            (401, "who we are"),
            (500, "said the server"),
        ] {
            let Verdict::Retry(reason) = judge(InitialListFailed(api(code))) else { panic!("{code}") };
            assert!(reason.contains(says), "{reason}");
        }
    }
}
