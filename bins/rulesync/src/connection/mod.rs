//! Where rules are: a configuration with all its routes, or one ruler by flags and environment. Both become a
//! [`ValidConfig`], so that everything goes the same way from here.

mod choice;
mod destination;
mod document;
mod flags;
mod fleet;
mod opening;
mod settings;
mod stdin;
mod variables;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rulesync_config::{App, Config, INVENTORY_FILE, Options, ValidConfig, is_alloy};
use rulesync_core::model::DestinationId;

pub(crate) use destination::{Destination, Stored};
pub(crate) use flags::{ConnectionArgs, FleetArgs, OwnerArgs};
pub(crate) use fleet::{ReadFleet, Unread};

use crate::failure::Failure;
use document::{Document, NOBODY, Ownership};
use flags::NamingKind;
use opening::{FLAGS, config, environment, failure, open, tenant, validate};
use settings::RulerSettings;
use stdin::Stdin;
use variables::Given;

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
        let id = DestinationId { ruler: settings.kind.name().into(), tenant: tenant(&settings)? };
        open(&config, Some(&document), id).await
    }

    /// The configuration, unless flags say where.
    fn config(&self, environment: &HashMap<String, String>) -> Result<Option<PathBuf>, Failure> {
        let tenant = self.tenant.as_ref().map(|_| "--tenant");
        config(self.config.as_ref(), self.ruler.given().into_iter().chain(tenant), environment)
    }

    fn settings(&self, environment: &HashMap<String, String>) -> Result<RulerSettings, Failure> {
        self.ruler.settings(self.tenant.as_ref(), environment)
    }

    /// Returns whether a secret comes from standard input, where nothing else can come from then.
    pub(crate) fn reads_secret_from_stdin(&self) -> bool {
        self.ruler.reads_secret_from_stdin()
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
