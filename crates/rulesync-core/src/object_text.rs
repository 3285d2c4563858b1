//! The texts of an object as its author wrote them, for excerpts in which a finding shows where it is.

use crate::finding::{Location, Position};
use crate::model::encoded::CompressedGroup;
use crate::model::group::{Group, Rule};
use crate::model::left_out::LeftOut;
use crate::model::object::ObjectId;

/// The texts of an object as its author wrote them.
#[derive(Debug, Clone)]
pub struct ObjectText {
    id: ObjectId,
    /// The groups that rulers are offered: compressed, shared with the engine, each with the rules that were left out of it.
    offered: Vec<(CompressedGroup, LeftOut)>,
    /// Those of which rulers are offered nothing, or not all: as they were declared, by their indexes in the object.
    withheld: Vec<(usize, CompressedGroup)>,
}

impl ObjectText {
    pub(crate) fn new(
        id: ObjectId,
        offered: Vec<(CompressedGroup, LeftOut)>,
        withheld: Vec<(usize, CompressedGroup)>,
    ) -> Self {
        Self { id, offered, withheld }
    }

    /// The object.
    pub fn id(&self) -> &ObjectId {
        &self.id
    }

    /// Returns the text of the field that a finding about the object is in, and the position in it; none if it is not known.
    pub fn field(&self, location: &Location) -> Option<(String, Option<Position>)> {
        let Location { file, position, in_field, .. } = location;
        let position = if file.is_some() { *in_field } else { *position };
        let withheld = self.withheld.iter().filter(|(index, _)| Some(*index) == location.group_index);
        let withheld = withheld.map(|(_, group)| (group, None));
        let offered = self.offered.iter().map(|(group, left_out)| (group, Some(left_out)));
        let text = withheld.chain(offered).find_map(|(group, left_out)| of_group(group, left_out, location));
        text.map(|text| (text, position))
    }
}

/// Returns the text of a field, if it is in this group.
fn of_group(group: &CompressedGroup, left_out: Option<&LeftOut>, location: &Location) -> Option<String> {
    let Location { group: wanted, rule, rule_name, field, .. } = location;
    let (field, wanted) = (field.as_deref()?, wanted.as_deref()?);
    let group = group.decode().ok().filter(|group| group.name == wanted)?;
    let Some(rule) = *rule else { return of_group_itself(&group, field) };
    let offered = left_out.map_or(Some(rule), |left_out| left_out.offered(rule))?;
    // Two groups may have one name.
    let is_it = |rule: &&Rule| rule_name.as_deref().is_none_or(|name| name == rule.name());
    of_rule(group.rules.get(offered).filter(is_it)?, field)
}

fn of_rule(rule: &Rule, field: &str) -> Option<String> {
    let text = match field.split_once('.') {
        None => match field {
            "expr" => &rule.expr,
            "alert" => &rule.alert,
            "record" => &rule.record,
            _ => return None,
        },
        Some(("labels", name)) => rule.labels.get(name)?,
        Some(("annotations", name)) => rule.annotations.get(name)?,
        Some(_) => return None,
    };
    Some(text.clone())
}

fn of_group_itself(group: &Group, field: &str) -> Option<String> {
    match field.split_once('.') {
        None if field == "name" => Some(group.name.clone()),
        Some(("labels", name)) => group.labels.get(name).cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encoded::compress;

    fn text() -> ObjectText {
        let rule = |name: &str, expr: &str| Rule {
            alert: name.to_owned(),
            expr: expr.to_owned(),
            annotations: [("summary".to_owned(), format!("{name} of {expr}"))].into(),
            ..Rule::default()
        };
        let group = |name: &str, rules| Group { name: name.to_owned(), rules, ..Group::default() };
        let groups =
            [group("g", vec![rule("A", "up"), rule("C", "down")]), group("h", vec![rule("A", "left")])];
        let left_out = [LeftOut::default().and([1]), LeftOut::default()];
        let groups = compress(&groups).unwrap().into_iter().zip(left_out).collect();
        let withheld = [group("bad", vec![rule("", "sum(")]), group("g", vec![rule("A", "again")])];
        let withheld = [2, 3].into_iter().zip(compress(&withheld).unwrap()).collect();
        ObjectText::new(ObjectId::new(&"k".into(), &"PrometheusRule".into(), "shop", "o"), groups, withheld)
    }

    fn at(group: &str, rule: Option<usize>, name: Option<&str>, field: &str) -> Location {
        let (group, field) = (Some(group.to_owned()), Some(field.to_owned()));
        Location { group, rule, rule_name: name.map(str::to_owned), field, ..Location::default() }
    }

    #[test]
    fn object_text_has_the_field_of_a_finding_by_its_authors_numbers() {
        for (location, wanted) in [
            (at("g", Some(0), Some("A"), "expr"), Some("up")),
            (at("g", Some(2), Some("C"), "expr"), Some("down")),
            (at("g", Some(2), None, "annotations.summary"), Some("C of down")),
            (at("g", Some(0), None, "alert"), Some("A")),
            (at("h", None, None, "name"), Some("h")),
            (at("g", Some(1), None, "expr"), None),
            (at("g", Some(0), Some("B"), "expr"), None),
            (at("g", Some(9), None, "expr"), None),
            (at("i", Some(0), None, "expr"), None),
            (at("g", Some(0), None, "labels.severity"), None),
            (at("g", Some(0), None, "for"), None),
        ] {
            let found = text().field(&location);
            assert_eq!(found, wanted.map(|wanted| (wanted.to_owned(), None)), "{location}");
        }
    }

    #[test]
    fn object_text_has_what_no_ruler_is_offered_by_the_numbers_of_its_groups() {
        let in_group = |index, group: &str| {
            let location = at(group, Some(0), None, "expr");
            text().field(&Location { group_index: Some(index), ..location }).map(|(text, _)| text)
        };
        assert_eq!(in_group(2, "bad").as_deref(), Some("sum("));
        // Of two groups of one name the first one counts.
        assert_eq!((in_group(0, "g").as_deref(), in_group(3, "g").as_deref()), (Some("up"), Some("again")));
        assert_eq!(in_group(1, "bad"), None);
    }

    #[test]
    fn object_text_has_the_position_in_the_field_whether_or_not_a_file_is_named() {
        let (inside, in_file) = (Position { line: 1, column: 2 }, Position { line: 7, column: 20 });
        let location = Location { position: Some(inside), ..at("g", Some(0), None, "expr") };
        assert_eq!(text().field(&location), Some(("up".to_owned(), Some(inside))));
        let located = Location {
            file: Some("a.yaml".to_owned()),
            position: Some(in_file),
            in_field: Some(inside),
            ..location
        };
        assert_eq!(text().field(&located), Some(("up".to_owned(), Some(inside))));
        let by_file = Location { in_field: None, ..located };
        assert_eq!(text().field(&by_file), Some(("up".to_owned(), None)));
    }
}
