//! One connection to the pages: its phase, how long that may last, and its end.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::limits::{HEAD_BYTES, Limits};

/// Serves one connection until it ends or its time is over.
pub(super) async fn serve(
    stream: TcpStream,
    router: Router,
    activity: Activity,
    limits: Limits,
    finish: CancellationToken,
) {
    // Otherwise a small answer can wait for the acknowledgement of the previous one.
    let _ = stream.set_nodelay(true);
    let pages = TowerToHyperService::new(router);
    let service = service_fn(|request: Request<Incoming>| {
        activity.begins(|now| Phase::Handling { since: now });
        let answer = pages.call(request);
        let activity = activity.clone();
        async move {
            let answer = answer.await;
            activity.begins(|now| Phase::Sending { since: now, progress: now });
            answer
        }
    });
    let io = TokioIo::new(Watched { stream, activity: activity.clone() });
    let serving = http1::Builder::new()
        // `Activity` measures the times.
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(io, service);
    let (mut serving, mut time_over) = (pin!(serving), pin!(activity.time_over(limits)));
    let mut finishing = false;
    loop {
        tokio::select! {
            // An error means that the client is gone, or does not speak HTTP and was answered so.
            _ = serving.as_mut() => return,
            () = time_over.as_mut() => return,
            () = finish.cancelled(), if !finishing => {
                finishing = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

/// A phase of a connection, and when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waiting for a request.
    Idle { since: Instant },
    /// Receiving the head of a request.
    Head { since: Instant },
    /// Making the page.
    Handling { since: Instant },
    /// Sending the answer; `progress` is when the client last read some of it.
    Sending { since: Instant, progress: Instant },
}

impl Phase {
    /// Returns the end of the time that the phase may take.
    fn deadline(self, limits: Limits) -> Instant {
        match self {
            Self::Idle { since } => since + limits.idle,
            Self::Head { since } => since + limits.head,
            Self::Handling { since } => since + limits.answer,
            Self::Sending { since, progress } => (since + limits.answer).min(progress + limits.stall),
        }
    }

    /// Returns how much the connection is worth keeping: the least for the one that has waited longest for its client.
    fn worth(self) -> (bool, Instant) {
        match self {
            Self::Idle { since } | Self::Head { since } => (false, since),
            Self::Handling { since } => (true, since),
            Self::Sending { progress, .. } => (true, progress),
        }
    }
}

/// The phase of a connection. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Mutex<Phase>>);

impl Default for Activity {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Phase::Idle { since: Instant::now() })))
    }
}

impl Activity {
    /// Orders connections by how much they are worth keeping.
    pub(super) fn worth(&self) -> impl Ord + use<> {
        self.phase().worth()
    }

    fn phase(&self) -> Phase {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begins(&self, phase: impl FnOnce(Instant) -> Phase) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = phase(Instant::now());
    }

    /// Notes that bytes were received.
    fn received(&self) {
        if let Phase::Idle { .. } = self.phase() {
            self.begins(|now| Phase::Head { since: now });
        }
    }

    /// Notes that bytes were sent.
    fn sent(&self) {
        if let Phase::Sending { since, .. } = self.phase() {
            self.begins(|now| Phase::Sending { since, progress: now });
        }
    }

    /// Notes that the system has taken everything that was to be sent.
    fn flushed(&self) {
        if self.is_sending() {
            self.begins(|now| Phase::Idle { since: now });
        }
    }

    fn is_sending(&self) -> bool {
        matches!(self.phase(), Phase::Sending { .. })
    }

    /// Waits until a phase has taken longer than it may.
    async fn time_over(&self, limits: Limits) {
        loop {
            let deadline = self.phase().deadline(limits);
            if deadline <= Instant::now() {
                return;
            }
            // Meanwhile the phase, and with it the deadline, may change, but never to one before the nearest limit from now
            // on. It is early enough to look again then.
            let nearest = Instant::now() + limits.idle.min(limits.head).min(limits.stall).min(limits.answer);
            tokio::time::sleep_until(deadline.min(nearest)).await;
        }
    }
}

/// A stream that notes its activity. If it is closed in the middle of an answer, it ends with a reset, so that the system
/// drops what was not read.
struct Watched {
    stream: TcpStream,
    activity: Activity,
}

impl Watched {
    fn noted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(1..)) = written {
            self.activity.sent();
        }
        written
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.activity.is_sending() {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.noted(written)
    }

    /// Without this, every answer would be copied once more.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if let Poll::Ready(Ok(())) = flushed {
            self.activity.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits = Limits {
        connections: 1,
        idle: Duration::from_secs(100),
        head: Duration::from_secs(10),
        stall: Duration::from_secs(5),
        answer: Duration::from_secs(60),
    };

    async fn seconds_until_over(activity: &Activity) -> u64 {
        let start = Instant::now();
        activity.time_over(LIMITS).await;
        start.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn activity_gives_each_phase_its_time() {
        let activity = Activity::default();
        assert_eq!(seconds_until_over(&activity).await, 100);
        activity.begins(|now| Phase::Idle { since: now });
        activity.received();
        assert_eq!(seconds_until_over(&activity).await, 10);
        activity.begins(|now| Phase::Handling { since: now });
        assert_eq!(seconds_until_over(&activity).await, 60);
        activity.begins(|now| Phase::Sending { since: now, progress: now });
        assert_eq!(seconds_until_over(&activity).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn activity_gives_a_slow_head_no_more_time() {
        let activity = Activity::default();
        let trickle = async {
            loop {
                activity.received();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let seconds = tokio::select! {
            seconds = seconds_until_over(&activity) => seconds,
            () = trickle => unreachable!(),
        };
        assert_eq!(seconds, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn activity_ends_for_a_client_that_reads_too_slowly() {
        let activity = Activity::default();
        activity.begins(|now| Phase::Sending { since: now, progress: now });
        let sip = async {
            loop {
                activity.sent();
                tokio::time::sleep(Duration::from_secs(4)).await;
            }
        };
        let seconds = tokio::select! {
            seconds = seconds_until_over(&activity) => seconds,
            () = sip => unreachable!(),
        };
        assert_eq!(seconds, 60);
    }

    #[tokio::test(start_paused = true)]
    async fn worth_is_least_for_the_connection_that_has_waited_longest() {
        let phases = [Phase::Handling { since: Instant::now() }];
        tokio::time::advance(Duration::from_secs(1)).await;
        let old = Phase::Head { since: Instant::now() };
        tokio::time::advance(Duration::from_secs(1)).await;
        let new = Phase::Idle { since: Instant::now() };
        let least = [phases[0], new, old].into_iter().min_by_key(|phase| phase.worth());
        assert_eq!(least, Some(old));
    }

    #[tokio::test(start_paused = true)]
    async fn flush_ends_an_answer_and_no_other_phase() {
        let activity = Activity::default();
        for phase in [Phase::Head { since: Instant::now() }, Phase::Handling { since: Instant::now() }] {
            activity.begins(|_| phase);
            activity.flushed();
            assert_eq!(activity.phase(), phase);
        }
        activity.begins(|now| Phase::Sending { since: now, progress: now });
        activity.flushed();
        assert!(matches!(activity.phase(), Phase::Idle { .. }));
    }
}
