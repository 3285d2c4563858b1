//! Where rules are: a configuration with all its routes, or one ruler and tenant by flags and environment. Both become a
//! [`ValidConfig`], so that everything goes the same way from here.

mod choice;
mod destination;
mod document;
mod flags;
mod settings;
mod stdin;
mod variables;

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use rulesync_config::{
    App, Config, ConfigError, ConfigErrors, INVENTORY_FILE, Options, ValidConfig, is_alloy,
};
use rulesync_core::TenantId;
use rulesync_core::model::DestinationId;

pub(crate) use destination::Destination;
pub(crate) use flags::{ConnectionArgs, OwnerArgs};

use crate::failure::Failure;
use document::{Document, NOBODY, Ownership};
use flags::{NamingKind, RulerArgs};
use settings::RulerSettings;
use stdin::Stdin;
use variables::Given;

/// The name of a configuration that is made of flags, where one has to be shown.
const FLAGS: &str = "flags";

/// A configuration, and what it needs as long as it is in use.
pub(crate) struct Configuration {
    config: ValidConfig,
    /// The flags that it is made of.
    document: Option<Document>,
    _stdin: Option<Stdin>,
}

impl Configuration {
    /// The configuration.
    pub(crate) fn config(&self) -> &ValidConfig {
        &self.config
    }

    /// Makes everything that a run needs.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] for flags, [`Failure::Config`] for the configuration.
    pub(crate) async fn build(&self, options: Options) -> Result<App, Failure> {
        self.config.clone().build(options).await.map_err(|errors| failure(errors, self.document.as_ref()))
    }
}

impl ConnectionArgs {
    /// Returns the configuration that brings the files at these paths in order, or the one that was named.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] for flags, [`Failure::Config`] for the configuration.
    pub(crate) async fn configuration(
        &self,
        owner: &OwnerArgs,
        paths: &[PathBuf],
    ) -> Result<Configuration, Failure> {
        let environment = environment();
        if let Some(config) = self.config(&environment)? {
            if !paths.is_empty() || owner.describes_a_configuration() {
                let message = "--config says which rules they are and where they are declared: give it alone, or \
                               paths and flags without it";
                return Err(Failure::Usage(message.to_owned()));
            }
            let mut config = Config::read_with_owner(&config, owner.owner.as_deref()).await?.validate()?;
            if !owner.adopt.is_empty() {
                config = config.adopting(&owner.adopt);
            }
            return Ok(Configuration { config, document: None, _stdin: None });
        }
        let mut settings = self.settings(&environment)?;
        let named = |flag: &str, given: &Option<String>, name: &str| {
            let given = given.as_ref().map(|text| Given::flag(flag, text.as_str()));
            given.or_else(|| variables::own(&environment, name))
        };
        let mut ownership = Ownership {
            owner: named("owner", &owner.owner, "OWNER"),
            installation: named("installation", &owner.installation, "INSTALLATION"),
            selector: owner.selector.clone(),
            naming: owner.naming.map_or_else(|| naming(&environment), |naming| Ok(Some(naming)))?,
            inventory: named("inventory", &owner.inventory.as_deref().map(shown), "INVENTORY"),
            adopt: owner.adopt.clone(),
        };
        if ownership.owner.is_none() {
            let message = "whose rules? Give --owner, or RULESYNC_OWNER: a name of your own, since everything under it in \
                           the tenant is deleted unless it is declared";
            return Err(Failure::Usage(message.to_owned()));
        }
        if paths.is_empty() {
            return Err(Failure::Usage("which rules? Give files or directories, or --config".to_owned()));
        }
        if !paths.iter().any(|path| path.as_os_str() == "-") {
            let document = Document::new(&settings, &ownership, paths);
            let config = validate(&document, Path::new(FLAGS))?;
            readable(paths)?;
            return Ok(Configuration { config, document: Some(document), _stdin: None });
        }
        if paths.len() > 1 || self.reads_secret_from_stdin() {
            let message = "standard input can be one thing only: the rules, without other paths, or a secret";
            return Err(Failure::Usage(message.to_owned()));
        }
        let stdin = Stdin::read()?;
        settings.make_files_absolute();
        // The configuration is in a directory that goes with the process.
        let inventory = ownership.inventory.take().or_else(|| {
            let is_verbatim = ownership.naming == Some(NamingKind::Verbatim);
            is_verbatim.then(|| Given::flag("inventory", INVENTORY_FILE))
        });
        ownership.inventory = inventory.map(Given::into_absolute);
        let document = Document::new(&settings, &ownership, &[stdin.path()]);
        let config = validate(&document, &stdin.base().join(FLAGS))?;
        Ok(Configuration { config, document: Some(document), _stdin: Some(stdin) })
    }

