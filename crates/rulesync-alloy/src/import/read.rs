//! From files to one syntax tree.

use super::options::File;
use crate::manifest::{self, Contents, NotYaml};
use crate::report::Messages;
use crate::syntax::{Body, Parsed, Placement, Position, parse};

/// What files say together.
pub(super) struct Read {
    pub(super) body: Body,
    /// Whether the values of a chart say that Alloy runs as a cluster.
    pub(super) is_clustered: bool,
}

/// Reads files as far as possible.
pub(super) fn read(files: &[File], messages: &mut Messages) -> Read {
    let mut read = Read { body: Body::default(), is_clustered: false };
    for (number, File { name, text }) in files.iter().enumerate() {
        let mut add = |text: &str, placement: Placement| {
            let Parsed { body, errors } = parse(text, placement);
            errors.into_iter().for_each(|error| messages.error(error.position, error.message));
            read.body.statements.extend(body.statements);
        };
        let is_yaml = [".yaml", ".yml", ".json"].iter().any(|extension| name.ends_with(extension));
        let contents = if manifest::is_alloy(name) { None } else { Some(manifest::contents(text, number)) };
        match contents {
            Some(Ok(Contents { configurations, is_clustered })) if is_yaml || !configurations.is_empty() => {
                read.is_clustered |= is_clustered;
                for embedded in &configurations {
                    add(&embedded.text, embedded.placement);
                }
                if configurations.is_empty() {
                    let text = "there is no configuration of Alloy in this file: neither in `data` of a ConfigMap, with a \
                                key that ends in `.alloy`, nor in `alloy.configMap.content` of Helm values";
                    messages.error(Position { file: number, line: 1, column: 1 }, text);
                }
            }
            Some(Err(NotYaml { position, message })) if is_yaml => {
                let (line, column) = position.unwrap_or((1, 1));
                messages.error(Position { file: number, line, column }, message);
            }
            _ => add(text, Placement::Whole(number)),
        }
    }
    read
}
