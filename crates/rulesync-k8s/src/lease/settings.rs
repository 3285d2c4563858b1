//! Which lease, whose, and the times of an election.

use std::time::Duration;

/// Which lease, who we are, and how long things take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSettings {
    /// The Lease's name.
    pub name: String,
    /// Its Kubernetes namespace; none: the one we are in, or the kubeconfig's.
    pub namespace: Option<String>,
    /// Who we are: no two processes may have the same.
    pub identity: String,
    /// For how long a holder is believed after its last renewal. Whole seconds.
    pub lease_duration: Duration,
    /// For how long after its last renewal a holder begins new writes.
    pub renew_deadline: Duration,
    /// The time between renewals, and between tries.
    pub retry_period: Duration,
}

/// Why settings make no election.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// The API server keeps whole seconds.
    #[error("lease_duration must be whole seconds, at least one")]
    Seconds,
    /// A holder must stop before others may take over.
    #[error("lease_duration must be longer than renew_deadline")]
    Deadline,
    /// A holder must have more than one try.
    #[error("renew_deadline must be longer than one and a half times retry_period")]
    Retry,
}

impl LeaseSettings {
    /// A lease of that name with the times client-go has: 15, 10 and 2 seconds. The identity is the host's name with
    /// something random behind it.
    pub fn new(name: &str) -> Self {
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "rulesync".to_owned());
        Self {
            name: name.to_owned(),
            namespace: None,
            identity: format!("{host}_{:016x}", fastrand::u64(..)),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }

    /// Whether these times make a safe election.
    ///
    /// # Errors
    ///
    /// [`LeaseError`] names the rule that is broken.
    pub fn validate(&self) -> Result<(), LeaseError> {
        if self.lease_duration.subsec_nanos() != 0 || self.lease_duration.is_zero() {
            return Err(LeaseError::Seconds);
        }
        if self.lease_duration <= self.renew_deadline {
            return Err(LeaseError::Deadline);
        }
        if self.renew_deadline <= self.retry_period.mul_f64(1.5) {
            return Err(LeaseError::Retry);
        }
        Ok(())
    }
}
