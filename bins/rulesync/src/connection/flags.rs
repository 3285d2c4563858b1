//! The flags that say where: a configuration, or one ruler and tenant.

use std::path::PathBuf;

use clap::ValueEnum;
use rulesync_core::TenantId;
use rulesync_core::route::Selector;

use crate::input::selector;

/// The headings of these flags in the help of a verb.
const WHERE: &str = "Where";
const WHICH: &str = "Which";

/// A kind of ruler that one set of flags can describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RulerKind {
    /// Grafana Mimir.
    Mimir,
    /// Grafana Loki.
    Loki,
    /// Cortex.
    Cortex,
}

/// A naming of a ruler's namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NamingKind {
    /// OWNER.KUBERNETES_NAMESPACE.NAME.
    Owner,
    /// As mimirtool has it: the `namespace` of a rule file, or its name without the extension.
    Verbatim,
}

/// Where rules are: a configuration, or one ruler and tenant.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ConnectionArgs {
    /// A configuration with its rulers and routes, in place of the flags below [env: RULESYNC_CONFIG]
    #[arg(help_heading = WHERE, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) ruler: RulerArgs,

    /// The tenant, sent as X-Scope-OrgID; without it, no such header is sent [env: RULESYNC_TENANT_ID]
    #[arg(help_heading = WHERE, long, alias = "id", value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
}

/// Which rulers, and which of their tenants: those of a configuration, or one ruler.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct FleetArgs {
    /// A configuration with its rulers and the tenants that its routes name, in place of the flags below [env:
    /// RULESYNC_CONFIG]
    #[arg(help_heading = WHERE, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) ruler: RulerArgs,

    /// A tenant; can be given several times. With --config, of each ruler that has tenants, in place of those that routes
    /// name. Without any, no such header is sent [env: RULESYNC_TENANT_ID, without --config]
    #[arg(help_heading = WHERE, long = "tenant", alias = "id", value_name = "TENANT")]
    pub(crate) tenants: Vec<TenantId>,

    /// Ask the rulers for all their tenants, which Mimir and Cortex tell by their admin API. With --config, other rulers
    /// have those that routes name.
    #[arg(help_heading = WHERE, long, conflicts_with = "tenants")]
    pub(crate) all_tenants: bool,
}

/// One ruler. A flag wins over the variable in brackets, and that over the variable of mimirtool, lokitool or
/// cortextool for the same, such as MIMIR_ADDRESS. No secret is a flag: process lists show those.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct RulerArgs {
    /// The base URL of the ruler [env: RULESYNC_ADDRESS]
    #[arg(help_heading = WHERE, long, value_name = "URL")]
    pub(crate) address: Option<String>,

    /// The kind of ruler; by default the one whose variables are set, else mimir [env: RULESYNC_RULER]
    #[arg(help_heading = WHERE, long, value_name = "KIND")]
    pub(crate) ruler: Option<RulerKind>,

    /// The user for basic authentication; by default the tenant, if there is a key [env: RULESYNC_API_USER]
    #[arg(help_heading = WHERE, long, value_name = "USER")]
    pub(crate) user: Option<String>,

    /// A file with the password for basic authentication, or `-` for standard input [env: RULESYNC_API_KEY has the
    /// password itself]
    #[arg(help_heading = WHERE, long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,

    /// A file with a bearer token, or `-` for standard input [env: RULESYNC_AUTH_TOKEN has the token itself]
    #[arg(help_heading = WHERE, long, value_name = "FILE", conflicts_with = "key_file")]
    pub(crate) auth_token_file: Option<PathBuf>,

    /// Certificates to trust in place of the system's [env: RULESYNC_TLS_CA_PATH]
    #[arg(help_heading = WHERE, long, value_name = "FILE")]
    pub(crate) tls_ca_path: Option<String>,

    /// The client certificate [env: RULESYNC_TLS_CERT_PATH]
    #[arg(help_heading = WHERE, long, value_name = "FILE")]
    pub(crate) tls_cert_path: Option<String>,

    /// The key of the client certificate [env: RULESYNC_TLS_KEY_PATH]
    #[arg(help_heading = WHERE, long, value_name = "FILE")]
    pub(crate) tls_key_path: Option<String>,

    /// Accept any certificate [env: RULESYNC_TLS_INSECURE_SKIP_VERIFY]
    #[arg(help_heading = WHERE, long)]
    pub(crate) tls_insecure_skip_verify: bool,

    /// The server's -http.prometheus-http-prefix, of mimir only [env: RULESYNC_PROMETHEUS_HTTP_PREFIX]
    #[arg(help_heading = WHERE, long, value_name = "PATH")]
    pub(crate) prometheus_http_prefix: Option<String>,
}

