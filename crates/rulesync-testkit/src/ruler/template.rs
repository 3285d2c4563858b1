//! A light check of Go templates, as far as rulers check them when a rule is posted: the syntax of actions,
//! the nesting of blocks, names of functions and variables. What only fails when the template runs passes.

/// The first fault of a template as `{line}: {what}`, in the words of Go's parser. `prelude` is what the ruler
/// defines before it.
pub(crate) fn check(text: &str, prelude: &[&str]) -> Result<(), String> {
    let variables = prelude.iter().map(|name| (*name).to_owned()).collect();
    let mut check = Check { blocks: Vec::new(), variables };
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let before = text.len() - rest.len() + start;
        let (inner, after) = action(&rest[start + 2..]).map_err(|(at, what)| {
            let line = line_at(text, before + 2 + at);
            format!("{line}: {what}")
        })?;
        check.action(inner).map_err(|what| format!("{}: {what}", line_at(text, before)))?;
        rest = after;
    }
    match check.blocks.pop() {
        None => Ok(()),
        Some(_) => Err(format!("{}: unexpected EOF", line_at(text, text.len()))),
    }
}

/// Variables that Mimir and Cortex define before the template.
pub(crate) const PROMETHEUS: &[&str] = &["$", "$labels", "$externalLabels", "$externalURL", "$value"];

/// Variables that Loki defines before the template.
pub(crate) const LOKI: &[&str] = &["$", "$labels", "$externalLabels", "$value"];

/// Functions of Go's templates and those that rulers add.
const FUNCTIONS: [&str; 49] = [
    "and",
    "args",
    "call",
    "eq",
    "externalURL",
    "first",
    "ge",
    "graphLink",
    "gt",
    "html",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "index",
    "js",
    "label",
    "le",
    "len",
    "lt",
    "match",
    "ne",
    "not",
    "now",
    "or",
    "parseDuration",
    "pathPrefix",
    "print",
    "printf",
    "println",
    "query",
    "reReplaceAll",
    "safeHtml",
    "slice",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "tableLink",
    "title",
    "tmpl",
    "toDuration",
    "toLower",
    "toTime",
    "toUpper",
    "urlQueryEscape",
    "urlquery",
    "value",
];

fn line_at(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}

/// Splits off the inside of an action whose `{{` is already gone. An error comes with its offset.
fn action(text: &str) -> Result<(&str, &str), (usize, &'static str)> {
    if text.trim_start_matches(['-', ' ']).starts_with("/*") {
        let end = text.find("*/").ok_or((0, "unclosed comment"))? + 2;
        let tail = text[end..].trim_start_matches([' ', '-']);
        let after = tail.strip_prefix("}}").ok_or((end, "comment ends before closing delimiter"))?;
        return Ok(("", after));
    }
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '}' if text[at..].starts_with("}}") => return Ok((&text[..at], &text[at + 2..])),
            '"' | '\'' => {
                let mut closed = false;
                while let Some((_, inner)) = chars.next() {
                    match inner {
                        '\\' => {
                            chars.next();
                        }
                        '\n' => break,
                        inner if inner == c => {
                            closed = true;
                            break;
                        }
                        _ => {}
                    }
                }
                if !closed {
                    let what = if c == '"' {
                        "unterminated quoted string"
                    } else {
                        "unterminated character constant"
                    };
                    return Err((at, what));
                }
            }
            '`' if !chars.by_ref().any(|(_, inner)| inner == '`') => {
                return Err((at, "unterminated raw quoted string"));
            }
            _ => {}
        }
    }
    Err((0, "unclosed action"))
}

struct Check {
    /// The open blocks: whether one may still have an `else`, and how many variables there were before it.
    blocks: Vec<(bool, usize)>,
    variables: Vec<String>,
}

impl Check {
    fn action(&mut self, inner: &str) -> Result<(), String> {
        let inner = inner.strip_prefix("- ").unwrap_or(inner);
        let inner = inner.strip_suffix(" -").unwrap_or(inner);
        let words = words(inner)?;
        let keyword = words.first().map_or("", String::as_str);
        let rest = words.get(1..).unwrap_or_default();
        match keyword {
            "" => {
                let comment = inner.is_empty();
                if comment { Ok(()) } else { Err("missing value for command".to_owned()) }
            }
            "if" | "range" | "with" | "block" | "define" => {
                if rest.is_empty() {
                    return Err(format!("missing value for {keyword}"));
                }
                self.blocks.push((matches!(keyword, "if" | "range" | "with"), self.variables.len()));
                self.pipeline(rest)
            }
            "else" => {
                let Some((may_else, outer)) = self.blocks.pop().filter(|(may_else, _)| *may_else) else {
                    return Err("unexpected {{else}}".to_owned());
                };
                let chained = matches!(rest.first().map(String::as_str), Some("if" | "with"));
                self.blocks.push((may_else && chained, outer));
                self.pipeline(rest.get(usize::from(chained)..).unwrap_or_default())
            }
            "end" => match self.blocks.pop() {
                Some((_, outer)) => {
                    self.variables.truncate(outer);
                    Ok(())
                }
                None => Err("unexpected {{end}}".to_owned()),
            },
            "break" | "continue" if rest.is_empty() => Ok(()),
            "template" => self.pipeline(rest.get(1..).unwrap_or_default()),
            _ => self.pipeline(&words),
        }
    }

