//! Where rules go: the [`Ruler`] trait, what a ruler keeps and holds, and how it says no.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

pub use crate::model::fingerprint::KeptLimit;
pub use rulesync_expr::template::Environment as TemplateEnvironment;

use crate::dialect::{Dialect, PromQl};
use crate::evaluation::{EvaluatedGroup, Evaluation};
use crate::finding::Finding;
use crate::model::group::Group;
use crate::model::tenant::TenantId;
use crate::observed::Listing;
use crate::write::Write;

/// Something that evaluates rules and lets us write them.
///
/// Every operation is idempotent: writing what is there and deleting what is gone are successes. Requests have a
/// deadline of the ruler's own; dropping a future gives the request up.
#[async_trait]
pub trait Ruler: fmt::Debug + Send + Sync + 'static {
    /// Reads everything a tenant has into `listing`.
    ///
    /// # Errors
    ///
    /// Any [`RulerError`]. An answer that was not understood whole must be one: "nothing there" leads to writes, and
    /// rules that were not listed count as gone.
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError>;

    /// Creates or replaces one group.
    ///
    /// # Errors
    ///
    /// [`RulerError::Rejected`] if this group, as it is, will never be taken; else what stood in the way.
    async fn put_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &Group,
    ) -> Result<(), RulerError>;

    /// The same for a group given as the JSON that the engine keeps. Rulers that send JSON can pass it on as it is, and
    /// are spared a third of the work of a write.
    ///
    /// # Errors
    ///
    /// As [`Ruler::put_group`].
    async fn put_json(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        json: &str,
    ) -> Result<(), RulerError> {
        match serde_json::from_str::<Group>(json) {
            Ok(group) => self.put_group(tenant, namespace, &group).await,
            Err(error) => Err(RulerError::Rejected { message: error.to_string(), rule: None }),
        }
    }

    /// Deletes one group.
    ///
    /// # Errors
    ///
    /// What stood in the way; a group that is not there is none.
    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError>;

    /// Deletes a namespace with all its groups. `groups` are those we know of; the default deletes each.
    ///
    /// # Errors
    ///
    /// What stood in the way; a namespace that is not there is none.
    async fn delete_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        groups: &[&str],
    ) -> Result<(), RulerError> {
        for group in groups {
            self.delete_group(tenant, namespace, group).await?;
        }
        Ok(())
    }

    /// Makes all changes that one namespace needs, together. The answer has one result for each, in order: each
    /// succeeds or fails for itself, and what is wrong with one group is never held against another. The default makes
    /// them one after the other; the engine calls it only where [`Capabilities::batches`] is set.
    async fn write_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        writes: &[Write<'_>],
    ) -> Vec<Result<(), RulerError>> {
        let mut results = Vec::with_capacity(writes.len());
        for write in writes {
            results.push(write.send(self, tenant, namespace).await);
        }
        results
    }

    /// Passes what the ruler has loaded of these namespaces to `found`, group by group; a group that is not passed is
    /// not loaded. An implementation may pass groups of other namespaces too.
    ///
    /// # Errors
    ///
    /// What stood in the way; what was passed until then is true, the rest is unknown.
    async fn evaluation(
        &self,
        _tenant: Option<&TenantId>,
        _namespaces: &[&str],
        _found: &mut (dyn FnMut(EvaluatedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        Ok(Evaluation::Unsupported)
    }

    /// How long an accepted write usually takes until the ruler has loaded it. What is still not loaded after three
    /// of these never will be, until someone does something about it.
    fn sync_period(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// The language of its expressions.
    fn dialect(&self) -> &dyn Dialect {
        &PromQl
    }

    /// What the templates of labels and annotations may use.
    fn templates(&self) -> TemplateEnvironment {
        TemplateEnvironment::PROMETHEUS
    }

    /// How it is best dealt with, where rulers differ.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// What it is known to make of a group, besides what its language and its names say: for the author, before the
    /// group is offered. Errors keep the group from the ruler, or the rule that they name.
    fn check(&self, _group: &Group) -> Vec<Finding> {
        Vec::new()
    }

    /// Which optional fields it stores, so that only those are compared.
    fn keeps(&self) -> Keeps {
        Keeps::ALL
    }

    /// What it may make of a group by itself, besides leaving out what [`Ruler::keeps`] says it does not store.
    fn normalization(&self) -> Normalization {
        Normalization::Exact
    }

    /// Where its requests go. Rulers with the same address share one concurrency limit.
    fn address(&self) -> Option<&str> {
        None
    }

    /// What labels, annotations and recorded metrics may be called.
    fn label_names(&self) -> LabelNames {
        LabelNames::LegacyByDefault
    }

    /// What a namespace or group may be called.
    fn name_rules(&self) -> NameRules {
        NameRules::default()
    }
}

/// How a ruler is best dealt with, where rulers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// All that waits to be written costs it about as much as one group, as with files that are read together: it is
    /// handed each namespace whole ([`Ruler::write_namespace`]), and all namespaces that have changes at once.
    pub batches: bool,
    /// What it says of a group that it refuses is the reason. Otherwise the reason is what the local checks found.
    pub explains_refusals: bool,
}

impl Default for Capabilities {
    /// A ruler that is written group by group and says what it dislikes.
    fn default() -> Self {
        Self { batches: false, explains_refusals: true }
    }
}

/// Which optional fields a ruler stores. What it drops is neither compared nor a reason to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeps {
    /// Group `labels`.
    pub group_labels: bool,
    /// Group `limit`.
    pub limit: KeptLimit,
    /// Group `query_offset`.
    pub query_offset: bool,
    /// Group `evaluation_delay`.
    pub evaluation_delay: bool,
    /// Group `source_tenants`.
    pub source_tenants: bool,
    /// Group `align_evaluation_time_on_interval`.
    pub align_evaluation_time: bool,
    /// Rule `keep_firing_for`.
    pub keep_firing_for: bool,
}

