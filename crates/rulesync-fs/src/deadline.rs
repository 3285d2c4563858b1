//! File access on a separate thread, with a deadline.
//!
//! A thread that is blocked on a file system cannot be interrupted, so it is abandoned. Work on one path is therefore
//! serialized within the whole process, which shares the runtime's threads: a later attempt waits for the abandoned
//! thread, and does not block a further one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::error::FileError;
use crate::read::read;

/// The lock that work on a path holds.
type PathLock = tokio::sync::Mutex<()>;

/// The locks of the paths with current or waiting work.
static PATH_LOCKS: LazyLock<Mutex<HashMap<PathBuf, Weak<PathLock>>>> = LazyLock::new(Mutex::default);

/// Runs work that blocks on the file at `path`, or on files near it, on a blocking thread, once no other work on the
/// path is in progress. A panic of the work is propagated.
///
/// # Errors
///
/// [`FileError::Late`] if the wait and the work take longer than `deadline`; work that has begun may still complete
/// later. Otherwise the error of the work.
pub async fn run_with_deadline<T, E>(
    path: &Path,
    deadline: Duration,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<FileError> + Send + 'static,
{
    let lock = path_lock(path);
    let working = async {
        let guard = lock.lock_owned().await;
        tokio::task::spawn_blocking(move || {
            let _guard = guard;
            work()
        })
        .await
    };
    match tokio::time::timeout(deadline, working).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and the caller with it.
            Err(_) => std::future::pending().await,
        },
        Err(_) => Err(FileError::Late { deadline }.into()),
    }
}

/// Reads a file as [`read`] does, on a separate thread.
///
/// # Errors
///
/// As [`run_with_deadline`] and [`read`].
pub async fn read_with_deadline(path: &Path, limit: u64, deadline: Duration) -> Result<Vec<u8>, FileError> {
    let reading = path.to_owned();
    run_with_deadline(path, deadline, move || read(&reading, limit)).await
}

fn path_lock(path: &Path) -> Arc<PathLock> {
    let mut locks = PATH_LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(lock) = locks.get(path).and_then(Weak::upgrade) {
        return lock;
    }
    locks.retain(|_, lock| lock.strong_count() > 0);
    let lock = Arc::new(PathLock::default());
    locks.insert(path.to_owned(), Arc::downgrade(&lock));
    lock
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn run_with_deadline_abandons_hanging_work_and_starts_no_second() {
        let path = Path::new("/somewhere/that/hangs");
        let (release, hanging) = mpsc::channel::<()>();
        let (begun, beginning) = tokio::sync::oneshot::channel();
        let hung = tokio::spawn(run_with_deadline(path, DEADLINE, move || {
            begun.send(()).unwrap();
            hanging.recv().unwrap();
            Ok::<_, FileError>(1)
        }));
        beginning.await.unwrap();
        // Paused time does not advance by itself while a blocking thread is running.
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
