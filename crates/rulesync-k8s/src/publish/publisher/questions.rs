//! What publishers ask the engine.

use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::ObjectId;
use rulesync_core::engine::EngineHandle;
use rulesync_core::status::{ObjectStatus, SourceStatus};
use tokio::time::Instant;

use super::sweep;

/// The wait before another look at whether the source has shown its objects.
const LOOK: Duration = Duration::from_millis(500);

/// How long a source waits for those before it.
const PATIENCE_WITH_OTHERS: Duration = Duration::from_secs(30);

/// Answers questions of publishers. Answers none when the engine does not run any more.
#[async_trait]
pub(super) trait Questions: Send + Sync {
    /// Returns the status of these objects, in this order, without those that no source declares.
    async fn objects(&self, objects: Vec<ObjectId>) -> Option<Vec<ObjectStatus>>;

    /// Returns the sources.
    async fn sources(&self) -> Option<Vec<SourceStatus>>;
}

#[async_trait]
impl Questions for EngineHandle {
    async fn objects(&self, objects: Vec<ObjectId>) -> Option<Vec<ObjectStatus>> {
        Self::objects(self, objects).await
    }

    async fn sources(&self) -> Option<Vec<SourceStatus>> {
        Self::sources(self).await
    }
}

/// Waits until a source has shown its objects, or cannot see some of them; and for a while for those before it in the order of
/// the configuration, which may show the same. Returns false if the engine has ended.
pub(super) async fn has_shown_its_objects(engine: &dyn Questions, source: &str, order: &[String]) -> bool {
    let until = Instant::now() + PATIENCE_WITH_OTHERS;
    let earlier = || order.iter().take_while(|name| *name != source);
    loop {
        match engine.sources().await {
            Some(sources)
                if sweep::has_shown(&sources, source)
                    && (Instant::now() >= until
                        || earlier().all(|name| sweep::has_shown(&sources, name))) =>
            {
                return true;
            }
            Some(_) => tokio::time::sleep(LOOK).await,
            None => return false,
        }
    }
}
