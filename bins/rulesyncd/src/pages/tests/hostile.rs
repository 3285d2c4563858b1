//! Names and texts that are meant to break a page, or to mislead whoever reads it.

use super::running::Running;

/// What an author may write into a rule, and what no page may contain of it.
const HOSTILE: &[(&str, &str)] = &[
    ("<script>alert(1)</script>", "<script>alert"),
    ("\\\"><img src=x onerror=alert(2)>", "<img"),
    ("' autofocus onfocus=alert(3) '", "<input autofocus"),
    ("</title></textarea></style><svg onload=alert(5)>", "<svg"),
    ("left\\u202eright", "\u{202e}"),
    ("zero\\u200bwidth", "\u{200b}"),
    ("isolate\\u2066d", "\u{2066}"),
    ("two\\nlines", "two\nlines"),
];

fn manifest(number: usize, text: &str) -> String {
    // The ruler refuses the expression, and its message repeats it.
    format!(
        "---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: o{number}, namespace: shop, labels: {{team: a}}}}\n\
         spec: {{groups: [{{name: \"{text}\", rules: [{{alert: \"{text}\", expr: \"sum(up\", labels: {{severity: \"{text}\"}}, annotations: {{summary: \"{text}\"}}}}]}}]}}\n"
    )
}

#[tokio::test]
async fn hostile_texts_are_harmless_on_every_page() {
    let manifests: String =
        HOSTILE.iter().enumerate().map(|(number, (text, _))| manifest(number, text)).collect();
    let running = Running::start(&manifests).await;
    running.settled(HOSTILE.len()).await;
    let mut paths: Vec<String> =
        (0..HOSTILE.len()).map(|number| format!("/objects/files/PrometheusRule/shop/o{number}")).collect();
    paths.extend(["/", "/objects", "/destinations/central/prod"].map(str::to_owned));
    for path in paths {
        let body = running.get(&path).await.body;
        for (text, never) in HOSTILE {
            assert!(!body.contains(never), "{path} has {never:?} of {text}");
        }
    }
    let page = running.get("/objects/files/PrometheusRule/shop/o4").await.body;
    assert!(page.contains(r"left\u{202e}right"), "{page}");
}

#[tokio::test]
async fn hostile_texts_in_urls_are_harmless() {
    let running = Running::start("").await;
    for path in [
        "/objects/%3Cscript%3E/%3Cscript%3E/%3Cscript%3E/%3Cscript%3E",
        "/objects?q=%22%3E%3Cscript%3E",
        "/objects?state=%3Cscript%3E",
        "/objects?%3Cscript%3E=1",
        "/destinations/%3Cscript%3E/%E2%80%AE",
        "/destinations?ruler=%22%3E%3Cscript%3E",
        "/%3Cscript%3E",
    ] {
        let body = running.get(path).await.body;
        assert!(!body.contains("<script>") && !body.contains('\u{202e}'), "{path}: {body}");
    }
}
