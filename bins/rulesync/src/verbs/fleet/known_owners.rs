//! The owners that there should be.

use std::collections::BTreeSet;
use std::path::Path;

use rulesync_core::Owner;

use crate::failure::Failure;

/// Returns the known owners of a flag and a file; none if neither is given.
///
/// # Errors
///
/// [`Failure::Input`] if the file cannot be read, [`Failure::Several`] for the lines in it that are no owners.
pub(super) fn known(mut owners: Vec<Owner>, file: Option<&Path>) -> Result<Option<BTreeSet<Owner>>, Failure> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))?;
        let shown = file.display();
        let of_file = parse(&text).map_err(|errors| {
            Failure::Several(errors.iter().map(|error| format!("{shown}:{error}")).collect())
        })?;
        owners.extend(of_file);
    } else if owners.is_empty() {
        return Ok(None);
    }
    Ok(Some(owners.into_iter().collect()))
}

/// Returns the owners in a text, or what is wrong with which of its lines.
fn parse(text: &str) -> Result<Vec<Owner>, Vec<String>> {
    let (mut owners, mut errors) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let name = line.split('#').next().unwrap_or_default().trim();
        if name.is_empty() {
            continue;
        }
        match name.parse::<Owner>() {
            Ok(owner) => owners.push(owner),
            Err(error) => errors.push(format!("{}: {error}", index + 1)),
        }
    }
    if errors.is_empty() { Ok(owners) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_owners_are_the_lines_of_a_file_without_comments() {
        let owners = parse("# all clusters\neu-1\r\n\n  eu-2 # Frankfurt\n").unwrap();
        assert_eq!(owners.iter().map(Owner::as_str).collect::<Vec<_>>(), ["eu-1", "eu-2"]);
        let errors = parse("eu-1\nEU\neu 2\n").unwrap_err();
        assert!(errors[0].starts_with("2: `EU`") && errors[1].starts_with("3: `eu 2`"), "{errors:?}");
    }

    #[test]
    fn owners_are_known_only_if_any_are_given() {
        assert!(known(Vec::new(), None).unwrap().is_none());
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("owners");
        std::fs::write(&file, "# none yet\n").unwrap();
        assert_eq!(
            known(Vec::new(), Some(&file)).unwrap(),
            Some(BTreeSet::new()),
            "an empty file knows nobody"
        );
        std::fs::write(&file, "b").unwrap();
        assert_eq!(known(vec!["a".parse().unwrap()], Some(&file)).unwrap().unwrap().len(), 2);
        assert!(matches!(known(Vec::new(), Some(&directory.path().join("gone"))), Err(Failure::Input(_))));
    }
}
