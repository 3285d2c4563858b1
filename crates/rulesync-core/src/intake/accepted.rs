//! A declaration as intake has accepted it, in the form that the engine stores.

use std::collections::BTreeMap;

use super::convert::{Conversion, FaultyGroup, convert};
use super::routing_table::RoutingTable;
use crate::finding::Finding;
use crate::model::declared::DeclaredGroup;
use crate::model::encoded::{CompressedGroup, compress};
use crate::model::group::Group;
use crate::model::kind::{self, DIALECT_ANNOTATION};
use crate::model::labels::Labels;
use crate::model::left_out::LeftOut;
use crate::model::object::{ObjectId, RuleObject};
use crate::model::positions::Positions;
use crate::naming::NamingInput;
use crate::object_text::ObjectText;
use crate::route::input::{NamespaceMetadata, RoutingInput};

/// A declaration as intake has accepted it: enough to route it again and to write its groups again.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    pub(crate) uid: Option<Box<str>>,
    pub(crate) created: Option<i64>,
    labels: Labels,
    /// The annotations that routes read.
    annotations: Labels,
    tenant: Option<Box<str>>,
    /// The ruler namespace that it names itself.
    ruler_namespace: Option<Box<str>>,
    /// The language that its kind or an annotation declares.
    language: Option<Box<str>>,
    pub(super) groups: Box<[CompressedGroup]>,
    /// The rules left out of each group; empty if none are.
    pub(super) left_out: Box<[LeftOut]>,
    /// Refused groups: the versions that a ruler has stay.
    pub(super) refused: Box<[Box<str>]>,
    /// The groups of which rulers are offered nothing, or not all, as they were declared and with their indexes in the object:
    /// for whoever is to see what is wrong with them.
    withheld: Box<[(usize, CompressedGroup)]>,
    pub(crate) findings: Box<[Finding]>,
}

/// The parts of a declaration that intake reads.
#[derive(Debug, Hash)]
pub(crate) struct Declaration {
    pub(crate) uid: Option<String>,
    pub(crate) created: Option<i64>,
    pub(crate) labels: Labels,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) tenant: Option<String>,
    pub(crate) ruler_namespace: Option<String>,
    pub(crate) groups: Vec<DeclaredGroup>,
    /// Problems that its source has found.
    pub(crate) findings: Vec<Finding>,
}

impl Declaration {
    /// Returns what an object declares, besides its identity and its positions in files.
    pub(crate) fn of(object: RuleObject) -> (ObjectId, Self, Positions) {
        let RuleObject {
            id,
            uid,
            generation: _,
            created,
            labels,
            tenant,
            ruler_namespace,
            annotations,
            groups,
            findings,
            positions,
        } = object;
        let declaration =
            Self { uid, created, labels, annotations, tenant, ruler_namespace, groups, findings };
        (id, declaration, positions)
    }
}

impl Accepted {
    /// Converts a declaration. The groups are returned as well, so that they need not be decompressed at once, and those
    /// that are not sent.
    pub(crate) fn of(
        id: &ObjectId,
        declaration: Declaration,
        table: &RoutingTable,
    ) -> (Self, Vec<Group>, Vec<FaultyGroup>) {
        let Declaration { uid, created, labels, annotations, tenant, ruler_namespace, groups, mut findings } =
            declaration;
        let Conversion { groups, left_out, refused, faulty, cut, findings: mut found } =
            convert(groups, &annotations, &findings, table.on_invalid);
        findings.append(&mut found);
        let read = table.annotations();
        let declared = annotations.get(DIALECT_ANNOTATION).map(|text| text.trim().to_lowercase());
        let language =
            declared.or_else(|| kind::language_of(id.kind()).map(|language| language.name().to_owned()));
        let (indexes, withheld): (Vec<usize>, Vec<&Group>) =
            faulty.iter().chain(&cut).map(|faulty| (faulty.index, &faulty.group)).unzip();
        let withheld = compress(withheld).unwrap_or_default();
        let accepted = Self {
            uid: uid.map(String::into_boxed_str),
            created,
            labels,
            annotations: annotations.iter().filter(|(key, _)| read.contains(key.as_str())).collect(),
            tenant: tenant.map(String::into_boxed_str),
            ruler_namespace: ruler_namespace.map(String::into_boxed_str),
            language: language.map(String::into_boxed_str),
            // Groups of gigabytes are too big for every ruler; the object then has none here.
            groups: compress(&groups).unwrap_or_default().into(),
            left_out: match left_out.iter().all(LeftOut::is_empty) {
                true => Box::default(),
                false => left_out.into(),
            },
            refused: refused.into_iter().map(String::into_boxed_str).collect(),
            withheld: indexes.into_iter().zip(withheld).collect(),
            findings: findings.into(),
        };
        (accepted, groups, faulty)
    }

    /// The number of groups that it declares, refused ones included.
    pub(crate) fn declared_groups(&self) -> usize {
        self.groups.len() + self.refused.len()
    }

    pub(crate) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Returns its texts as its author wrote them.
    pub(crate) fn text(&self, id: &ObjectId) -> ObjectText {
        let left_out = |index| self.left_out.get(index).cloned().unwrap_or_default();
        let offered = self.groups.iter().enumerate().map(|(index, group)| (group.clone(), left_out(index)));
        ObjectText::new(id.clone(), offered.collect(), self.withheld.to_vec())
    }

    /// Returns what the object's namespaces are made of.
    pub(crate) fn naming_input<'a>(&'a self, id: &'a ObjectId) -> NamingInput<'a> {
        NamingInput { id, uid: self.uid.as_deref(), ruler_namespace: self.ruler_namespace.as_deref() }
    }

    /// Returns what routes can read of the object.
    pub(crate) fn input<'a>(
        &'a self,
        id: &'a ObjectId,
        namespace: Option<&'a NamespaceMetadata>,
        namespace_comes: bool,
    ) -> RoutingInput<'a> {
        RoutingInput {
            id,
            labels: &self.labels,
            annotations: &self.annotations,
            tenant: self.tenant.as_deref(),
            language: self.language.as_deref(),
            namespace,
            namespace_comes,
        }
    }
}
