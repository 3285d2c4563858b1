//! From an accepted declaration to the groups of each of its destinations: routed, transformed, checked, split and
//! encoded. Pure; the object index decides when to call it.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::time::Instant;

use super::accepted::Accepted;
use super::check::{Sound, check, check_name};
use super::matching::{RefusedTenant, RouteMatch, Routed, match_routes};
use super::routing_table::RoutingTable;
use super::split::split;
use crate::desired::{DesiredGroup, DesiredObject};
use crate::finding::Finding;
use crate::model::capabilities::Capabilities;
use crate::model::encoded::{CompressedGroup, Decompressor, compress};
use crate::model::fingerprint::Fingerprint;
use crate::model::group::Group;
use crate::model::left_out::LeftOut;
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::policy::OnInvalid;
use crate::route::input::{NamespaceMetadata, RoutingInput};
use crate::ruler::Ruler;

/// The object to compile.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) id: &'a ObjectId,
    pub(crate) accepted: &'a Accepted,
    /// Its groups, if they are decompressed already.
    pub(crate) groups: Option<&'a [Group]>,
    /// Its Kubernetes namespace, if known.
    pub(crate) namespace: Option<&'a NamespaceMetadata>,
    /// True if its Kubernetes namespace will be known, if it is not.
    pub(crate) namespace_comes: bool,
    /// Its route matches before.
    pub(crate) previous: &'a [RouteMatch],
    /// The time at which its source sent it.
    pub(crate) seen: Instant,
}

/// The result of compiling an object.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Its destinations.
    pub(crate) matches: Vec<RouteMatch>,
    /// The objects for destinations, without those that have them already or keep the version that they have.
    pub(crate) offers: Vec<Offer>,
    /// Routes that refuse the tenant it requests.
    pub(crate) refused_by: Box<[Arc<str>]>,
    /// The reasons why routes that select it do not take it.
    pub(crate) routing_findings: Box<[Finding]>,
}

/// The object as one destination should have it.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) destination: DestinationId,
    pub(crate) namespace: RulerNamespace,
    pub(crate) object: DesiredObject,
}

/// Compiles an object. `is_current` returns for which destinations nothing would change, so that its groups need not be
/// transformed, checked and encoded for them.
pub(crate) fn compile(
    subject: &Subject<'_>,
    table: &RoutingTable,
    is_current: impl Fn(&RouteMatch) -> bool,
) -> Compiled {
    let Subject { id, accepted, namespace, namespace_comes, previous, .. } = *subject;
    let naming_input = accepted.naming_input(id);
    let input = accepted.input(id, namespace, namespace_comes);
    let Routed { mut matches, refused, mut findings } =
        match_routes(&table.routes, &input, &table.facts(naming_input));
    let mut stays: Vec<DestinationId> = Vec::new();
    let mut refused_by = Vec::with_capacity(refused.len());
    for RefusedTenant { route, mut finding } in refused {
        if let Some((last, is_unchanged)) = last_permitted(&route, &matches, previous, &input, table) {
            finding.message.push_str(&format!(
                "; its rules stay in {} as they are there, until it requests a tenant that it may have or is deleted",
                last.destination
            ));
            // The present transform applies to the rules that it leaves behind, not that of its earlier request.
            if is_unchanged {
                stays.push(last.destination.clone());
                matches.push(last.clone());
            }
        }
        findings.push(finding);
        refused_by.push(route);
    }
    let offer = |route_match: &RouteMatch| {
        let destination = &route_match.destination;
        if stays.contains(destination) || is_current(route_match) {
            return None;
        }
        let compiler = RouteCompiler::of(route_match, table)?;
        Some(Offer {
            destination: destination.clone(),
            namespace: route_match.namespace.clone(),
            object: DesiredObject {
                legacy_names: table.legacy_names(&naming_input, &destination.ruler),
                ..desired_object(subject, &compiler)
            },
        })
    };
    let offers = matches.iter().filter_map(offer).collect();
    Compiled { matches, offers, refused_by: refused_by.into(), routing_findings: findings.into() }
}

/// Returns the findings about a group that is not sent, as they would be if it were.
pub(crate) fn findings_about(group: &Group, route_match: &RouteMatch, table: &RoutingTable) -> Vec<Finding> {
    let compiler = RouteCompiler::of(route_match, table);
    compiler.map(|compiler| compiler.offer(group, &mut Sound::default()).findings).unwrap_or_default()
}

/// Returns the last place that an object with a refused tenant may still have, where its rules stay as they are, and
/// whether its route would transform them the same way today.
fn last_permitted<'a>(
    route: &str,
    matches: &[RouteMatch],
    previous: &'a [RouteMatch],
    input: &RoutingInput<'_>,
    table: &RoutingTable,
) -> Option<(&'a RouteMatch, bool)> {
    let last = previous.iter().find(|route_match| *route_match.route == *route)?;
    if matches.iter().any(|other| other.destination == last.destination) {
        return None;
    }
    let transform = table.transform(route, input, &last.destination)?;
    Some((last, transform == *last.transform))
}

/// Compiles one object for one of its routes.
struct RouteCompiler<'a> {
    route_match: &'a RouteMatch,
    ruler: &'a dyn Ruler,
    capabilities: Capabilities,
    split: Option<usize>,
    on_invalid: OnInvalid,
}

