//! Objects with problems as metrics, collected when they are asked for.

use std::collections::BTreeSet;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;

use crate::object_states::{ObjectFilter, ObjectStates, ObjectSummary};
use crate::status::{DelayReason, EvaluationState, ObjectState};

/// The number of objects with a series of their own.
const MAX_OBJECTS: usize = 1_000;

/// Collects the objects with problems: their number, and on request a series for each of at most 1,000, the latest.
#[derive(Debug, Clone)]
pub struct ProblemCollector {
    states: ObjectStates,
    each: bool,
}

/// `kind`, `namespace`, `name`, `state`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct Labels {
    kind: String,
    namespace: String,
    name: String,
    state: &'static str,
}

impl ProblemCollector {
    /// Creates a collector; `each` says whether there is a series for each object.
    pub fn new(states: ObjectStates, each: bool) -> Self {
        Self { states, each }
    }
}

impl Collector for ProblemCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let filter = ObjectFilter { problems: true, ..ObjectFilter::default() };
        let (problems, total) = self.states.problems(&filter, if self.each { MAX_OBJECTS } else { 0 });
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        let help = "Objects with a problem that somebody has to do something about";
        encoder.encode_descriptor("problem_objects", help, None, MetricType::Gauge)?.encode_gauge(&total)?;
        if !self.each {
            return Ok(());
        }
        let help = "An object with a problem";
        let mut metric = encoder.encode_descriptor("object", help, None, MetricType::Info)?;
        // Two sources may declare one object.
        let mut known = BTreeSet::new();
        for problem in &problems {
            let id = &problem.object;
            if known.insert((id.kind(), id.namespace(), id.name())) {
                let (kind, namespace, name) = (id.kind().into(), id.namespace().into(), id.name().into());
                metric.encode_info(&Labels { kind, namespace, name, state: word(problem) })?;
            }
        }
        Ok(())
    }
}

/// Returns the most serious problem of an object in one word, as Kubernetes shows it.
fn word(problem: &ObjectSummary) -> &'static str {
    match (problem.state, problem.delay, problem.evaluation) {
        (ObjectState::Malformed, ..) => "malformed",
        (ObjectState::Refused, ..) => "refused",
        (_, Some(DelayReason::OwnerConflict), _) => "conflict",
        (_, Some(DelayReason::LimitExceeded), _) => "limited",
        (ObjectState::Contested, ..) => "contested",
        _ if problem.held => "held",
        (.., Some(EvaluationState::NotLoaded)) => "not-loaded",
        _ => "failing",
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::model::object::ObjectId;
    use crate::object_change::{DeclaredState, DeclaredVerdict, ObjectChange};
    use crate::outcome::Reporter;

    fn encoded(states: &ObjectStates, each: bool) -> String {
        let mut registry = Registry::with_prefix("rulesync");
        registry.register_collector(Box::new(ProblemCollector::new(states.clone(), each)));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    fn refuse(states: &ObjectStates, source: &str, name: &str) {
        let object = ObjectId::new(&source.into(), &"PrometheusRule".into(), "ns", name);
        let state = DeclaredState { verdict: DeclaredVerdict::Refused, destinations: 0, digest: 1 };
        states.object_changed(&ObjectChange::Declared { object, state });
    }

    #[test]
    fn problems_are_counted_and_listed_on_request() {
        let states = ObjectStates::default();
        refuse(&states, "one", "disk\"\n");
        refuse(&states, "two", "disk\"\n");
        let text = encoded(&states, false);
        assert!(text.contains("\nrulesync_problem_objects 2\n") && !text.contains("object_info"), "{text}");
        let text = encoded(&states, true);
        let line =
            r#"rulesync_object_info{kind="PrometheusRule",namespace="ns",name="disk\"\n",state="refused"} 1"#;
        let series = text.lines().filter(|line| line.starts_with("rulesync_object_info"));
        assert_eq!(series.collect::<Vec<_>>(), [line], "one series for one object: {text}");
    }

    #[test]
    fn problems_are_listed_up_to_a_number() {
        let states = ObjectStates::default();
        (0..MAX_OBJECTS + 10).for_each(|number| refuse(&states, "one", &format!("o{number}")));
        let text = encoded(&states, true);
        assert_eq!(text.matches("rulesync_object_info{").count(), MAX_OBJECTS);
        assert!(text.contains("rulesync_problem_objects 1010\n"));
    }
}
