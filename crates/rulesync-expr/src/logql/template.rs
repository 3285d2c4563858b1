//! Whether a template of Go's `text/template` is plainly broken: an action that is not closed, a block without
//! its end or an end without its block. Not a parser of templates; what gets past here Go may still refuse.

/// What is wrong, if anything is.
pub(super) fn syntax_error(template: &str) -> Option<String> {
    let mut blocks = 0_usize;
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        rest = &rest[start + 2..];
        let body = rest.strip_prefix("- ").unwrap_or(rest).trim_start();
        if body.starts_with("/*") {
            let Some(end) = rest.find("*/") else {
                return Some("unclosed comment".to_owned());
            };
            rest = &rest[end + 2..];
        }
        let Some(length) = action_length(rest) else {
            return Some("unclosed action".to_owned());
        };
        let action = &rest[..length];
        let action = action.strip_prefix('-').unwrap_or(action).trim_start();
        let word = action.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        match word {
            "if" | "range" | "with" | "block" | "define" => blocks += 1,
            "end" if blocks == 0 => return Some("unexpected {{end}}".to_owned()),
            "end" => blocks -= 1,
            "else" if blocks == 0 => return Some("unexpected {{else}}".to_owned()),
            _ => {}
        }
        rest = &rest[length + 2..];
    }
    (blocks > 0).then(|| "unexpected EOF".to_owned())
}

/// How far it is to the `}}`, which texts within the action may contain as well.
fn action_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut quote = None;
    while let Some(&byte) = bytes.get(at) {
        match quote {
            Some(open) => match byte {
                b'\\' if open != b'`' => at += 1,
                _ if byte == open => quote = None,
                _ => {}
            },
            None => match byte {
                b'"' | b'`' | b'\'' => quote = Some(byte),
                b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at),
                _ => {}
            },
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::syntax_error;

    #[test]
    fn sound_templates() {
        for template in [
            "",
            "plain } }} text {",
            "{{.message}} {{ .level | ToUpper }}",
            r#"{{ if eq .level "}}" }}x{{ else }}y{{ end }}"#,
            "{{- range $i, $x := fromJson .list -}} {{ $x }} {{- end -}}",
            "{{/* a comment {{ */}}{{.x}}",
            r#"{{ printf "\"" }}{{ `\` }}"#,
            "{{ .ended }}{{ ifx }}",
        ] {
            assert_eq!(syntax_error(template), None, "{template}");
        }
    }

    #[test]
    fn broken_templates() {
        for (template, reason) in [
            ("{{.x", "unclosed action"),
            ("{{.x}", "unclosed action"),
            (r#"{{ "}}"#, "unclosed action"),
            ("{{/* x", "unclosed comment"),
            ("{{ if .x }}", "unexpected EOF"),
            ("{{ end }}", "unexpected {{end}}"),
            ("{{- else -}}", "unexpected {{else}}"),
        ] {
            assert_eq!(syntax_error(template).as_deref(), Some(reason), "{template}");
        }
    }
}
