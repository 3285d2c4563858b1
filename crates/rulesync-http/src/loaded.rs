//! Reads the answer of `/api/v1/rules` as it arrives, one group at a time: the whole of it may be larger than the
//! memory we have. No I/O.

use rulesync_core::{EvaluatedRule, RuleHealth, RulerError};
use serde::Deserialize;

/// A group that the server has loaded.
#[derive(Debug, PartialEq, Eq)]
pub struct LoadedGroup {
    /// The path of its file as the server sees it, or its namespace where the server has those.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Its rules, in order.
    pub rules: Vec<EvaluatedRule>,
}

/// Cuts the groups out of the answer.
#[derive(Debug, Default)]
pub struct LoadedReader {
    /// The braces and brackets that are open.
    open: Vec<u8>,
    in_string: bool,
    escaped: bool,
    group: Vec<u8>,
    /// The answer with a number in the place of each group.
    envelope: Vec<u8>,
}

/// Where the groups are: in the list in the object in the object.
const GROUPS: &[u8] = b"{{[";

/// No envelope is longer: two bytes for each of half a million groups.
const ENVELOPE_BYTES: usize = 1 << 20;

impl LoadedReader {
    /// More of the answer; passes on the groups that are complete with it.
    ///
    /// # Errors
    ///
    /// [`RulerError::Unreadable`] if this is something else.
    pub fn push(
        &mut self,
        bytes: &[u8],
        found: &mut (dyn FnMut(LoadedGroup) + Send),
    ) -> Result<(), RulerError> {
        for &byte in bytes {
            let within = self.open.len() > GROUPS.len();
            if within { &mut self.group } else { &mut self.envelope }.push(byte);
            if self.in_string {
                (self.in_string, self.escaped) =
                    (self.escaped || byte != b'"', !self.escaped && byte == b'\\');
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    if self.open == GROUPS {
                        self.envelope.pop();
                        self.group.push(byte);
                    }
                    self.open.push(byte);
                }
                b'}' | b']' => {
                    self.open.pop();
                    if within && self.open.len() == GROUPS.len() {
                        found(parse(&self.group)?);
                        self.group.clear();
                        self.envelope.push(b'0');
                    }
                }
                _ => {}
            }
        }
        if self.envelope.len() > ENVELOPE_BYTES {
            Err(unreadable("it is not a list of groups"))
        } else {
            Ok(())
        }
    }

    /// The end of the answer; where the next page begins, if there is one.
    ///
    /// # Errors
    ///
    /// [`RulerError::Unreadable`] if it was not the answer, or not whole.
    pub fn finish(self) -> Result<Option<String>, RulerError> {
        #[derive(Deserialize)]
        struct Envelope {
            status: String,
            #[serde(default)]
            error: String,
            data: Option<Data>,
        }
        #[derive(Deserialize)]
        struct Data {
            #[serde(rename = "groups")]
            _groups: Option<Vec<u8>>,
            #[serde(default, rename = "groupNextToken")]
            next: Option<String>,
        }
        match serde_json::from_slice(&self.envelope) {
            Ok(Envelope { status, data: Some(data), .. }) if status == "success" => {
                Ok(data.next.filter(|token| !token.is_empty()))
            }
            Ok(Envelope { error, .. }) => Err(unreadable(&error)),
            Err(error) => Err(unreadable(&error.to_string())),
        }
    }
}

fn parse(text: &[u8]) -> Result<LoadedGroup, RulerError> {
    #[derive(Deserialize)]
    struct Group {
        name: String,
        file: String,
        #[serde(default)]
        rules: Option<Vec<Rule>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Rule {
        name: String,
        #[serde(default)]
        health: String,
        #[serde(default)]
        last_error: String,
        #[serde(default)]
        last_evaluation: String,
    }
    let Group { name, file, rules } =
        serde_json::from_slice(text).map_err(|error| unreadable(&error.to_string()))?;
    let rule = |Rule { name, health, last_error, last_evaluation }: Rule| {
        let health = match health.as_str() {
            "err" => RuleHealth::Failing(last_error),
            // vmalert calls a rule healthy before it has ever run.
            _ if last_evaluation.starts_with("0001-01-01") => RuleHealth::Unknown,
            "ok" => RuleHealth::Healthy,
            _ => RuleHealth::Unknown,
        };
        EvaluatedRule { name, health }
    };
    Ok(LoadedGroup { file, name, rules: rules.unwrap_or_default().into_iter().map(rule).collect() })
}

fn unreadable(message: &str) -> RulerError {
    RulerError::Unreadable { message: format!("the loaded rules cannot be read: {message}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = r#"{"status":"success","warnings":["[{"],"data":{"groups":[
        {"name":"g \"}{\\","file":"/r/a.yaml","rules":[
          {"name":"A","query":"x{a=\"]\"}","labels":{"a":"b"},"alerts":[],"health":"err","lastError":"no {[","type":"alerting","lastEvaluation":"2026-11-23T03:27:26.96Z"},
          {"name":"r","health":"ok","lastEvaluation":"0001-01-01T00:00:00Z"},
          {"name":"s","health":"ok","lastEvaluation":"2026-11-23T03:27:26.96Z"}],"interval":1},
        {"name":"h","file":"/r/b.yaml","rules":[]},{"name":"i","file":"/r/b.yaml","rules":null}],"groupNextToken":"x"}}"#;

    fn read(answer: &str, cut: usize) -> Result<Vec<LoadedGroup>, RulerError> {
        let (mut reader, mut groups) = (LoadedReader::default(), Vec::new());
        for portion in answer.as_bytes().chunks(cut) {
            reader.push(portion, &mut |group| groups.push(group))?;
        }
        reader.finish().map(|_| groups)
    }

    #[test]
    fn every_group_is_found_however_it_is_cut() {
        let groups = read(ANSWER, usize::MAX).unwrap();
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["g \"}{\\", "h", "i"]);
        let health: Vec<&RuleHealth> = groups[0].rules.iter().map(|rule| &rule.health).collect();
        let failing = RuleHealth::Failing("no {[".to_owned());
        assert_eq!(health, [&failing, &RuleHealth::Unknown, &RuleHealth::Healthy]);
        for cut in 1..80 {
            assert_eq!(read(ANSWER, cut).unwrap(), groups, "in portions of {cut}");
        }
        assert_eq!(read(r#"{"status":"success","data":{"groups":[]}}"#, 5).unwrap(), []);
        assert_eq!(read(r#"{"status":"success","data":{"groups":null}}"#, 5).unwrap(), []);
    }

    #[test]
    fn less_than_the_whole_answer_is_an_error() {
        for end in 0..ANSWER.len() {
            assert!(read(&ANSWER[..end], 16).is_err(), "{}", &ANSWER[..end]);
        }
        for other in
            ["", "[]", "{}", "<html>", r#"{"status":"error","error":"no","data":{}}"#, "404 page not found"]
        {
            assert_eq!(read(other, 16).unwrap_err().class(), "unreadable", "{other}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(answer in "[\\[\\]{}\",:a0\\\\]{0,60}") {
            let _ = read(&answer, 3);
        }
    }
}
