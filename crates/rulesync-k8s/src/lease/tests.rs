//! Elections with a lease in memory, in virtual time: no fault allows two candidates to write.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rulesync_core::engine::Leadership;

use super::election::Record;
use super::*;

/// A lease in memory.
#[derive(Debug, Default)]
struct Memory {
    lease: Mutex<Option<Record>>,
    versions: Mutex<u64>,
}

/// The connection of a candidate, with injected faults.
#[derive(Debug, Clone)]
struct Connection {
    memory: Arc<Memory>,
    fault: Arc<Mutex<Fault>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The connection is refused.
    Down,
    /// The request is lost.
    RequestLost,
    /// The request is processed, but the response is lost.
    ResponseLost,
    /// The request takes this many milliseconds, and is processed after half of them.
    Slow(u64),
}

impl Connection {
    async fn before(&self) -> Fault {
        let fault = *self.fault.lock().unwrap();
        match fault {
            Fault::RequestLost => std::future::pending().await,
            Fault::Slow(millis) => tokio::time::sleep(Duration::from_millis(millis / 2)).await,
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
        fault
    }

    async fn after(&self, fault: Fault) {
        match fault {
            Fault::ResponseLost => std::future::pending().await,
            Fault::Slow(millis) => tokio::time::sleep(Duration::from_millis(millis / 2)).await,
            _ => {}
        }
    }
}

#[async_trait]
impl LeaseApi for Connection {
    async fn get(&self) -> Result<Option<Record>, String> {
        let fault = self.before().await;
        if fault == Fault::Down {
            return Err("connection refused".to_owned());
        }
        let found = self.memory.lease.lock().unwrap().clone();
        self.after(fault).await;
        Ok(found)
    }