impl RulerArgs {
    /// Returns the flags that are given.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let Self {
            address,
            ruler,
            user,
            key_file,
            auth_token_file,
            tls_ca_path,
            tls_cert_path,
            tls_key_path,
            tls_insecure_skip_verify,
            prometheus_http_prefix,
        } = self;
        let flags = [
            ("--address", address.is_some()),
            ("--ruler", ruler.is_some()),
            ("--user", user.is_some()),
            ("--key-file", key_file.is_some()),
            ("--auth-token-file", auth_token_file.is_some()),
            ("--tls-ca-path", tls_ca_path.is_some()),
            ("--tls-cert-path", tls_cert_path.is_some()),
            ("--tls-key-path", tls_key_path.is_some()),
            ("--tls-insecure-skip-verify", *tls_insecure_skip_verify),
            ("--prometheus-http-prefix", prometheus_http_prefix.is_some()),
        ];
        flags.into_iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| flag).collect()
    }
}

/// Which rules are written, and whose they are, where no configuration says it.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct OwnerArgs {
    /// The owner of the rules: a name of your own, since everything under it in the tenant is deleted unless it is
    /// declared. With --config, for one that names none, such as one of Grafana Alloy [env: RULESYNC_OWNER, without
    /// --config]
    #[arg(help_heading = WHICH, long, value_name = "NAME")]
    pub(crate) owner: Option<String>,

    /// How namespaces of the ruler are named; by default `owner` [env: RULESYNC_NAMING]
    #[arg(help_heading = WHICH, long, value_name = "NAMING")]
    pub(crate) naming: Option<NamingKind>,

    /// The file that records what was written; by default .rulesync/ledger.json where `verbatim` needs it [env:
    /// RULESYNC_INVENTORY]
    #[arg(help_heading = WHICH, long, value_name = "FILE")]
    pub(crate) inventory: Option<PathBuf>,

    /// Take over namespaces of others, with `*` for any text: groups that equal declared ones.
    #[arg(help_heading = WHICH, long, value_name = "NAMESPACE")]
    pub(crate) adopt: Vec<String>,

    /// Take objects with these labels only, such as `team=shop,tier in (a, b)`. The others count as not declared: what this
    /// owner has of them in the ruler is deleted.
    #[arg(help_heading = WHICH, short = 'l', long, value_name = "SELECTOR", value_parser = selector::parse)]
    pub(crate) selector: Option<Selector>,

    /// A name that tells this installation from others of the same owner. With it, the tenant is claimed, and not written
    /// if another has claimed it; without it, claims are neither made nor respected [env: RULESYNC_INSTALLATION]
    #[arg(help_heading = WHICH, long, value_name = "NAME")]
    pub(crate) installation: Option<String>,
}

impl OwnerArgs {
    /// Returns whether any of them is given that every configuration has by itself: all but the owner, which one of
    /// Grafana Alloy does not have.
    pub(crate) fn describes_a_configuration(&self) -> bool {
        let Self { owner: _, naming, inventory, adopt: _, selector, installation } = self;
        naming.is_some() || inventory.is_some() || selector.is_some() || installation.is_some()
    }
}
