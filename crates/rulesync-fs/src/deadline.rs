//! Access to files away from the caller's thread, with an end to waiting.
//!
//! Nothing can interrupt a thread that waits for a file system, so it is left behind. Work on one path therefore goes
//! one at a time in the whole process, as the runtime's threads are the process's: whoever tries again waits for the
//! thread that was left behind, and leaves no further one behind.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::error::FileError;
use crate::read::read;

/// Held by the work on a path.
type Turn = tokio::sync::Mutex<()>;

/// The paths that somebody works on or waits for.
static TURNS: LazyLock<Mutex<HashMap<PathBuf, Weak<Turn>>>> = LazyLock::new(Mutex::default);

/// Runs work that blocks on the file at `path`, or near it, on a thread for that, once no other work on the path is
/// under way. A panic in there is one here.
///
/// # Errors
///
/// [`FileError::Late`] if it takes longer than `deadline`; work that has begun may still be done later. Otherwise what
/// the work says.
pub async fn run_with_deadline<T, E>(
    path: &Path,
    deadline: Duration,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<FileError> + Send + 'static,
{
    let turn = turn(path);
    let working = async {
        let turn = turn.lock_owned().await;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
    };
    match tokio::time::timeout(deadline, working).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is being torn down, and the caller with it.
            Err(_) => std::future::pending().await,
        },
        Err(_) => Err(FileError::Late { deadline }.into()),
    }
}

/// Reads a file as [`read`] does, away from the caller's thread.
///
/// # Errors
///
/// As [`run_with_deadline`] and [`read`].
pub async fn read_with_deadline(path: &Path, limit: u64, deadline: Duration) -> Result<Vec<u8>, FileError> {
    let reading = path.to_owned();
    run_with_deadline(path, deadline, move || read(&reading, limit)).await
}

fn turn(path: &Path) -> Arc<Turn> {
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(turn) = turns.get(path).and_then(Weak::upgrade) {
        return turn;
    }
    turns.retain(|_, turn| turn.strong_count() > 0);
    let turn = Arc::new(Turn::default());
    turns.insert(path.to_owned(), Arc::downgrade(&turn));
    turn
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn what_hangs_is_given_up_and_not_begun_again_beside_it() {
        let path = Path::new("/somewhere/that/hangs");
        let (release, hanging) = mpsc::channel::<()>();
        let (begun, beginning) = tokio::sync::oneshot::channel();
        let hung = tokio::spawn(run_with_deadline(path, DEADLINE, move || {
            begun.send(()).unwrap();
            hanging.recv().unwrap();
            Ok::<_, FileError>(1)
        }));
        beginning.await.unwrap();
        // Time that is paused does not pass by itself while a thread is at work.
        tokio::time::advance(DEADLINE).await;
        assert!(matches!(hung.await.unwrap(), Err(FileError::Late { deadline: DEADLINE })));

        let (begun, beginning) = mpsc::channel();
        let again = tokio::spawn(run_with_deadline(path, DEADLINE, move || {
            begun.send(()).unwrap();
            Ok::<_, FileError>(2)
        }));
        let elsewhere = run_with_deadline(Path::new("/elsewhere"), DEADLINE, || Ok::<_, FileError>(3)).await;
        assert_eq!(elsewhere.unwrap(), 3);
        tokio::time::advance(DEADLINE).await;
        assert!(matches!(again.await.unwrap(), Err(FileError::Late { .. })));
        assert!(beginning.try_recv().is_err(), "no second thread waits");

        release.send(()).unwrap();
        let after = run_with_deadline(path, DEADLINE, || Ok::<_, FileError>(4)).await;
        assert_eq!(after.unwrap(), 4);
    }
}
