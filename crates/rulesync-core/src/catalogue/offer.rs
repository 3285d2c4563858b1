//! What an object wants of one ruler: its groups as they are offered there, by way of `intake`: checked, treated as the
//! route says, and then split. Pure.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::Record;
use crate::desired::{Claim, DesiredGroup};
use crate::finding::Finding;
use crate::intake::{self, Placement};
use crate::model::fingerprint::Fingerprint;
use crate::model::group::Group;
use crate::model::object::ObjectId;
use crate::model::packed::{PackedGroup, Unpacker, pack};
use crate::policy::OnInvalid;
use crate::ruler::Ruler;

/// Where an object's groups go, and what is done to them on the way.
pub(super) struct Treated<'a> {
    pub(super) placement: &'a Placement,
    pub(super) ruler: &'a dyn Ruler,
    pub(super) split: Option<usize>,
    pub(super) on_invalid: OnInvalid,
}

/// What an object wants of a ruler. Without `groups` at hand, they are unpacked.
pub(super) fn claim(
    id: &ObjectId,
    record: &Record,
    groups: Option<&[Group]>,
    treated: &Treated<'_>,
    seen: Instant,
) -> Claim {
    let mut packs = Unpacker::default();
    let groups: Cow<'_, [Group]> = match groups {
        Some(groups) => Cow::Borrowed(groups),
        None => record.groups.iter().filter_map(|body| packs.unpack(body).ok()).collect(),
    };
    let mut refused = record.refused.to_vec();
    let Placement { route, treatment, .. } = treated.placement;
    let mut findings = treatment.refusals().to_vec();
    let mut sound = HashSet::new();
    // Most groups go as they were declared, and are packed already.
    let mut sent: Vec<(Cow<'_, Group>, Option<PackedGroup>)> = Vec::with_capacity(groups.len());
    for (index, group) in groups.iter().enumerate() {
        let offered = if treatment.refusals().is_empty() {
            let (offered, mut found) = treated.offer(group, &mut sound);
            findings.append(&mut found);
            offered
        } else {
            None
        };
        match (offered, treated.split.filter(|most| group.rules.len() > *most)) {
            (Some(Cow::Borrowed(same)), None) => {
                sent.push((Cow::Borrowed(same), record.groups.get(index).cloned()));
            }
            (Some(own), None) => sent.push((own, None)),
            (Some(whole), Some(most)) => {
                for part in treated.parts(whole.into_owned(), most, &groups) {
                    match intake::check_name(&part.name, treated.ruler) {
                        None => sent.push((Cow::Owned(part), None)),
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
        findings.extend(treatment.unset_labels(route));
    }
    let made: Vec<Group> =
        sent.iter().filter(|(_, body)| body.is_none()).map(|(group, _)| group.clone().into_owned()).collect();
    let mut made = pack(&made).unwrap_or_default().into_iter();
    let keeps = treated.ruler.keeps();
    let desired = |(group, body): (Cow<'_, Group>, Option<PackedGroup>)| {
        Some(DesiredGroup {
            name: group.name.as_str().into(),
            fingerprint: Fingerprint::of(&group, &keeps),
            // Groups of gigabytes are beyond every ruler, and not packed.
            body: body.or_else(|| made.next())?,
            rules: u32::try_from(group.rules.len()).unwrap_or(u32::MAX),
        })
    };
    Claim {
        object: id.clone(),
        created: record.created,
        groups: sent.into_iter().filter_map(desired).collect(),
        refused: refused.into(),
        expelled: Box::default(),
        enforced: Arc::clone(&treated.placement.treatment),
        findings: findings.into(),
        seen,
    }
}

impl Treated<'_> {
    /// A group in parts of at most so many rules. The names of the object's other groups are taken.
    fn parts(&self, group: Group, most: usize, groups: &[Group]) -> Vec<Group> {
        let taken = groups.iter().map(|group| group.name.clone()).collect();
        intake::split(group, most, self.ruler.dialect(), &taken)
    }

    /// A group as it is offered to the ruler, if it is, and what there is to say about it.
    ///
    /// Expressions are checked as the author wrote them, so that positions are his; with matchers they were parsed once
    /// more. What a route adds besides was checked when it was taken ([`Value`](crate::intake::Value)).
    fn offer<'a>(
        &self,
        group: &'a Group,
        sound: &mut HashSet<&'a str>,
    ) -> (Option<Cow<'a, Group>>, Vec<Finding>) {
        let Placement { target, route, treatment } = self.placement;
        let mut findings = intake::check(group, self.ruler, sound);
        let (mut treated, found) =
            treatment.apply(group, route, target.tenant.as_ref(), self.ruler.dialect());
        findings.extend(found);
        let at_fault: BTreeSet<Option<usize>> =
            findings.iter().filter(|finding| finding.is_error()).map(|f| f.place.rule).collect();
        if at_fault.is_empty() {
            return (Some(treated), findings);
        }
        let omit = self.on_invalid == OnInvalid::Rule
            && !at_fault.contains(&None)
            && at_fault.len() < group.rules.len();
        if !omit {
            return (None, findings);
        }
        let mut index = 0..;
        treated.to_mut().rules.retain(|_| !at_fault.contains(&index.next()));
        (Some(treated), findings)
    }
}
