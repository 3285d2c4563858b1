//! The Event of a notice, as `events.k8s.io/v1` takes it.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::core::ObjectMeta;
use rulesync_core::status::ObjectStatus;
use rulesync_core::{ObjectId, Owner};

use super::notice::Notice;
use crate::publish::digest::sha;
use crate::publish::metadata::{field_manager, labels, limited_name};
use crate::publish::text::boundary;
use crate::resource::Kind;

/// The controller that Events name.
const CONTROLLER: &str = "rulesync.dev/rulesyncd";

/// The longest name of an Event without its hash, in bytes.
const MAX_NAME: usize = 253 - 17;

/// The longest `reportingInstance`, in bytes.
const MAX_INSTANCE: usize = 128;

/// The object that an Event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject<'a> {
    kind: &'static Kind,
    namespace: &'a str,
    name: &'a str,
    uid: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// Returns the object of a status; none if no cluster has it.
    pub fn of(status: &'a ObjectStatus) -> Option<Self> {
        let ObjectStatus { kind, namespace, name, uid, .. } = status;
        Some(Self { kind: Kind::of(kind)?, namespace, name, uid: uid.as_deref() })
    }

    /// Returns an object whose status is not known any more; none if no cluster has it.
    pub fn of_id(object: &'a ObjectId) -> Option<Self> {
        Some(Self {
            kind: Kind::of(object.kind())?,
            namespace: object.namespace(),
            name: object.name(),
            uid: None,
        })
    }
}

/// Returns the Event of a notice at a time. `instance` is the process that reports it, such as the name of its pod.
///
/// Its name follows from the object, the owner, the reason and the note: that the API server has it already means that it
/// was reported before.
pub fn event(subject: &Subject<'_>, notice: &Notice, owner: &Owner, instance: &str, now: Timestamp) -> Event {
    let Subject { kind, namespace, name, uid } = subject;
    let hash = sha(&(kind.name, namespace, name, uid, owner.as_str(), notice.parts()));
    let end = boundary(instance, MAX_INSTANCE);
    let instance = instance.get(..end).filter(|instance| !instance.is_empty());
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{hash:016x}", limited_name((*name).to_owned(), MAX_NAME))),
            namespace: Some((*namespace).to_owned()),
            labels: Some(labels(owner, None)),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        type_: Some(notice.reason.type_().to_owned()),
        reason: Some(notice.reason.name().to_owned()),
        action: Some(notice.reason.action().to_owned()),
        note: Some(notice.note.clone()),
        regarding: Some(ObjectReference {
            api_version: Some(kind.api_version()),
            kind: Some(kind.name.to_owned()),
            namespace: Some((*namespace).to_owned()),
            name: Some((*name).to_owned()),
            uid: uid.map(str::to_owned),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(instance.map_or_else(|| field_manager(owner), str::to_owned)),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::publish::events::{NoticeReason, notices};
    use crate::publish::samples::{refused, status};

    fn refused_event(name: &str, owner: &str, instance: &str) -> Event {
        let mut status = refused();
        name.clone_into(&mut status.name);
        let (notices, _) = notices(None, &status);
        let now = Timestamp::from_second(1_795_818_722).unwrap();
        event(&Subject::of(&status).unwrap(), &notices[0], &owner.parse().unwrap(), instance, now)
    }

    #[test]
    fn event_says_what_happened_to_which_object() {
        insta::assert_snapshot!(
            serde_saphyr::to_string(&refused_event("node", "prod", "rulesync-0")).unwrap()
        );
    }

    #[test]
    fn event_has_a_name_of_its_own_for_each_object_owner_and_note() {
        let name = |event: Event| event.metadata.name.unwrap();
        let first = name(refused_event("node", "prod", "rulesync-0"));
        assert_eq!(first, name(refused_event("node", "prod", "rulesync-1")));
        for other in
            [refused_event("other", "prod", "rulesync-0"), refused_event("node", "stage", "rulesync-0")]
        {
            assert_ne!(first, name(other));
        }
        let subject = refused();
        let subject = Subject::of(&subject).unwrap();
        let notice = Notice::new(NoticeReason::RuleRefused, "another".to_owned());
        let other = event(&subject, &notice, &"prod".parse().unwrap(), "i", Timestamp::UNIX_EPOCH);
        assert_ne!(first, name(other));
    }

    #[test]
    fn event_keeps_the_limits_of_kubernetes() {
        for object in [&"a".repeat(253), &format!("{}.b", "a.".repeat(125))] {
            let event = refused_event(object, "prod", &"ü".repeat(100));
            let name = event.metadata.name.unwrap();
            let is_label =
                |label: &str| label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            assert!(
                name.len() <= 253 && name.split('.').all(|label| !label.is_empty() && is_label(label)),
                "{name}"
            );
            assert!(event.reporting_instance.unwrap().len() <= 128);
            assert!(event.note.unwrap().len() <= 1024);
        }
        assert_eq!(refused_event("node", "prod", "").reporting_instance.as_deref(), Some("rulesync-prod"));
        for reason in NoticeReason::ALL {
            for text in [reason.name(), reason.action()] {
                assert!(
                    !text.is_empty()
                        && text.len() <= 128
                        && text.bytes().all(|byte| byte.is_ascii_alphabetic())
                );
            }
            assert_eq!(reason.type_() == "Warning", reason.is_warning());
        }
        assert_eq!(Subject::of(&status(json!({"kind": "RuleFile"}))), None);
    }
}