/// Returns an object as a ruler should have it. Without `groups`, its groups are decompressed.
fn desired_object(subject: &Subject<'_>, compiler: &RouteCompiler<'_>) -> DesiredObject {
    let Subject { id, accepted: record, groups, seen, .. } = *subject;
    let mut blocks = Decompressor::default();
    let groups: Cow<'_, [Group]> = match groups {
        Some(groups) => Cow::Borrowed(groups),
        None => record.groups.iter().filter_map(|body| blocks.decode(body).ok()).collect(),
    };
    let mut refused = record.refused.to_vec();
    let RouteMatch { route, transform, .. } = compiler.route_match;
    let mut findings = transform.refusals().to_vec();
    let mut sound = Sound::default();
    // Most groups are sent as they were declared, and are compressed already.
    let mut sent: Vec<Sent<'_>> = Vec::with_capacity(groups.len());
    for (index, group) in groups.iter().enumerate() {
        let mut left_out = record.left_out.get(index).cloned().unwrap_or_default();
        let offered = if transform.refusals().is_empty() {
            let Transformed { group, findings: mut found, left_out: more } =
                compiler.offer(group, &mut sound);
            // Rules are numbered as their author does.
            for rule in found.iter_mut().filter_map(|finding| finding.location.rule.as_mut()) {
                *rule = left_out.declared(*rule);
            }
            findings.append(&mut found);
            left_out = left_out.and(more.numbers());
            group
        } else {
            None
        };
        match (offered, compiler.split.filter(|most| group.rules.len() > *most)) {
            (Some(Cow::Borrowed(same)), None) => {
                sent.push(Sent {
                    group: Cow::Borrowed(same),
                    body: record.groups.get(index).cloned(),
                    left_out,
                });
            }
            (Some(own), None) => sent.push(Sent { group: own, body: None, left_out }),
            (Some(whole), Some(most)) => {
                for part in compiler.parts(whole.into_owned(), most, &groups) {
                    match check_name(&part.name, &compiler.capabilities.name_limits) {
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
                let parts = compiler.parts(group.clone(), most, &groups);
                refused.extend(parts.into_iter().map(|part| part.name.into_boxed_str()));
            }
        }
    }
    if !sent.is_empty() {
        findings.extend(transform.unset_labels(route));
    }
    let advice = if compiler.capabilities.explains_refusals {
        Box::default()
    } else {
        record.findings.iter().filter(|finding| finding.location.group.is_some()).cloned().collect()
    };
    let made: Vec<Group> =
        sent.iter().filter(|sent| sent.body.is_none()).map(|sent| sent.group.clone().into_owned()).collect();
    let mut made = compress(&made).unwrap_or_default().into_iter();
    let fields = compiler.capabilities.fields;
    let desired = |Sent { group, body, left_out }: Sent<'_>| {
        Some(DesiredGroup {
            name: group.name.as_str().into(),
            fingerprint: Fingerprint::of(&group, &fields),
            // Groups of gigabytes are too big for every ruler, and not compressed.
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
        legacy_names: Box::default(),
        enforced: Arc::clone(&compiler.route_match.transform),
        findings: findings.into(),
        advice,
        seen,
    }
}

/// A group to send.
struct Sent<'a> {
    group: Cow<'a, Group>,
    /// Its compressed form, if it is sent as it was declared.
    body: Option<CompressedGroup>,
    left_out: LeftOut,
}

/// A group as its route transforms it.
struct Transformed<'a> {
    /// The group, if it is offered.
    group: Option<Cow<'a, Group>>,
    /// The findings about it.
    findings: Vec<Finding>,
    /// The rules that it is offered without.
    left_out: LeftOut,
}

impl<'r> RouteCompiler<'r> {
    /// Returns the compiler for a match; none if its ruler is no longer configured.
    fn of(route_match: &'r RouteMatch, table: &'r RoutingTable) -> Option<Self> {
        let name = &route_match.destination.ruler;
        let ruler = table.rulers.get(name)?.as_ref();
        let split = table.split.get(name).copied();
        let (capabilities, on_invalid) = (ruler.capabilities(), table.on_invalid);
        Some(Self { route_match, ruler, capabilities, split, on_invalid })
    }

    /// Splits a group into parts of at most `most` rules. The names of the object's other groups are taken.
    fn parts(&self, group: Group, most: usize, groups: &[Group]) -> Vec<Group> {
        let taken = groups.iter().map(|group| group.name.clone()).collect();
        split(group, most, self.capabilities.language, &taken)
    }

    /// Returns a group as it is offered to the ruler, if it is.
    ///
    /// Expressions are checked as the author wrote them, so that positions are his; with matchers they were parsed once
    /// more. What a route adds besides was checked when it was taken ([`Value`](crate::route::Value)).
    fn offer<'a>(&self, group: &'a Group, sound: &mut Sound<'a>) -> Transformed<'a> {
        let RouteMatch { destination, route, transform, .. } = self.route_match;
        let mut findings = check(group, self.ruler, &self.capabilities, sound);
        let (mut transformed, found) =
            transform.apply(group, route, destination.tenant.as_ref(), self.capabilities.language);
        findings.extend(found);
        let at_fault =
            findings.iter().filter(|finding| finding.withholds()).map(|f| f.location.rule).collect();
        let Some(left_out) = self.on_invalid.leave_out(at_fault, group.rules.len()) else {
            return Transformed { group: None, findings, left_out: LeftOut::default() };
        };
        // An unchanged group stays borrowed: it is compressed already.
        if !left_out.is_empty() {
            left_out.take_from(&mut transformed.to_mut().rules);
        }
        Transformed { group: Some(transformed), findings, left_out }
    }
}
