//! Passwords, compared with hashes of bcrypt.
//!
//! A comparison is meant to be slow, and everybody can cause one. So there is one at a time, on another thread, with a
//! short queue; what was right is remembered, so that who is known need not queue; and who asks for a user that does not
//! exist waits just as long.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rulesync_config::web::Secret;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

/// The comparisons that may wait, with the one that is made.
const QUEUE: usize = 8;

/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(5);

/// The passwords that are remembered. There are as many as users, unless somebody changes a hash again and again.
const REMEMBERED: usize = 1000;

/// What is known of a user and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The user has this password.
    Right,
    /// The user does not, or does not exist.
    Wrong,
    /// Nothing: too many others are asking.
    Busy,
}

/// Compares passwords with hashes.
pub(super) struct Passwords {
    /// Makes digests useless for everybody who does not know it.
    key: [u8; 32],
    /// Digests of users, passwords and hashes that belong together. Passwords themselves are not kept.
    right: Mutex<HashSet<[u8; 32]>>,
    queue: Semaphore,
    turn: Arc<Semaphore>,
    compare: Arc<Compare>,
}

/// Returns whether a password has a hash. Slow.
type Compare = dyn Fn(&[u8], &str) -> bool + Send + Sync;

impl Passwords {
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub(super) fn new() -> io::Result<Self> {
        Self::with(Arc::new(|password, hash| bcrypt::verify(password, hash).unwrap_or(false)))
    }

    fn with(compare: Arc<Compare>) -> io::Result<Self> {
        let mut key = [0; 32];
        let random = rustls::crypto::ring::default_provider().secure_random;
        random.fill(&mut key).map_err(|_| io::Error::other("the system has no random numbers"))?;
        let (queue, turn) = (Semaphore::new(QUEUE), Arc::new(Semaphore::new(1)));
        Ok(Self { key, right: Mutex::default(), queue, turn, compare })
    }

    /// Returns whether a user has a password.
    pub(super) async fn verify(
        &self,
        users: &BTreeMap<String, Secret>,
        user: &str,
        password: &[u8],
    ) -> Verdict {
        let known = users.get(user);
        let Some(hash) = known.or_else(|| self.decoy(users, user)) else { return Verdict::Wrong };
        let digest = self.digest(&[user.as_bytes(), hash.expose().as_bytes(), password]);
        if known.is_some() && self.is_right(&digest) {
            return Verdict::Right;
        }
        let Ok(_place) = self.queue.try_acquire() else { return Verdict::Busy };
        let turn = Arc::clone(&self.turn).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(TURN, turn).await else { return Verdict::Busy };
        // Somebody may have asked the same just before: browsers ask for several pages at once.
        if known.is_some() && self.is_right(&digest) {
            return Verdict::Right;
        }
        let (hash, password, compare) = (hash.clone(), password.to_vec(), Arc::clone(&self.compare));
        let compare = move || (compare(&password, hash.expose()), turn);
        // The turn ends when the result is remembered; or with the comparison, if the client is gone by then.
        let Ok((is_equal, _turn)) = tokio::task::spawn_blocking(compare).await else { return Verdict::Busy };
        if !is_equal || known.is_none() {
            return Verdict::Wrong;
        }
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(digest);
        Verdict::Right
    }

