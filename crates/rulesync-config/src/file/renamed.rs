//! Keys that earlier versions called otherwise. They are errors that name the new key, so that no setting is lost
//! silently.

/// Earlier names of keys, each with the present one.
const RENAMED: [(&str, &str); 1] = [("ledger", "inventory")];

/// Returns the present name of a key, if `key` is an earlier name of one of `expected`.
pub(super) fn present_name(key: &str, expected: &[&str]) -> Option<&'static str> {
    let (_, present) = RENAMED.iter().find(|(earlier, _)| *earlier == key)?;
    expected.contains(present).then_some(*present)
}