    async fn put(&self, holder: &str, transitions: i32, version: Option<&str>) -> Result<Record, PutError> {
        let fault = self.before().await;
        if fault == Fault::Down {
            return Err(PutError::Failed("connection refused".to_owned()));
        }
        let written = {
            let mut lease = self.memory.lease.lock().unwrap();
            if lease.as_ref().map(|lease| lease.version.as_str()) != version {
                Err(PutError::Conflict)
            } else {
                let mut versions = self.memory.versions.lock().unwrap();
                *versions += 1;
                let record = Record {
                    holder: holder.to_owned(),
                    duration: Duration::from_secs(15),
                    renewed: versions.to_string(),
                    transitions,
                    version: versions.to_string(),
                };
                *lease = Some(record.clone());
                Ok(record)
            }
        };
        self.after(fault).await;
        written
    }
}

struct Candidate {
    leadership: Leadership,
    fault: Arc<Mutex<Fault>>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Candidate {
    fn start(memory: &Arc<Memory>, name: &str) -> Self {
        let fault = Arc::new(Mutex::new(Fault::None));
        let api = Connection { memory: Arc::clone(memory), fault: Arc::clone(&fault) };
        let settings = LeaseSettings { identity: name.to_owned(), ..LeaseSettings::new("rulesync") };
        let (handle, leadership) = Leadership::elected();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let task = tokio::spawn(async move { run_election(&api, &settings, &handle, stop).await });
        Self { leadership, fault, shutdown, task }
    }

    fn inject(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Ends the candidate without releasing the lease, like `kill -9`.
    fn kill(&self) {
        self.task.abort();
    }
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn leaders(candidates: &[Candidate]) -> Vec<usize> {
    (0..candidates.len()).filter(|index| candidates[*index].leadership.may_write()).collect()
}

#[tokio::test(start_paused = true)]
async fn leader_releases_lease_when_it_stops() {
    let memory = Arc::new(Memory::default());
    let candidates: Vec<Candidate> =
        ["a", "b", "c"].iter().map(|name| Candidate::start(&memory, name)).collect();
    seconds(5).await;
    let first = leaders(&candidates);
    assert_eq!(first.len(), 1);
    seconds(120).await;
    assert_eq!(leaders(&candidates), first, "the leader does not change");
    candidates[first[0]].shutdown.cancel();
    seconds(2).await;
    let second = leaders(&candidates);
    assert_eq!(second.len(), 1);
    assert_ne!(second, first);
    assert_eq!(memory.lease.lock().unwrap().as_ref().unwrap().transitions, 1);
}

#[tokio::test(start_paused = true)]
async fn leader_is_replaced_within_lease_duration_and_two_seconds_after_crash() {
    for seed in 0..50 {
        fastrand::seed(seed);
        let memory = Arc::new(Memory::default());
        let candidates = [Candidate::start(&memory, "a"), Candidate::start(&memory, "b")];
        tokio::time::sleep(Duration::from_millis(5000 + seed * 97)).await;
        let dead = leaders(&candidates)[0];
        candidates[dead].kill();
        let start = Instant::now();
        candidates[1 - dead].leadership.leading().await;
        let taken = start.elapsed();
        assert!(taken <= Duration::from_secs(17), "seed {seed}: {taken:?}");
        assert!(taken >= Duration::from_secs(12), "seed {seed}: {taken:?}");
        candidates[1 - dead].kill();
    }
}

#[tokio::test(start_paused = true)]
async fn leader_without_connection_stops_before_it_is_replaced() {
    for fault in [Fault::Down, Fault::RequestLost, Fault::ResponseLost] {
        let memory = Arc::new(Memory::default());
        let a = Candidate::start(&memory, "a");
        seconds(1).await;
        let b = Candidate::start(&memory, "b");
        seconds(5).await;
        a.inject(fault);
        if fault == Fault::ResponseLost {
            // Its renewals succeed without its knowledge: it stops, and is not replaced.
            seconds(12).await;
            assert!(!a.leadership.may_write() && !b.leadership.may_write());
            a.inject(Fault::Down);
        }
        b.leadership.leading().await;
        assert!(!a.leadership.is_leader(), "{fault:?}");
        a.inject(Fault::None);
        seconds(30).await;
        assert!(b.leadership.may_write() && !a.leadership.may_write(), "the first leader stays on standby");
        a.kill();
        b.kill();
    }
}

#[tokio::test(start_paused = true)]
async fn leader_creates_deleted_lease_again() {
    let memory = Arc::new(Memory::default());
    let a = Candidate::start(&memory, "a");
    seconds(1).await;
    let b = Candidate::start(&memory, "b");
    seconds(5).await;
    *memory.lease.lock().unwrap() = None;
    seconds(5).await;
    assert!(a.leadership.may_write() && !b.leadership.may_write());
    assert_eq!(memory.lease.lock().unwrap().as_ref().unwrap().holder, "a");
}

/// With any sequence of faults, no two candidates may write at once, and none may write while the last write of another
/// may still be in flight.
#[tokio::test(start_paused = true)]
async fn leader_is_unique_with_random_faults() {
    for seed in 0..200 {
        fastrand::seed(seed);
        let memory = Arc::new(Memory::default());
        let candidates: Vec<Candidate> =
            ["a", "b", "c"].iter().map(|name| Candidate::start(&memory, name)).collect();
        let mut led = 0;
        for step in 0..400 {
            if fastrand::u8(..) < 20 {
                let fault = match fastrand::u8(..6) {
                    0 => Fault::Down,
                    1 => Fault::RequestLost,
                    2 => Fault::ResponseLost,
                    3 => Fault::Slow(fastrand::u64(..12_000)),
                    _ => Fault::None,
                };
                candidates[fastrand::usize(..3)].inject(fault);
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..700))).await;
            let writers = leaders(&candidates);
            let finishing = candidates.iter().filter(|candidate| candidate.leadership.is_leader()).count();
            assert!(writers.len() <= 1, "seed {seed}, step {step}: {writers:?}");
            assert!(writers.is_empty() || finishing == 1, "seed {seed}, step {step}");
            led += writers.len();
        }
        candidates.iter().for_each(Candidate::kill);
        assert!(led > 0, "seed {seed}: there was no leader");
    }
}

#[test]
fn settings_with_unsafe_durations_are_rejected() {
    let with = |lease, renew, retry| {
        let times = [lease, renew, retry].map(Duration::from_millis);
        LeaseSettings {
            lease_duration: times[0],
            renew_deadline: times[1],
            retry_period: times[2],
            ..LeaseSettings::new("rulesync")
        }
        .validate()
    };
    assert_eq!(with(15_000, 10_000, 2_000), Ok(()));
    assert_eq!(with(15_500, 10_000, 2_000), Err(LeaseError::Seconds));
    assert_eq!(with(10_000, 10_000, 2_000), Err(LeaseError::Deadline));
    assert_eq!(with(15_000, 10_000, 7_000), Err(LeaseError::Retry));
    let (a, b) = (LeaseSettings::new("x"), LeaseSettings::new("x"));
    assert_ne!(a.identity, b.identity);
}
