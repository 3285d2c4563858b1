//! The commands of a page: those of its blocks, and those that stand in its text, as far as they are whole.

use std::collections::BTreeMap;

use rulesync_testkit::transcript;

/// The programs of inline commands.
const PROGRAMS: [&str; 5] = ["kubectl", "curl", "rulesync", "helm", "git"];

/// A word in capitals that is no placeholder.
const METHOD: &str = "POST";

/// Returns the commands of the blocks of a page, and then those in backticks. A program with one word, such as
/// `rulesync list`, is the name of a verb.
pub(super) fn commands(page: &str) -> Vec<String> {
    let mut commands = transcript::commands(page);
    let mut in_block = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            // A pipe in a table is escaped.
            let inline = line.split('`').skip(1).step_by(2).map(|inline| inline.replace("\\|", "|"));
            commands.extend(inline.filter(|inline| {
                let words: Vec<&str> = inline.split_whitespace().collect();
                words.len() > 2 && PROGRAMS.contains(&words[0])
            }));
        }
    }
    commands
}

/// Puts the words of a reader in place of those in capitals. Variables stay.
pub(super) fn replace(command: &str, words: &BTreeMap<&str, String>) -> Result<String, String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let mut replaced = String::new();
    let mut rest = command;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| is_part(c) != is_part(first)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(length);
        let is_word = part.len() > 2 && part.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        match words.get(part) {
            Some(word) if is_word => replaced.push_str(word),
            None if is_word && part != METHOD => return Err(format!("{command}: what is {part}?")),
            _ => replaced.push_str(part),
        }
        rest = after;
    }
    Ok(replaced)
}

#[test]
fn runbook_commands_stand_in_blocks_and_in_text() {
    let page = "# A\n\n```console\nls -l \\\n  | head\n```\n\n- Use `rulesync list`, or `curl -s X \\| jq .a`, not `x y z`.\n";
    assert_eq!(commands(page), ["ls -l | head", "curl -s X | jq .a"]);
}

#[test]
fn runbook_words_in_capitals_are_replaced_and_others_are_refused() {
    let words = BTreeMap::from([("RULER", "central".to_owned()), ("RULER_ADDRESS", "http://a".to_owned())]);
    let replaced = replace("curl -X POST $RULESYNC_DAEMON/RULER -H X-Scope-OrgID -A RULER_ADDRESS", &words);
    assert_eq!(replaced.unwrap(), "curl -X POST $RULESYNC_DAEMON/central -H X-Scope-OrgID -A http://a");
    assert_eq!(replace("rulesync get GROUP", &words).unwrap_err(), "rulesync get GROUP: what is GROUP?");
}