    /// Connects to one ruler and tenant. With a configuration, `destination` says which, unless it has only one.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] for flags, [`Failure::Config`] for the configuration.
    pub(crate) async fn destination(&self, destination: Option<&str>) -> Result<Destination, Failure> {
        let environment = environment();
        if let Some(config) = self.config(&environment)? {
            // One of Grafana Alloy names no owner, which does not matter here.
            let owner = is_alloy(&config).then_some(NOBODY);
            let config = Config::read_with_owner(&config, owner).await?.validate()?;
            let id = choice::choose(config.routes(), destination).map_err(Failure::Usage)?;
            return open(&config, None, id).await;
        }
        if destination.is_some() {
            return Err(Failure::Usage(
                "--destination chooses one of a configuration: give --config".to_owned(),
            ));
        }
        let settings = self.settings(&environment)?;
        let document = Document::new(&settings, &Ownership::default(), &[PathBuf::from(".")]);
        let config = validate(&document, Path::new(FLAGS))?;
        let tenant = settings.tenant.as_ref().map(|given| {
            let parsed: Result<TenantId, _> = given.text.parse();
            parsed.map_err(|error| Failure::Usage(format!("{}: {error}", given.origin)))
        });
        open(
            &config,
            Some(&document),
            DestinationId { ruler: settings.kind.name().into(), tenant: tenant.transpose()? },
        )
        .await
    }

    /// The configuration, unless flags say where.
    fn config(&self, environment: &HashMap<String, String>) -> Result<Option<PathBuf>, Failure> {
        let flags = self.ruler.given();
        match &self.config {
            Some(_) if !flags.is_empty() => {
                let flags = flags.join(", ");
                Err(Failure::Usage(format!("--config says where and how: give it without {flags}")))
            }
            Some(config) => Ok(Some(config.clone())),
            None if !flags.is_empty() => Ok(None),
            None => Ok(variables::own(environment, "CONFIG").map(|given| given.text.into())),
        }
    }

    fn settings(&self, environment: &HashMap<String, String>) -> Result<RulerSettings, Failure> {
        let stdin = self.reads_secret_from_stdin().then(read_secret).transpose()?;
        RulerSettings::resolve(&self.ruler, environment, stdin.as_deref()).map_err(Failure::Usage)
    }

    /// Returns whether a secret comes from standard input, where nothing else can come from then.
    pub(crate) fn reads_secret_from_stdin(&self) -> bool {
        let RulerArgs { key_file, auth_token_file, .. } = &self.ruler;
        [key_file, auth_token_file].into_iter().flatten().any(|file| file.as_os_str() == "-")
    }
}

/// Checks that paths are there and can be read, before anything is done with them: a run would go on without their rules.
fn readable(paths: &[PathBuf]) -> Result<(), Failure> {
    for path in paths.iter().filter(|path| path.as_os_str() != "-" && !rulesync_fs::is_inherited(path)) {
        let opened = std::fs::metadata(path).and_then(|metadata| {
            if metadata.is_dir() {
                path.read_dir().map(drop)
            } else if metadata.is_file() {
                std::fs::File::open(path).map(drop)
            } else {
                // Opening a pipe waits for its other end.
                Ok(())
            }
        });
        opened.map_err(|error| Failure::unreadable(path, &error))?;
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn naming(environment: &HashMap<String, String>) -> Result<Option<NamingKind>, Failure> {
    let Some(given) = variables::own(environment, "NAMING") else { return Ok(None) };
    let parsed = <NamingKind as clap::ValueEnum>::from_str(&given.text, false);
    parsed.map(Some).map_err(|_| Failure::Usage(format!("{} must be owner or verbatim", given.origin)))
}

/// The longest secret that is read from standard input.
const MAX_SECRET_BYTES: u64 = 1 << 20;

fn read_secret() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_SECRET_BYTES).read_to_string(&mut text);
    read.map(|_| text)
        .map_err(|error| Failure::Usage(format!("cannot read the secret from standard input: {error}")))
}

fn environment() -> HashMap<String, String> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
}

/// Validates a configuration that is made of flags. Its errors are those of the flags.
/// Relative paths in it are relative to the directory of `path`.
fn validate(document: &Document, path: &Path) -> Result<ValidConfig, Failure> {
    let config = Config::parse(&document.text, path, document.secrets.clone());
    config.and_then(|config| config.validate()).map_err(|errors| failure(errors, Some(document)))
}

/// Returns the failure for errors of a configuration: those of the flags, if it is made of flags.
fn failure(errors: ConfigErrors, document: Option<&Document>) -> Failure {
    let Some(document) = document else { return errors.into() };
    let message = |error: &ConfigError| {
        let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        match error.line().and_then(|line| document.origin(line)) {
            Some(origin) => format!("{origin}: {}{hint}", error.message()),
            None => format!("{}{hint}", error.message()),
        }
    };
    Failure::Usage(errors.iter().map(message).collect::<Vec<_>>().join("; "))
}

async fn open(
    config: &ValidConfig,
    document: Option<&Document>,
    id: DestinationId,
) -> Result<Destination, Failure> {
    let opened = config.open_ruler(&id.ruler).await;
    match opened.map_err(|errors| failure(errors, document))? {
        Some(ruler) => Ok(Destination::new(ruler, id)),
        None => Err(Failure::Usage(format!("the configuration has no ruler `{}`", id.ruler))),
    }
}
