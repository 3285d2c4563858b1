//! From files to syntax trees.

use super::options::File;
use crate::manifest::{self, Contents, NotYaml};
use crate::report::Messages;
use crate::syntax::{Body, Parsed, Placement, Position, parse};

/// What files say.
#[derive(Default)]
pub(super) struct Read {
    /// Files that are configurations of Alloy are one together; each ConfigMap, and each chart's values, is another.
    pub(super) configurations: Vec<Body>,
    /// Where something cannot be read.
    pub(super) damaged: Vec<Position>,
    /// Whether the values of a chart say that Alloy runs as a cluster.
    pub(super) is_clustered: bool,
}

/// Reads files as far as possible.
pub(super) fn read(files: &[File], messages: &mut Messages) -> Read {
    let mut read = Read::default();
    let mut whole: Option<Body> = None;
    for (number, file) in files.iter().enumerate() {
        match kind(file, number) {
            Kind::Alloy => {
                let mut body = read.parsed(&file.text, Placement::Whole(number), messages);
                whole.get_or_insert_default().statements.append(&mut body.statements);
            }
            Kind::Yaml(Ok(Contents { configurations, is_clustered })) => {
                read.is_clustered |= is_clustered;
                if configurations.is_empty() {
                    let text = "there is no configuration of Alloy in this file: neither in `data` of a ConfigMap, with a \
                                key that ends in `.alloy`, nor in `alloy.configMap.content` of Helm values";
                    messages.error(Position { file: number, line: 1, column: 1 }, text);
                }
                for texts in &configurations {
                    let mut body = Body::default();
                    for embedded in texts {
                        let before = read.damaged.len();
                        let mut part = read.parsed(&embedded.text, embedded.placement, messages);
                        body.statements.append(&mut part.statements);
                        if read.damaged.len() > before && embedded.text.contains("{{") {
                            let text = "this configuration contains `{{`: if Helm renders it, import what `helm template` prints";
                            messages.info(embedded.placement.position(1, 1), text);
                        }
                    }
                    read.configurations.push(body);
                }
            }
            Kind::Yaml(Err(NotYaml { position, message })) => {
                let (line, column) = position.unwrap_or((1, 1));
                messages.error(Position { file: number, line, column }, message);
            }
        }
    }
    read.configurations.splice(0..0, whole);
    read
}

/// What a file is.
enum Kind {
    Alloy,
    Yaml(Result<Contents, NotYaml>),
}

/// Finds out what a file is: by its name, or else by its text.
fn kind(File { name, text }: &File, number: usize) -> Kind {
    if manifest::is_alloy(name) {
        return Kind::Alloy;
    }
    let is_yaml = [".yaml", ".yml", ".json"].iter().any(|extension| name.ends_with(extension));
    let looks_like_yaml =
        || text.lines().any(|line| line.starts_with("apiVersion:") || line.starts_with("alloy:"));
    let contents = manifest::contents(text, number);
    let carries = contents.as_ref().is_ok_and(|contents| !contents.configurations.is_empty());
    if is_yaml || carries || looks_like_yaml() { Kind::Yaml(contents) } else { Kind::Alloy }
}

impl Read {
    fn parsed(&mut self, text: &str, placement: Placement, messages: &mut Messages) -> Body {
        let Parsed { body, errors } = parse(text, placement);
        for error in errors {
            self.damaged.push(error.position);
            messages.error(error.position, error.message);
        }
        body
    }
}
