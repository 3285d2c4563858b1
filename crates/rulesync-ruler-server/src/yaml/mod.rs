//! YAML as Go's `yaml.v3` reads and writes it.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod natural;
pub(crate) mod poison;
pub(crate) mod render;
pub(crate) mod style;