impl Keeps {
    /// Everything, as it was sent.
    pub const ALL: Self = Self {
        group_labels: true,
        limit: KeptLimit::Bits64,
        query_offset: true,
        evaluation_delay: true,
        source_tenants: true,
        align_evaluation_time: true,
        keep_firing_for: true,
    };
}

/// What a ruler may make of a group by itself. What differs in any other way was changed by somebody, and is repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalization {
    /// Nothing: it stores what it is sent.
    Exact,
    /// It may be of a version that drops optional fields, and may print expressions anew.
    Respells {
        /// What the oldest version in use stores; [`Ruler::keeps`] says what the newest does.
        oldest: Keeps,
    },
}

/// Which names of labels, annotations and metrics a ruler takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelNames {
    /// Letters, digits and underscores only, as Loki and Prometheus 2.
    Legacy,
    /// The same unless somebody has set it otherwise, as Mimir and Cortex.
    LegacyByDefault,
    /// Any UTF-8 text, as Prometheus 3.
    Utf8,
}

/// What a ruler can hold in the name of a namespace or group.
///
/// Empty names, `.`, `..` and control characters are refused for every ruler: they are mangled in URLs or freeze a
/// tenant (docs/contracts/ruler-api.md 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRules {
    /// The most bytes a name may have. 189 is what fits into a file name after base64.
    pub max_bytes: usize,
    /// The most bytes a name may have after percent-encoding; rulers map namespaces to file names this way.
    pub max_escaped_bytes: usize,
}

impl Default for NameRules {
    fn default() -> Self {
        Self { max_bytes: 189, max_escaped_bytes: 255 }
    }
}

impl NameRules {
    /// Why a name cannot be held, if so: the rest of a sentence that begins with the name.
    pub fn refuse(&self, name: &str) -> Option<String> {
        let escaped: usize = name
            .bytes()
            .map(|b| if b.is_ascii_alphanumeric() || b"-_.~$&+:=@".contains(&b) { 1 } else { 3 })
            .sum();
        match name {
            "" => Some("is empty".to_owned()),
            "." | ".." => Some("is a path, not a name".to_owned()),
            _ if name.starts_with('/') => Some("begins with a slash".to_owned()),
            _ if name.starts_with("../") => Some("leads out of its directory".to_owned()),
            _ if name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) => {
                Some("holds a line break or another control character".to_owned())
            }
            _ if name.len() > self.max_bytes => {
                Some(format!("is {} bytes long, the ruler holds {}", name.len(), self.max_bytes))
            }
            _ if escaped > self.max_escaped_bytes => Some(format!(
                "is {escaped} bytes long when escaped, the ruler holds {}",
                self.max_escaped_bytes
            )),
            _ => None,
        }
    }
}

