//! The page about what is published shows what is rendered, and has each state and reason.

use std::path::Path;

use rulesync_k8s::publish::Reason;
use rulesync_k8s::publish::events::NoticeReason;

use super::objects::samples;

const MARK: &str = "<!-- rendered: refused -->\n```yaml manifest\n";

fn page() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/status.md")
}

#[test]
fn documentation_shows_a_rendered_rule_status() {
    let refused = samples().into_iter().find(|sample| sample.state == "refused").unwrap();
    let rendered = serde_saphyr::to_string(&refused.rule_status()).unwrap();
    let text = std::fs::read_to_string(page()).unwrap();
    let (before, rest) = text.split_once(MARK).unwrap();
    let (_, after) = rest.split_once("```\n").unwrap();
    super::assert_generated(&page(), &format!("{before}{MARK}{rendered}```\n{after}"));
}

#[test]
fn documentation_has_each_state_and_reason() {
    let text = std::fs::read_to_string(page()).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
    let place =
        |row: String| rows.iter().position(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("{row}"));
    // The reasons that `Ready` may have, from the least to the most serious; the first says that it is.
    let states =
        Reason::ALL.into_iter().filter(|reason| *reason >= Reason::Synced && *reason != Reason::Unknown);
    let places: Vec<usize> =
        states.map(|reason| place(format!("| `{}` | `{reason}` |", reason.word()))).collect();
    assert!(places.is_sorted(), "{places:?}");
    for reason in NoticeReason::ALL {
        let row = place(format!("| `{}` | {} |", reason.name(), reason.type_()));
        assert_eq!(rows[row].contains("events: all"), reason.is_routine(), "{}", rows[row]);
    }
}