    fn pipeline(&mut self, words: &[String]) -> Result<(), String> {
        let mut open = 0usize;
        for (index, word) in words.iter().enumerate() {
            let first = word.chars().next().unwrap_or(' ');
            match first {
                '(' => open += 1,
                ')' => open = open.checked_sub(1).ok_or_else(|| "unexpected right paren".to_owned())?,
                '$' => {
                    let name = word.split('.').next().unwrap_or(word);
                    let declared = words.get(index + 1).is_some_and(|next| next == ":=" || next == ",");
                    if declared {
                        self.variables.push(name.to_owned());
                    } else if !self.variables.iter().any(|known| known == name) {
                        return Err(format!("undefined variable \"{name}\""));
                    }
                }
                c if c.is_alphabetic() || c == '_' => {
                    let name = word.split('.').next().unwrap_or(word);
                    if !matches!(name, "true" | "false" | "nil") && !FUNCTIONS.contains(&name) {
                        return Err(format!("function \"{name}\" not defined"));
                    }
                }
                _ => {}
            }
        }
        if open > 0 { Err("unclosed left paren".to_owned()) } else { Ok(()) }
    }
}

/// The words of an action: names with their fields, strings as one word each, marks.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut word = String::from(c);
        match c {
            c if c.is_whitespace() => continue,
            '(' | ')' | '|' | ',' | '=' => {}
            ':' => match chars.next_if_eq(&'=') {
                Some(equals) => word.push(equals),
                None => return Err("expected :=".to_owned()),
            },
            '"' | '\'' | '`' => {
                while let Some(inner) = chars.next() {
                    word.push(inner);
                    if inner == '\\' && c != '`' {
                        word.extend(chars.next());
                    } else if inner == c {
                        break;
                    }
                }
            }
            c if c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '+' | '-') => {
                while let Some(more) =
                    chars.next_if(|more| more.is_alphanumeric() || matches!(more, '_' | '.'))
                {
                    word.push(more);
                }
            }
            c => return Err(format!("unexpected {c:?} in operand")),
        }
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_in_use_pass() {
        for text in [
            "",
            "plain } text {",
            "x {{ $labels.job }}",
            "{{ $value | humanizePercentage }} of {{ printf \"%.2f\" $value }}",
            "{{- range query \"up{job=\\\"}}\\\"}\" -}}{{ .Labels.instance }}{{ end }}",
            "{{ with $x := first (query `up`) }}{{ $x.Value }}{{ else }}none{{ end }}",
            "{{ if eq $labels.a \"b\" }}1{{ else if gt $value 2.5 }}2{{ else }}3{{ end }}",
            "{{ range $i, $e := query \"up\" }}{{ $i }}{{ $e }}{{ end }}",
            "{{/* a comment */}}{{ .NoField }}",
            "{{ $externalURL }} {{ externalURL }} {{ $labels.a_b }}",
        ] {
            assert_eq!(check(text, PROMETHEUS), Ok(()), "{text}");
        }
    }

    #[test]
    fn faults_are_named_with_their_line() {
        for (text, fault) in [
            ("{{ $labels.x ", "1: unclosed action"),
            ("{{ nofunc }}", "1: function \"nofunc\" not defined"),
            ("a\nb {{ $nope }}", "2: undefined variable \"$nope\""),
            ("{{ if $value }}", "1: unexpected EOF"),
            ("{{ end }}", "1: unexpected {{end}}"),
            ("{{ else }}", "1: unexpected {{else}}"),
            ("{{ if }}{{ end }}", "1: missing value for if"),
            ("{{ \"abc }}", "1: unterminated quoted string"),
            ("{{ }}", "1: missing value for command"),
            ("{{ (query \"up\" }}", "1: unclosed left paren"),
            ("{{ with $x := 1 }}{{ end }}{{ $x }}", "1: undefined variable \"$x\""),
        ] {
            assert_eq!(check(text, PROMETHEUS), Err(fault.to_owned()), "{text}");
        }
    }
}
