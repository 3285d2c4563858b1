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

/// Makes a source.
///
/// # Errors
///
/// The key at fault, and why.
pub(super) async fn source(
    settings: &SourceSettings,
    context: SourceContext<'_>,
) -> Result<Arc<dyn Source>, (&'static str, String)> {
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
            Ok(Arc::new(source))
        }
        #[cfg(feature = "files")]
        SourceKind::Files { path, glob } => {
            // Shown as written: who wrote the configuration knows the files by this path.
            let source = rulesync_files::FilesSource::new(directory.join(path)).shown_as(path);
            let source = source.memory(context.memory.clone());
            let source = if glob.is_empty() { Ok(source) } else { source.glob(glob) };
            Ok(Arc::new(source.map_err(|error| ("glob", error.to_string()))?))
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