    /// Returns the hash that stands for that of a user who does not exist: always the same one of an existing user, so that
    /// both take the same time.
    fn decoy<'a>(&self, users: &'a BTreeMap<String, Secret>, user: &str) -> Option<&'a Secret> {
        let [first, ..] = self.digest(&[user.as_bytes()]);
        users.values().nth(usize::from(first) % users.len().max(1))
    }

    fn is_right(&self, digest: &[u8; 32]) -> bool {
        self.right.lock().unwrap_or_else(PoisonError::into_inner).contains(digest)
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut digest = Sha256::new_with_prefix(self.key);
        for part in parts {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A user's hash is the user's password here.
    fn users(of: &[(&str, &str)]) -> BTreeMap<String, Secret> {
        of.iter().map(|(user, password)| ((*user).to_owned(), Secret::from(*password))).collect()
    }

    /// With a number that counts comparisons.
    fn counted() -> (Passwords, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&count);
        let compare = move |password: &[u8], hash: &str| {
            counting.fetch_add(1, Ordering::Relaxed);
            password == hash.as_bytes()
        };
        (Passwords::with(Arc::new(compare)).unwrap(), count)
    }

    #[tokio::test]
    async fn unknown_user_is_compared_like_a_known_one() {
        let (passwords, count) = counted();
        let users = users(&[("alice", "wonderland")]);
        for (user, verdict) in
            [("carol", Verdict::Wrong), ("carol", Verdict::Wrong), ("alice", Verdict::Right)]
        {
            let before = count.load(Ordering::Relaxed);
            // For carol, too, the password is that of the hash that she is compared with.
            assert_eq!(passwords.verify(&users, user, b"wonderland").await, verdict);
            assert_eq!(count.load(Ordering::Relaxed), before + 1, "{user}");
        }
        assert_eq!(passwords.verify(&BTreeMap::new(), "alice", b"wonderland").await, Verdict::Wrong);
    }

    #[test]
    fn decoy_of_a_user_is_always_the_same() {
        let (passwords, _) = counted();
        let users = users(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let decoy = |user: &str| passwords.decoy(&users, user).unwrap().expose().to_owned();
        let decoys: HashSet<String> = (0..100).map(|user| decoy(&user.to_string())).collect();
        assert_eq!(decoys.len(), 3, "each takes part");
        assert_eq!(decoy("carol"), decoy("carol"));
    }

    #[tokio::test]
    async fn right_password_is_compared_once_and_needs_no_turn_then() {
        let (passwords, count) = counted();
        let users = users(&[("alice", "wonderland"), ("bob", "builder")]);
        for _ in 0..3 {
            assert_eq!(passwords.verify(&users, "alice", b"wonderland").await, Verdict::Right);
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
        // Somebody takes all turns.
        let _busy = passwords.queue.acquire_many(QUEUE.try_into().unwrap()).await.unwrap();
        assert_eq!(passwords.verify(&users, "alice", b"wonderland").await, Verdict::Right);
        for (user, password) in [("alice", "wrong"), ("bob", "builder"), ("carol", "wonderland")] {
            assert_eq!(passwords.verify(&users, user, password.as_bytes()).await, Verdict::Busy, "{user}");
        }
    }

    #[tokio::test]
    async fn remembered_password_does_not_outlive_its_hash() {
        let (passwords, _) = counted();
        let right = async |user, hash, password: &[u8]| {
            passwords.verify(&users(&[(user, hash)]), user, password).await == Verdict::Right
        };
        assert!(right("alice", "old", b"old").await);
        assert!(!right("alice", "new", b"old").await && right("alice", "new", b"new").await);
        // Parts are told apart, wherever one ends.
        assert!(right("ab", "c", b"c").await && !right("a", "bc", b"c").await);
    }

    #[tokio::test(start_paused = true)]
    async fn comparisons_are_made_one_after_the_other_with_a_short_queue() {
        let (passwords, count) = counted();
        let (passwords, users) = (Arc::new(passwords), Arc::new(users(&[("alice", "wonderland")])));
        let busy = Arc::clone(&passwords.turn).acquire_owned().await.unwrap();
        let asking: Vec<_> = (0..20)
            .map(|_| {
                let (passwords, users) = (Arc::clone(&passwords), Arc::clone(&users));
                tokio::spawn(async move { passwords.verify(&users, "alice", b"wonderland").await })
            })
            .collect();
        tokio::task::yield_now().await;
        let (full, waiting): (Vec<_>, Vec<_>) = asking.into_iter().partition(|asked| asked.is_finished());
        assert_eq!((full.len(), waiting.len()), (20 - QUEUE, QUEUE));
        for asked in full {
            assert_eq!(asked.await.unwrap(), Verdict::Busy);
        }
        drop(busy);
        for asked in waiting {
            assert_eq!(asked.await.unwrap(), Verdict::Right);
        }
        assert_eq!(count.load(Ordering::Relaxed), 1, "the others have heard of it");
        // A turn that does not come is not waited for without end.
        let _busy = Arc::clone(&passwords.turn).acquire_owned().await.unwrap();
        assert_eq!(passwords.verify(&users, "alice", b"wrong").await, Verdict::Busy);
    }

    #[tokio::test]
    async fn hashes_of_bcrypt_are_compared() {
        let passwords = Passwords::new().unwrap();
        let hash = bcrypt::hash("wonderland", 4).unwrap();
        // Of htpasswd, Go and others.
        for version in ["$2a$", "$2b$", "$2y$"] {
            let hash = format!("{version}{}", &hash[4..]);
            let users = users(&[("alice", hash.as_str())]);
            assert_eq!(passwords.verify(&users, "alice", b"wonderland").await, Verdict::Right);
            assert_eq!(passwords.verify(&users, "alice", b"Wonderland").await, Verdict::Wrong);
        }
    }
}
