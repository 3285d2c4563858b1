//! The settings of an election.

use std::time::Duration;

/// The lease of an election, the identity of the candidate, and the durations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseSettings {
    /// The name of the Lease.
    pub name: String,
    /// The Kubernetes namespace of the Lease. Default: that of the process, or of the kubeconfig's context.
    pub namespace: Option<String>,
    /// The identity of the process, which must be unique.
    pub identity: String,
    /// The time after the last renewal at which the lease expires, in whole seconds.
    pub lease_duration: Duration,
    /// The time after the last renewal at which the holder stops starting writes.
    pub renew_deadline: Duration,
    /// The interval of renewals and attempts.
    pub retry_period: Duration,
}

/// The reason why durations do not allow a safe election.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// The API server stores whole seconds.
    #[error("lease_duration must be whole seconds, at least one")]
    Seconds,
    /// A holder must stop before another process may take over.
    #[error("lease_duration must be longer than renew_deadline")]
    Deadline,
    /// A holder must have more than one attempt to renew.
    #[error("renew_deadline must be longer than one and a half times retry_period")]
    Retry,
}

impl LeaseSettings {
    /// Returns settings for the lease `name` with the default durations of client-go: 15, 10 and 2 seconds. The identity
    /// is the host name with a random suffix.
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

    /// Checks if the durations allow a safe election.
    ///
    /// # Errors
    ///
    /// [`LeaseError`] with the violated requirement.
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
