//! Whose a ruler namespace is, as text. Pure.

use rulesync_core::explain::{Explained, NamespaceExplanation, NamingAge, Ownership};
use rulesync_core::naming::NamespaceClass;

use super::lines::line;
use super::verdict::counted;
use crate::terminal::{HEADING, MUTED};

/// Appends the explanation of a ruler namespace at one destination.
pub(super) fn render(text: &mut String, here: &NamespaceExplanation, explained: &Explained) {
    let place = match &here.tenant {
        Some(tenant) => format!("{}/{tenant}", here.ruler),
        None => here.ruler.clone(),
    };
    let is_sentence = here.ownership == Ownership::Unproven && here.naming.is_none();
    let colon = if is_sentence { ":" } else { "" };
    let verdict = verdict(here, explained);
    line(text, "", HEADING, format_args!("{place}: {}{colon} {verdict}", here.namespace));
    let mut more = Vec::new();
    if let Some(naming) = &here.naming {
        let age = match here.naming_age {
            Some(NamingAge::Previous) => "an earlier naming, by `previous_naming` or `previous_owners`",
            Some(NamingAge::Remembered) => "an earlier naming, which the inventory remembers",
            _ => "the present naming",
        };
        more.push(format!("form: {naming}, {age}"));
    }
    if let Some(successor) = &here.successor {
        more.push(format!("its object is in {successor} now; this one is deleted once that is written"));
    }
    if let Some(groups) = here.groups {
        more.push(format!("the ruler has {} in it", counted(groups, "group")));
    }
    if let Some(held) = here.held {
        more.push(format!("what nothing declares is not deleted: {held}"));
    }
    more.iter().for_each(|told| line(text, "  ", MUTED, told));
}

fn verdict(here: &NamespaceExplanation, Explained { owner, running, .. }: &Explained) -> String {
    let object = here.object.as_deref();
    match (here.ownership, here.class) {
        (_, NamespaceClass::Claim) => format!("is the claim of the owner {owner}"),
        (Ownership::Own, _) => {
            let known = match (here.declared, *running) {
                (true, true) => "which a source declares",
                (true, false) => "which is among the files",
                (false, true) => "which no source declares",
                (false, false) => "which is not among the files",
            };
            let object = object.map(|object| format!(": of {object}, {known}")).unwrap_or_default();
            format!("belongs to the owner {owner}{object}")
        }
        (Ownership::Unproven, _) if here.naming.is_none() => {
            let named = object.filter(|_| here.declared);
            let named = named.map(|object| format!("{object} declares it, but ")).unwrap_or_default();
            format!(
                "{named}the inventory alone tells whose it is, and was not read: names are as declared there"
            )
        }
        (Ownership::Unproven, _) => format!(
            "is never touched, because nobody can tell whose it is: its form proves nothing, since names may contain the \
             separator, and it is that of no object {}",
            if *running { "that a source has shown" } else { "among the files" }
        ),
        (_, NamespaceClass::Adoptable) => {
            "belongs to somebody else; groups in it are replaced by equal own ones, by `adopt`".to_owned()
        }
        _ => format!("belongs to somebody else: it has the form of no name of the owner {owner}"),
    }
}
