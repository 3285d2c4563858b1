//! What an object wants of one ruler: its groups as they are offered there, by way of `intake`: checked, treated as the
//! route says, and then split. Pure.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::Record;
use crate::desired::{DesiredGroup, DesiredObject};
use crate::finding::Finding;
use crate::intake::{self, RouteMatch, Sound};
use crate::model::encoded::{CompressedGroup, Decompressor, compress};
use crate::model::fingerprint::Fingerprint;
use crate::model::group::Group;
use crate::model::left_out::LeftOut;
use crate::model::object::ObjectId;
use crate::policy::OnInvalid;
use crate::ruler::Ruler;

/// Where an object's groups go, and what is done to them on the way.
pub(super) struct Treated<'a> {
    pub(super) route_match: &'a RouteMatch,
    pub(super) ruler: &'a dyn Ruler,
    pub(super) split: Option<usize>,
    pub(super) on_invalid: OnInvalid,
}

/// What an object wants of a ruler. Without `groups` at hand, they are unpacked.
pub(super) fn desired_object(
    id: &ObjectId,
    record: &Record,
    groups: Option<&[Group]>,
    treated: &Treated<'_>,
    seen: Instant,
) -> DesiredObject {
    let mut blocks = Decompressor::default();
    let groups: Cow<'_, [Group]> = match groups {
        Some(groups) => Cow::Borrowed(groups),
        None => record.groups.iter().filter_map(|body| blocks.decode(body).ok()).collect(),
    };
    let mut refused = record.refused.to_vec();
    let RouteMatch { route, transform, .. } = treated.route_match;
    let mut findings = transform.refusals().to_vec();
    let mut sound = Sound::default();
    // Most groups go as they were declared, and are packed already.
    let mut sent: Vec<Sent<'_>> = Vec::with_capacity(groups.len());
    for (index, group) in groups.iter().enumerate() {
        let mut left_out = record.left_out.get(index).cloned().unwrap_or_default();
        let offered = if transform.refusals().is_empty() {
            let Offered { group, findings: mut found, left_out: more } = treated.offer(group, &mut sound);
            // Numbered as their author does.
            for rule in found.iter_mut().filter_map(|finding| finding.location.rule.as_mut()) {
                *rule = left_out.declared(*rule);
            }
            findings.append(&mut found);
            left_out = left_out.and(more.numbers());
            group
        } else {
            None
        };
        match (offered, treated.split.filter(|most| group.rules.len() > *most)) {
            (Some(Cow::Borrowed(same)), None) => {
                sent.push(Sent {
                    group: Cow::Borrowed(same),
                    body: record.groups.get(index).cloned(),
                    left_out,
                });
            }
            (Some(own), None) => sent.push(Sent { group: own, body: None, left_out }),
            (Some(whole), Some(most)) => {
                for part in treated.parts(whole.into_owned(), most, &groups) {
                    match intake::check_name(&part.name, treated.ruler) {
                        // The rules of a part are numbered within it.
                        None => sent.push(Sent {
                            group: Cow::Owned(part),
                            body: None,
                            left_out: LeftOut::default(),
                        }),
                        Some(finding) => {
                            findings.push(finding);
                            refused.push(part.name.as_str().into());
                        }
                    }
                }
            }
            (None, None) => refused.push(group.name.as_str().into()),
            (None, Some(most)) => {
                let parts = treated.parts(group.clone(), most, &groups);
                refused.extend(parts.into_iter().map(|part| part.name.into_boxed_str()));
            }
        }
    }
    if !sent.is_empty() {
        findings.extend(transform.unset_labels(route));
    }
    let advice = if treated.ruler.capabilities().explains_refusals {
        Box::default()
    } else {
        record.findings.iter().filter(|finding| finding.location.group.is_some()).cloned().collect()
    };
    let made: Vec<Group> =
        sent.iter().filter(|sent| sent.body.is_none()).map(|sent| sent.group.clone().into_owned()).collect();
    let mut made = compress(&made).unwrap_or_default().into_iter();
    let fields = treated.ruler.capabilities().fields;
    let desired = |Sent { group, body, left_out }: Sent<'_>| {
        Some(DesiredGroup {
            name: group.name.as_str().into(),
            fingerprint: Fingerprint::of(&group, &fields),
            // Groups of gigabytes are beyond every ruler, and not packed.
            body: body.or_else(|| made.next())?,
            rules: u32::try_from(group.rules.len()).unwrap_or(u32::MAX),
            left_out,
        })
    };
    DesiredObject {
        id: id.clone(),
        created: record.created,
        groups: sent.into_iter().filter_map(desired).collect(),
        refused: refused.into(),
        expelled: Box::default(),
        enforced: Arc::clone(&treated.route_match.transform),
        findings: findings.into(),
        advice,
        seen,
    }
}

/// A group that is sent.
struct Sent<'a> {
    group: Cow<'a, Group>,
    /// Its packed form, if it goes as it was declared.
    body: Option<CompressedGroup>,
    left_out: LeftOut,
}

/// What a group is offered as.
struct Offered<'a> {
    /// As it is offered, if it is.
    group: Option<Cow<'a, Group>>,
    /// What there is to say about it.
    findings: Vec<Finding>,
    /// The rules that it is offered without.
    left_out: LeftOut,
}

impl Treated<'_> {
    /// A group in parts of at most so many rules. The names of the object's other groups are taken.
    fn parts(&self, group: Group, most: usize, groups: &[Group]) -> Vec<Group> {
        let taken = groups.iter().map(|group| group.name.clone()).collect();
        intake::split(group, most, self.ruler.capabilities().language, &taken)
    }

    /// A group as it is offered to the ruler, if it is.
    ///
    /// Expressions are checked as the author wrote them, so that positions are his; with matchers they were parsed once
    /// more. What a route adds besides was checked when it was taken ([`Value`](crate::intake::Value)).
    fn offer<'a>(&self, group: &'a Group, sound: &mut Sound<'a>) -> Offered<'a> {
        let RouteMatch { destination, route, transform } = self.route_match;
        let mut findings = intake::check(group, self.ruler, sound);
        let (mut treated, found) =
            transform.apply(group, route, destination.tenant.as_ref(), self.ruler.capabilities().language);
        findings.extend(found);
        let at_fault: BTreeSet<Option<usize>> =
            findings.iter().filter(|finding| finding.withholds()).map(|f| f.location.rule).collect();
        if at_fault.is_empty() {
            return Offered { group: Some(treated), findings, left_out: LeftOut::default() };
        }
        let omit = self.on_invalid == OnInvalid::Rule
            && !at_fault.contains(&None)
            && at_fault.len() < group.rules.len();
        if !omit {
            return Offered { group: None, findings, left_out: LeftOut::default() };
        }
        let left_out = LeftOut::default().and(at_fault.into_iter().flatten());
        left_out.take_from(&mut treated.to_mut().rules);
        Offered { group: Some(treated), findings, left_out }
    }
}
