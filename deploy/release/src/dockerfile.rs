//! The instructions of a `Dockerfile`, as far as ours has them. What this reader does not know is an error, so that nothing in
//! the file is passed over by [`replay`](crate::replay).

use std::collections::BTreeMap;

/// A `Dockerfile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// The values that the names of base images may use, with their defaults.
    pub arguments: Vec<Argument>,
    /// The stages, the last of which is the image.
    pub stages: Vec<Stage>,
}

/// A value that can be set for a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The name.
    pub name: String,
    /// The value unless another one is set. Without one, the value of the same name before the first stage counts.
    pub default: Option<String>,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The image or the earlier stage that it begins with, with its variables.
    pub base: String,
    /// The name by which later stages know it.
    pub name: Option<String>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// An instruction of a stage, with the number of its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The number of its first line, from 1.
    pub line: usize,
    /// The instruction.
    pub instruction: Instruction,
}

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// `ARG`.
    Argument(Argument),
    /// `ENV`.
    Environment(BTreeMap<String, String>),
    /// `LABEL`.
    Labels(BTreeMap<String, String>),
    /// `WORKDIR`.
    Directory(String),
    /// `COPY`.
    Copy {
        /// The stage to copy from, in place of the context.
        from: Option<String>,
        /// The files and directories.
        sources: Vec<String>,
        /// Where they go: a directory if it ends in `/`.
        destination: String,
    },
    /// `RUN`.
    Run {
        /// The targets of its mounts of type `cache`.
        caches: Vec<String>,
        /// The command, for a shell.
        command: String,
    },
    /// `USER`.
    User(String),
    /// `EXPOSE`.
    Expose(String),
    /// `ENTRYPOINT`: a program and its first arguments.
    EntryPoint(Vec<String>),
}

/// A `Dockerfile` cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("Dockerfile:{line}: {problem}")]
pub struct DockerfileError {
    /// The number of the line.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

impl Dockerfile {
    /// Reads a `Dockerfile`.
    ///
    /// # Errors
    /// If it has something that this reader does not know.
    pub fn parse(text: &str) -> Result<Self, DockerfileError> {
        let mut dockerfile = Self { arguments: Vec::new(), stages: Vec::new() };
        for (line, text) in logical_lines(text) {
            let error = |problem| DockerfileError { line, problem };
            let (keyword, rest) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
            if keyword == "FROM" {
                dockerfile.stages.push(stage(rest.trim()).map_err(error)?);
                continue;
            }
            let instruction = instruction(keyword, rest.trim()).map_err(error)?;
            match (dockerfile.stages.last_mut(), instruction) {
                (Some(stage), instruction) => stage.steps.push(Step { line, instruction }),
                (None, Instruction::Argument(argument)) => dockerfile.arguments.push(argument),
                (None, _) => return Err(error(format!("{keyword} stands before the first FROM"))),
            }
        }
        Ok(dockerfile)
    }

    /// The stage of this name.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name.as_deref() == Some(name))
    }
}

/// Joins the lines that end in `\` with those after them, and leaves out comments.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut continues = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let (part, goes_on) = line.strip_suffix('\\').map_or((line, false), |part| (part.trim_end(), true));
        match lines.last_mut() {
            Some((_, whole)) if continues => {
                whole.push(' ');
                whole.push_str(part);
            }
            _ => lines.push((number, part.to_owned())),
        }
        continues = goes_on;
    }
    lines
}

fn stage(text: &str) -> Result<Stage, String> {
    let stage = |base: &str, name: Option<&str>| Stage {
        base: base.to_owned(),
        name: name.map(str::to_owned),
        steps: Vec::new(),
    };
    match text.split_whitespace().collect::<Vec<_>>().as_slice() {
        [base] if !base.starts_with("--") => Ok(stage(base, None)),
        [base, "AS", name] => Ok(stage(base, Some(name))),
        _ => Err(format!("`FROM {text}` is not `FROM IMAGE` or `FROM IMAGE AS NAME`")),
    }
}

fn instruction(keyword: &str, rest: &str) -> Result<Instruction, String> {
    let (flags, rest) = flags(rest);
    if !flags.is_empty() && !matches!(keyword, "COPY" | "RUN") {
        return Err(format!("{keyword} has no flags"));
    }
    match keyword {
        "ARG" => Ok(Instruction::Argument(match rest.split_once('=') {
            Some((name, default)) => Argument { name: name.to_owned(), default: Some(unquoted(default)) },
            None => Argument { name: rest.to_owned(), default: None },
        })),
        "ENV" => pairs(rest).map(Instruction::Environment),
        "LABEL" => pairs(rest).map(Instruction::Labels),
        "WORKDIR" => Ok(Instruction::Directory(rest.to_owned())),
        "COPY" => copy(&flags, rest),
        "RUN" => run(&flags, rest),
        "USER" => Ok(Instruction::User(rest.to_owned())),
        "EXPOSE" => Ok(Instruction::Expose(rest.to_owned())),
        "ENTRYPOINT" => serde_json::from_str(rest)
            .map(Instruction::EntryPoint)
            .map_err(|_| "ENTRYPOINT needs a list in JSON: there may be no shell".to_owned()),
        _ => Err(format!("the instruction `{keyword}` is unknown here")),
    }
}

/// Splits the flags off, such as `--from=build`.
fn flags(mut rest: &str) -> (Vec<(&str, &str)>, &str) {
    let mut flags = Vec::new();
    while let Some(flag) = rest.strip_prefix("--") {
        let (flag, after) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
        flags.push(flag.split_once('=').unwrap_or((flag, "")));
        rest = after.trim_start();
    }
    (flags, rest)
}

