//! Configurations of Grafana Alloy in place of rulesync's own. Each becomes YAML, whose errors are reported where Alloy's
//! configuration says what is wrong.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::{ConfigError, ConfigErrors};

/// Returns whether a file is a configuration of Grafana Alloy, by its name. Such a file names no owner.
pub fn is_alloy(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "alloy")
}

/// The line and column in Alloy's configuration that each line of the YAML was made of.
pub(crate) type Places = Arc<[Option<(u64, u64)>]>;

/// A configuration that was made of Alloy's.
#[derive(Debug)]
pub(crate) struct Converted {
    pub(crate) yaml: String,
    pub(crate) places: Places,
    /// What behaves in another way than in Alloy.
    pub(crate) warnings: Vec<String>,
}

/// Makes a configuration of Alloy's. `shown` is the name of its file.
///
/// # Errors
///
/// All that cannot be used, each with its position; or that the owner is missing.
#[cfg(feature = "alloy")]
pub(crate) fn convert(
    text: &str,
    shown: &str,
    owner: Option<&str>,
    environment: &HashMap<String, String>,
) -> Result<Converted, ConfigErrors> {
    use rulesync_alloy::{File, Import, Options, Place, Severity, import};

    let Some(owner) = owner else {
        let hint = "give one with `--owner NAME`: a DNS label, which no other installation has that writes to the same \
                    tenants";
        let message = "the owner is missing, which no configuration of Alloy names";
        return Err(ConfigError::new(shown, None, message, Some(hint.to_owned())).into());
    };
    let position = |place: &Place| {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        (count(place.line), count(place.column))
    };
    let environment = environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let options = Options { owner: owner.to_owned(), environment: Some(environment), ..Options::default() };
    let file = File { name: shown.to_owned(), text: text.to_owned() };
    let Import { configuration, report, .. } = import(&[file], &options);
    let errors = report.of(Severity::Error).map(|message| {
        ConfigError::new(shown, message.place.as_ref().map(position), message.text.as_str(), None)
    });
    if let Some(errors) = ConfigErrors::of(errors.collect()) {
        return Err(errors);
    }
    let Some(configuration) = configuration else {
        return Err(ConfigError::new(shown, None, report.outcome, None).into());
    };
    let warning = |message: &rulesync_alloy::Message| match message.place.as_ref().map(position) {
        Some((line, column)) => format!("{line}:{column}: {}", message.text),
        None => message.text.clone(),
    };
    let mut warnings: Vec<String> = report.of(Severity::Warning).map(warning).collect();
    if report.deployment_patch.is_some() {
        warnings.push(
            "Secrets and ConfigMaps that the configuration refers to must be mounted, or be environment variables: \
             `rulesync import alloy` prints what the Deployment needs"
                .to_owned(),
        );
    }
    let lines = configuration.yaml.lines().count();
    let places = (1..=lines).map(|line| configuration.place(line).map(position)).collect();
    Ok(Converted { yaml: configuration.yaml, places, warnings })
}

/// Refuses the file: this build does not know the language.
#[cfg(not(feature = "alloy"))]
pub(crate) fn convert(
    _: &str,
    shown: &str,
    _: Option<&str>,
    _: &HashMap<String, String>,
) -> Result<Converted, ConfigErrors> {
    let message = "configurations of Alloy are not compiled into this build";
    let hint = "build rulesync-config with the cargo feature `alloy`".to_owned();
    Err(ConfigError::new(shown, None, message, Some(hint)).into())
}

#[cfg(test)]
#[cfg(all(feature = "alloy", feature = "kubernetes", feature = "mimir"))]
mod tests {
    use crate::Config;

    /// The errors of an Alloy configuration in a file `a.alloy`, as `line:column: message`.
    async fn errors(text: &str, owner: Option<&str>) -> String {
        errors_in("a.alloy", text, owner).await
    }

    async fn errors_in(name: &str, text: &str, owner: Option<&str>) -> String {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        let result = match Config::read_with_owner(&path, owner).await {
            Ok(config) => config.validate().map(drop),
            Err(errors) => Err(errors),
        };
        result.err().map_or_else(String::new, |errors| {
            errors.to_string().replace(&format!("{}:", path.display()), "").trim().to_owned()
        })
    }

    const COMPONENT: &str = "mimir.rules.kubernetes \"a\" {\n  address = \"http://m\"\n}\n";

    #[tokio::test]
    async fn alloy_needs_an_owner() {
        assert!(errors(COMPONENT, None).await.starts_with("the owner is missing"));
        assert_eq!(errors(COMPONENT, Some("prod-eu")).await, "");
        assert!(errors(COMPONENT, Some("Prod")).await.contains("Prod"));
    }

    #[tokio::test]
    async fn alloy_reports_errors_where_they_stand_in_its_file() {
        let text = "mimir.rules.kubernetes \"a\" {\n  address = foo.bar\n}\n";
        assert!(errors(text, Some("us")).await.starts_with("2:13: `address`: `foo.bar` cannot be imported"));
        // What only the check of the whole finds.
        let text = "mimir.rules.kubernetes \"a\" {\n  address   = \"http://m\"\n  tenant_id = \"a/b\"\n}\n";
        let found = errors(text, Some("us")).await;
        assert!(found.starts_with("3:15: ") && found.contains("a/b"), "{found}");
        let text = "mimir.rules.kubernetes \"a\" {\n  address =\n    sys.env(\"RULESYNC_TEST_NOT_SET\")\n}\n";
        let found = errors(text, Some("us")).await;
        assert!(found.starts_with("3:5: not set in the environment"), "{found}");
    }

    #[tokio::test]
    async fn owner_is_given_by_the_file_or_beside_it() {
        let rest = "sources: [{type: kubernetes}]\nrulers: [{name: a, type: mimir, address: 'http://a'}]\n\
                    routes: [{name: all, ruler: a}]\n";
        assert_eq!(errors_in("a.yaml", rest, Some("us")).await, "");
        assert!(errors_in("a.yaml", rest, None).await.contains("`owner` is missing"));
        let twice = errors_in("a.yaml", &format!("owner: us\n{rest}"), Some("us")).await;
        assert!(twice.starts_with("1:1: `owner` stands here") && twice.contains("`--owner`"), "{twice}");
    }
}
