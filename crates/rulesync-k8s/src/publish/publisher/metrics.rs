//! What is published, in numbers.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The metrics of all publishers of a process. Clones share their values.
#[derive(Debug, Clone, Default)]
pub struct PublishMetrics {
    writes: Family<WriteLabels, Counter>,
    queue_length: Gauge,
    events: Family<EventLabels, Counter>,
}

/// `kind`, `result`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    kind: &'static str,
    result: &'static str,
}

/// `result`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    result: &'static str,
}

impl PublishMetrics {
    /// Registers the metrics.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "status_writes",
            "Writes to Kubernetes of what became of objects",
            self.writes.clone(),
        );
        registry.register(
            "status_queue_length",
            "Objects whose state waits to be published",
            self.queue_length.clone(),
        );
        registry.register("events", "Events that were made, or not", self.events.clone());
    }

    pub(super) fn written(&self, kind: &'static str, result: &'static str) {
        self.writes.get_or_create(&WriteLabels { kind, result }).inc();
    }

    pub(super) fn event(&self, result: &'static str) {
        self.events_of(result, 1);
    }

    pub(super) fn events_of(&self, result: &'static str, number: u64) {
        self.events.get_or_create(&EventLabels { result }).inc_by(number);
    }

    /// Returns a share of the length of the queue, which belongs to one publisher.
    pub(super) fn queue(&self) -> QueueShare {
        QueueShare { all: self.queue_length.clone(), own: 0 }
    }
}

/// The length of the queue of one publisher, as a part of that of all. It ends with it.
#[derive(Debug)]
pub(super) struct QueueShare {
    all: Gauge,
    own: i64,
}

impl QueueShare {
    pub(super) fn set(&mut self, length: usize) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        self.all.inc_by(length - self.own);
        self.own = length;
    }
}

impl Drop for QueueShare {
    fn drop(&mut self) {
        self.all.dec_by(self.own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_publishers_add_up() {
        let metrics = PublishMetrics::default();
        let mut registry = Registry::with_prefix("rulesync");
        metrics.register(&mut registry);
        let (mut one, mut other) = (metrics.queue(), metrics.queue());
        one.set(5);
        other.set(2);
        one.set(3);
        metrics.written("rule_status", "ok");
        metrics.events_of("dropped", 4);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "rulesync_status_queue_length 5",
            r#"rulesync_status_writes_total{kind="rule_status",result="ok"} 1"#,
            r#"rulesync_events_total{result="dropped"} 4"#,
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in\n{text}");
        }
        drop(one);
        assert_eq!(metrics.queue_length.get(), 2);
    }
}