/// How a ruler says no, by what the caller should do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulerError {
    /// Not reached, overloaded, or failed on its side: try again later.
    #[error("the ruler is not available: {message}")]
    Unavailable {
        /// What happened.
        message: String,
        /// How long the ruler asked us to wait.
        retry_after: Option<Duration>,
    },
    /// This group, as it is, is refused: trying again is pointless until it changes.
    #[error("refused by the ruler: {message}")]
    Rejected {
        /// The ruler's own words.
        message: String,
        /// The index of the rule at fault, from 0, where the ruler names one.
        rule: Option<usize>,
    },
    /// A limit of the tenant: works once something is deleted or the limit is raised.
    #[error("over a limit of the ruler: {message}")]
    Limit {
        /// The ruler's own words.
        message: String,
    },
    /// Credentials or tenant are not accepted.
    #[error("access denied: {message}")]
    Denied {
        /// The ruler's own words.
        message: String,
    },
    /// The namespace is protected against changes.
    #[error("the namespace is protected: {message}")]
    Protected {
        /// The ruler's own words.
        message: String,
    },
    /// A wrong address or prefix, or an API that is off: a matter of configuration, never "nothing there".
    #[error("not a ruler's configuration API: {message}")]
    Misconfigured {
        /// What was found instead.
        message: String,
    },
    /// An answer that cannot be parsed: never to be taken for empty.
    #[error("the ruler's answer cannot be read: {message}")]
    Unreadable {
        /// What is wrong with it.
        message: String,
    },
}

impl RulerError {
    /// [`RulerError::Unavailable`], where the ruler did not say for how long.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable { message: message.into(), retry_after: None }
    }

    /// The class in one word, for metrics and logs.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "unavailable",
            Self::Rejected { .. } => "rejected",
            Self::Limit { .. } => "limit",
            Self::Denied { .. } => "denied",
            Self::Protected { .. } => "protected",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// The ruler's words, without the class.
    pub fn message(&self) -> &str {
        match self {
            Self::Unavailable { message, .. }
            | Self::Rejected { message, .. }
            | Self::Limit { message }
            | Self::Denied { message }
            | Self::Protected { message }
            | Self::Misconfigured { message }
            | Self::Unreadable { message } => message,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A ruler of somebody else that has written no more than it must.
    #[derive(Debug, Default)]
    struct Minimal(Mutex<Vec<String>>);

    #[async_trait]
    impl Ruler for Minimal {
        async fn list(&self, _: Option<&TenantId>, _: &mut Listing<'_>) -> Result<(), RulerError> {
            Ok(())
        }

        async fn put_group(&self, _: Option<&TenantId>, _: &str, group: &Group) -> Result<(), RulerError> {
            self.0.lock().unwrap().push(format!("put {}", group.name));
            Ok(())
        }

        async fn delete_group(&self, _: Option<&TenantId>, ns: &str, group: &str) -> Result<(), RulerError> {
            if group == "stuck" {
                return Err(RulerError::unavailable("not now"));
            }
            self.0.lock().unwrap().push(format!("delete {ns}/{group}"));
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_ruler_that_does_the_least_deletes_group_by_group_and_takes_what_is_packed() {
        let ruler = Minimal::default();
        ruler.delete_namespace(None, "ns", &["a", "b"]).await.unwrap();
        ruler.put_json(None, "ns", r#"{"name": "c", "rules": []}"#).await.unwrap();
        assert_eq!(*ruler.0.lock().unwrap(), ["delete ns/a", "delete ns/b", "put c"]);
        assert!(ruler.delete_namespace(None, "ns", &["stuck", "d"]).await.is_err());
        assert_eq!(ruler.put_json(None, "ns", "{").await.unwrap_err().class(), "rejected");
        assert_eq!(
            ruler.0.lock().unwrap().len(),
            3,
            "what stands in the way is told, and nothing done behind it"
        );
        assert_eq!((ruler.address(), ruler.sync_period()), (None, Duration::from_secs(60)));
    }

    #[test]
    fn an_error_has_a_class_and_the_rulers_own_words() {
        let message = || "says so".to_owned();
        for (error, class) in [
            (RulerError::unavailable("says so"), "unavailable"),
            (RulerError::Rejected { message: message(), rule: None }, "rejected"),
            (RulerError::Limit { message: message() }, "limit"),
            (RulerError::Denied { message: message() }, "denied"),
            (RulerError::Protected { message: message() }, "protected"),
            (RulerError::Misconfigured { message: message() }, "misconfigured"),
            (RulerError::Unreadable { message: message() }, "unreadable"),
        ] {
            assert_eq!((error.class(), error.message()), (class, "says so"));
        }
    }

    #[test]
    fn names_that_freeze_or_mangle_are_refused() {
        let rules = NameRules::default();
        for name in ["", ".", "..", "../x", "/abs", "a\nb", "a\tb", "a\u{85}b", "a\u{2028}b"] {
            assert!(rules.refuse(name).is_some(), "{name:?}");
        }
        assert!(rules.refuse(&"a".repeat(190)).is_some());
        // 90 two-byte letters fit in 189 bytes but not in a file name once escaped; seen freezing Loki.
        assert!(rules.refuse(&"é".repeat(90)).is_some());
        for name in ["g", "...", "a b", "a/b", "100%", "é✓", "a..b", &"a".repeat(189)] {
            assert_eq!(rules.refuse(name), None, "{name:?}");
        }
    }
}
