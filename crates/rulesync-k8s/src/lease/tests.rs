//! Candidates over a lease in memory, in virtual time: whatever goes wrong, never two that may write.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rulesync_core::engine::Leadership;

use super::election::Record;
use super::*;

/// A lease in memory that fails on demand.
#[derive(Debug, Default)]
struct Memory {
    lease: Mutex<Option<Record>>,
    versions: Mutex<u64>,
}

/// One candidate's connection to it.
#[derive(Debug, Clone)]
struct Connection {
    memory: Arc<Memory>,
    fault: Arc<Mutex<Fault>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Refused at once.
    Down,
    /// Never answered, and not carried out.
    Hang,
    /// Carried out, and the answer is lost.
    Deaf,
    /// Takes so many milliseconds, half of them before it is carried out.
    Slow(u64),
}

impl Connection {
    async fn before(&self) -> Fault {
        let fault = *self.fault.lock().unwrap();
        match fault {
            Fault::Hang => std::future::pending().await,
            Fault::Slow(millis) => tokio::time::sleep(Duration::from_millis(millis / 2)).await,
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
        fault
    }

    async fn after(&self, fault: Fault) {
        match fault {
            Fault::Deaf => std::future::pending().await,
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

    fn suffer(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Ends without giving anything back, as by `kill -9`.
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
async fn one_leads_and_hands_over_at_once_when_it_stops() {
    let memory = Arc::new(Memory::default());
    let candidates: Vec<Candidate> =
        ["a", "b", "c"].iter().map(|name| Candidate::start(&memory, name)).collect();
    seconds(5).await;
    let first = leaders(&candidates);
    assert_eq!(first.len(), 1);
    seconds(120).await;
    assert_eq!(leaders(&candidates), first, "it stays");
    candidates[first[0]].shutdown.cancel();
    seconds(2).await;
    let second = leaders(&candidates);
    assert_eq!(second.len(), 1);
    assert_ne!(second, first);
    assert_eq!(memory.lease.lock().unwrap().as_ref().unwrap().transitions, 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_leader_is_followed_within_its_lease_and_two_seconds() {
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
async fn a_leader_cut_off_stops_before_it_is_followed() {
    for fault in [Fault::Down, Fault::Hang, Fault::Deaf] {
        let memory = Arc::new(Memory::default());
        let a = Candidate::start(&memory, "a");
        seconds(1).await;
        let b = Candidate::start(&memory, "b");
        seconds(5).await;
        a.suffer(fault);
        if fault == Fault::Deaf {
            // Its renewals arrive and it does not know: it stops, and nobody follows while they do.
            seconds(12).await;
            assert!(!a.leadership.may_write() && !b.leadership.may_write());
            a.suffer(Fault::Down);
        }
        b.leadership.leading().await;
        assert!(!a.leadership.is_leader(), "{fault:?}");
        a.suffer(Fault::None);
        seconds(30).await;
        assert!(b.leadership.may_write() && !a.leadership.may_write(), "it does not take it back");
        a.kill();
        b.kill();
    }
}

#[tokio::test(start_paused = true)]
async fn a_removed_lease_is_made_anew_by_its_holder() {
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

/// Whatever faults come and go: at no instant may two write, nor may one write while another's last write may still be
/// under way.
#[tokio::test(start_paused = true)]
async fn never_two() {
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
                    1 => Fault::Hang,
                    2 => Fault::Deaf,
                    3 => Fault::Slow(fastrand::u64(..12_000)),
                    _ => Fault::None,
                };
                candidates[fastrand::usize(..3)].suffer(fault);
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..700))).await;
            let writers = leaders(&candidates);
            let finishing = candidates.iter().filter(|candidate| candidate.leadership.is_leader()).count();
            assert!(writers.len() <= 1, "seed {seed}, step {step}: {writers:?}");
            assert!(writers.is_empty() || finishing == 1, "seed {seed}, step {step}");
            led += writers.len();
        }
        candidates.iter().for_each(Candidate::kill);
        assert!(led > 0, "seed {seed}: nobody ever led");
    }
}

#[test]
fn times_that_are_not_safe_are_refused() {
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
