//! Makes sources.

use std::path::Path;
use std::sync::Arc;

use rulesync_core::Source;

use crate::settings::{SourceKind, SourceSettings};

/// What a source needs besides its settings.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceContext<'a> {
    pub(super) directory: &'a Path,
    /// The kinds of objects to look for.
    pub(super) kinds: &'a [String],
    #[cfg(feature = "files")]
    pub(super) memory: &'a rulesync_files::FileMemory,
}

/// A source that was made.
#[derive(Debug)]
pub(super) struct MadeSource {
    pub(super) source: Arc<dyn Source>,
    /// The same, if its objects can be told what has become of them.
    #[cfg(feature = "kubernetes")]
    pub(super) kubernetes: Option<rulesync_k8s::KubernetesSource>,
}

/// Makes a source.
///
/// # Errors
///
/// The key at fault, and why.
pub(super) async fn source(
    settings: &SourceSettings,
    context: SourceContext<'_>,
) -> Result<MadeSource, (&'static str, String)> {
    let SourceContext { directory, kinds, .. } = context;
    match &settings.kind {
        #[cfg(feature = "kubernetes")]
        SourceKind::Kubernetes { kubeconfig, namespaces } => {
            let config = rulesync_k8s::KubernetesConfig {
                kubeconfig: kubeconfig.clone(),
                namespaces: namespaces.clone(),
                kinds: kinds.to_vec(),
                ..rulesync_k8s::KubernetesConfig::default()
            };
            let source = rulesync_k8s::KubernetesSource::connect(config).await;
            let source = source.map_err(|error| ("kubeconfig", error.to_string()))?;
            Ok(MadeSource { source: Arc::new(source.clone()), kubernetes: Some(source) })
        }
        #[cfg(feature = "files")]
        SourceKind::Files { path, glob } => {
            // Shown as written: who wrote the configuration knows the files by this path.
            let source = rulesync_files::FilesSource::new(directory.join(path)).shown_as(path);
            let source = source.memory(context.memory.clone());
            let source = if glob.is_empty() { Ok(source) } else { source.glob(glob) };
            let source = Arc::new(source.map_err(|error| ("glob", error.to_string()))?);
            Ok(MadeSource {
                source,
                #[cfg(feature = "kubernetes")]
                kubernetes: None,
            })
        }
        #[cfg(not(all(feature = "kubernetes", feature = "files")))]
        _ => {
            let _ = (directory, kinds);
            Err(("type", "is not compiled into this build".to_owned()))
        }
    }
}

impl SourceSettings {
    /// Returns whether the source is told which kinds of objects to look for.
    pub(super) fn has_kinds(&self) -> bool {
        matches!(self.kind, SourceKind::Kubernetes { .. })
    }
}