fn copy(flags: &[(&str, &str)], rest: &str) -> Result<Instruction, String> {
    let mut from = None;
    for (name, value) in flags {
        match *name {
            "from" => from = Some((*value).to_owned()),
            name => return Err(format!("the flag --{name} of COPY is unknown here")),
        }
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    match words.split_last() {
        Some((destination, sources)) if !sources.is_empty() && !rest.starts_with("<<") => {
            let sources = sources.iter().map(|source| (*source).to_owned()).collect();
            Ok(Instruction::Copy { from, sources, destination: (*destination).to_owned() })
        }
        _ => Err("COPY needs sources and a destination".to_owned()),
    }
}

fn run(flags: &[(&str, &str)], command: &str) -> Result<Instruction, String> {
    let mut caches = Vec::new();
    for (name, value) in flags {
        let fields: BTreeMap<&str, &str> =
            value.split(',').map(|field| field.split_once('=').unwrap_or((field, ""))).collect();
        match (*name, fields.get("type"), fields.get("target")) {
            ("mount", Some(&"cache"), Some(target)) => caches.push((*target).to_owned()),
            _ => return Err(format!("the flag --{name}={value} of RUN is unknown here")),
        }
    }
    if command.starts_with('[') || command.contains("<<") {
        return Err("RUN needs a command for a shell, without here-documents".to_owned());
    }
    Ok(Instruction::Run { caches, command: command.to_owned() })
}

/// Reads `NAME=VALUE NAME="VALUE WITH SPACES"`.
fn pairs(mut rest: &str) -> Result<BTreeMap<String, String>, String> {
    let mut pairs = BTreeMap::new();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').ok_or_else(|| format!("`{rest}` is not NAME=VALUE"))?;
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| format!("the quote of `{name}` is open"))?,
            None => value.split_once(char::is_whitespace).unwrap_or((value, "")),
        };
        pairs.insert(name.to_owned(), value.to_owned());
        rest = after.trim_start();
    }
    Ok(pairs)
}

fn unquoted(value: &str) -> String {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value).to_owned()
}

/// Replaces `${NAME}` by its value, and by nothing if it has none.
pub fn substitute(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut parts = text.split("${");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('}') {
            Some((name, after)) => {
                result.push_str(values.get(name).map_or("", String::as_str));
                result.push_str(after);
            }
            None => {
                result.push_str("${");
                result.push_str(part);
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# syntax=docker/dockerfile:1
ARG TAG=1
FROM rust:${TAG} AS build
WORKDIR /build
ARG PROFILE
COPY a b ./
RUN --mount=type=cache,target=/build/target \
    # what it is for
    --mount=type=cache,target=/cache,sharing=locked \
    make \
    && make install
FROM scratch
COPY --from=build /build/out /bin/
LABEL a="one two" \
      b=${TAG}
USER 1:2
EXPOSE 80
ENTRYPOINT ["/bin/a", "-x"]
"#;

    #[test]
    fn dockerfile_has_stages_and_their_instructions() {
        let dockerfile = Dockerfile::parse(TEXT).unwrap();
        assert_eq!(
            dockerfile.arguments,
            [Argument { name: "TAG".to_owned(), default: Some("1".to_owned()) }]
        );
        let build = dockerfile.stage("build").unwrap();
        assert_eq!((build.base.as_str(), build.steps.len()), ("rust:${TAG}", 4));
        let run = &build.steps[3];
        let expected = Instruction::Run {
            caches: vec!["/build/target".to_owned(), "/cache".to_owned()],
            command: "make && make install".to_owned(),
        };
        assert_eq!((run.line, &run.instruction), (7, &expected));
        let last: Vec<&Instruction> =
            dockerfile.stages[1].steps.iter().map(|step| &step.instruction).collect();
        let labels = [("a", "one two"), ("b", "${TAG}")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let expected = [
            &Instruction::Copy {
                from: Some("build".to_owned()),
                sources: vec!["/build/out".to_owned()],
                destination: "/bin/".to_owned(),
            },
            &Instruction::Labels(labels.into()),
            &Instruction::User("1:2".to_owned()),
            &Instruction::Expose("80".to_owned()),
            &Instruction::EntryPoint(vec!["/bin/a".to_owned(), "-x".to_owned()]),
        ];
        assert_eq!(last, expected);
    }

    #[test]
    fn dockerfile_with_something_unknown_is_refused() {
        for (text, problem) in [
            ("RUN make", "Dockerfile:1: RUN stands before the first FROM"),
            ("FROM a\n\nADD b c", "Dockerfile:3: the instruction `ADD` is unknown here"),
            ("FROM a AS", "Dockerfile:1: `FROM a AS` is not `FROM IMAGE` or `FROM IMAGE AS NAME`"),
            ("FROM a\nCOPY --chmod=1 b c", "Dockerfile:2: the flag --chmod of COPY is unknown here"),
            ("FROM a\nCOPY b", "Dockerfile:2: COPY needs sources and a destination"),
            (
                "FROM a\nRUN --mount=type=secret,id=x make",
                "Dockerfile:2: the flag --mount=type=secret,id=x of RUN is unknown here",
            ),
            ("FROM a\nENTRYPOINT a", "Dockerfile:2: ENTRYPOINT needs a list in JSON: there may be no shell"),
            ("FROM a\nLABEL a=\"b", "Dockerfile:2: the quote of `a` is open"),
        ] {
            assert_eq!(Dockerfile::parse(text).unwrap_err().to_string(), problem);
        }
    }

    #[test]
    fn variables_are_replaced_by_their_values() {
        let values = [("a".to_owned(), "1".to_owned())].into();
        assert_eq!(substitute("x${a}-${b}.${a}", &values), "x1-.1");
        assert_eq!(substitute("${a", &values), "${a");
    }
}
