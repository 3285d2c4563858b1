//! What the daemon is measured against: the testkit's servers, or real ones.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use rulesync_testkit::{Detail, Fault, Kind, KubeServer, RulerServer};
use serde_json::Value;

use crate::args::Args;
use crate::failure::Failure;
use crate::objects::{self, NAMESPACE, OWNER};

/// How many requests the daemon may have in flight, and so the bare loop, too.
pub(crate) const MAX_IN_FLIGHT: usize = 8;

pub(crate) struct World {
    args: Args,
    cluster: Cluster,
    ruler: Ruler,
    tenant: String,
    bare_tenants: [String; 2],
    directory: PathBuf,
}

enum Cluster {
    Testkit(Vec<KubeServer>),
    Real { kubeconfig: PathBuf, client: kube::Client },
}

enum Ruler {
    Testkit(RulerServer),
    Real { url: String, client: reqwest::Client },
}

impl World {
    /// Starts what is to be started and loads all objects.
    pub(crate) async fn start(args: &Args) -> Result<Self, Failure> {
        let directory = std::env::temp_dir().join(format!("rulesync-bench-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        let cluster = match &args.kubeconfig {
            Some(kubeconfig) => {
                let options = kube::config::KubeConfigOptions::default();
                let file = kube::config::Kubeconfig::read_from(kubeconfig)?;
                let config = kube::Config::from_custom_kubeconfig(file, &options).await?;
                Cluster::Real { kubeconfig: kubeconfig.clone(), client: kube::Client::try_from(config)? }
            }
            None => {
                let mut servers = Vec::new();
                for _ in 0..args.clusters.max(1) {
                    // Compressing is work of the API server's machine, and here there is but one.
                    servers.push(KubeServer::builder().gzip(false).start().await?);
                }
                Cluster::Testkit(servers)
            }
        };
        let ruler = match &args.mimir {
            Some(url) => {
                let client = reqwest::Client::builder().no_proxy().build()?;
                Ruler::Real { url: url.trim_end_matches('/').to_owned(), client }
            }
            None => {
                let server = RulerServer::builder(Kind::Mimir).start().await?;
                if args.latency_ms > 0 {
                    server.faults().inject(Fault::latency(Duration::from_millis(args.latency_ms)));
                }
                Ruler::Testkit(server)
            }
        };
        let run = std::process::id();
        let world = Self {
            args: args.clone(),
            cluster,
            ruler,
            tenant: format!("bench-{run}"),
            bare_tenants: [1, 2].map(|turn| format!("bench-{run}-bare-{turn}")),
            directory,
        };
        world.load().await?;
        world.keep_lines_only();
        Ok(world)
    }

    async fn load(&self) -> Result<(), Failure> {
        let manifests = (0..self.args.objects)
            .map(|n| objects::manifest(n, self.args.groups, self.args.rules, 1, self.args.tenants));
        match &self.cluster {
            Cluster::Testkit(servers) => {
                for server in servers {
                    server.apply(serde_json::to_value(rulesync_k8s::rule_status_crd())?)?;
                    server.create_namespace(NAMESPACE, [])?;
                }
                for (server, manifest) in servers.iter().cycle().zip(manifests) {
                    server.apply(manifest)?;
                }
            }
            Cluster::Real { client, .. } => {
                let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
                let namespace: DynamicObject = serde_json::from_value(namespace)?;
                namespaces(client).create(&PostParams::default(), &namespace).await?;
                for manifest in manifests {
                    let object: DynamicObject = serde_json::from_value(manifest)?;
                    rules(client).create(&PostParams::default(), &object).await?;
                }
            }
        }
        Ok(())
    }

    /// Bodies of 30,000 requests would only fill this process's memory.
    fn keep_lines_only(&self) {
        if let Cluster::Testkit(servers) = &self.cluster {
            servers.iter().for_each(|server| server.journal().keep(Detail::Lines));
        }
        if let Ruler::Testkit(server) = &self.ruler {
            server.journal().keep(Detail::Lines);
        }
    }

    pub(crate) fn ruler_url(&self) -> String {
        match &self.ruler {
            Ruler::Testkit(server) => server.url(),
            Ruler::Real { url, .. } => url.clone(),
        }
    }

    /// Where the bare loop writes, before the first sync and after it.
    pub(crate) fn bare_tenants(&self) -> &[String; 2] {
        &self.bare_tenants
    }

    /// Writes the daemon's configuration.
    pub(crate) fn configure(&self, resync_interval: &str) -> Result<PathBuf, Failure> {
        let kubeconfigs = match &self.cluster {
            Cluster::Real { kubeconfig, .. } => vec![kubeconfig.clone()],
            Cluster::Testkit(servers) => {
                let paths: Vec<PathBuf> = (0..servers.len())
                    .map(|number| self.directory.join(format!("kubeconfig-{number}")))
                    .collect();
                for (path, server) in paths.iter().zip(servers) {
                    std::fs::write(path, server.kubeconfig())?;
                }
                paths
            }
        };
        let source = |(number, path): (usize, &PathBuf)| {
            format!("{{type: kubernetes, name: cluster-{number}, kubeconfig: '{}'}}", path.display())
        };
        let sources: Vec<String> = kubeconfigs.iter().enumerate().map(source).collect();
        let text = format!(
            "owner: {OWNER}\nclaim: off\nresync_interval: {resync_interval}\nstatus: {{objects: {}, events: off}}\nsources: [{}]\nrulers: [{{name: central, type: mimir, address: '{}', max_in_flight: {MAX_IN_FLIGHT}}}]\nroutes: [{}]\n",
            self.args.status.word(),
            sources.join(", "),
            self.ruler_url(),
            self.routes(kubeconfigs.len()).join(", "),
        );
        let path = self.directory.join("rulesync.yaml");
        let whole = self.directory.join("rulesync.yaml.new");
        std::fs::write(&whole, text)?;
        std::fs::rename(&whole, &path)?;
        Ok(path)
    }

    /// The routes: one for all objects, or one for each of several clusters.
    fn routes(&self, clusters: usize) -> Vec<String> {
        let route = |name: &str, tenant: &str, further: &str| {
            format!(
                "{{name: {name}, ruler: central, tenant: {tenant}{further}, rule_selector: {{match_labels: {{bench: 'true'}}}}}}"
            )
        };
        if clusters > 1 {
            let of_cluster = |number: usize| {
                let further = format!(", sources: [cluster-{number}]");
                route(&format!("cluster-{number}"), &self.tenant_of(number), &further)
            };
            return (0..clusters).map(of_cluster).collect();
        }
        if self.args.tenants > 1 {
            let (from, prefix) = (objects::TENANT, &self.tenant);
            let further = format!(
                ", tenant_pattern: '{prefix}-{{value}}', allow: [{{namespaces: [{NAMESPACE}], tenants: ['*']}}]"
            );
            return vec![route("all", &format!("{{from: label, key: {from}}}"), &further)];
        }
        vec![route("all", &self.tenant, "")]
    }

    /// Changes one rule of one object; the time until the ruler has it.
    pub(crate) async fn change(&self, number: usize, version: usize) -> Result<Duration, Failure> {
        let manifest =
            objects::manifest(number, self.args.groups, self.args.rules, version, self.args.tenants);
        let seen = match &self.ruler {
            Ruler::Testkit(server) => server.journal().len(),
            Ruler::Real { .. } => 0,
        };
        let start = Instant::now();
        self.apply(number, manifest).await?;
        match &self.ruler {
            Ruler::Testkit(server) => server.journal().wait_until(|requests| requests.len() > seen).await,
            Ruler::Real { url, client } => {
                let group = format!("{}/service-{number}-0", objects::namespace(number));
                let url = format!("{url}/prometheus/config/v1/rules/{group}");
                let expected = format!("> 0.{version:03}");
                loop {
                    let answer =
                        client.get(&url).header("X-Scope-OrgID", self.tenant_of(number)).send().await?;
                    if answer.text().await?.contains(&expected) {
                        break;
                    }
                }
            }
        }
        Ok(start.elapsed())
    }

    /// Gives the first objects one more group, which is refused.
    pub(crate) async fn refuse(&self, number: usize) -> Result<(), Failure> {
        for number in 0..number {
            let manifest = objects::refused(number, self.args.groups, self.args.rules, self.args.tenants);
            self.apply(number, manifest).await?;
        }
        Ok(())
    }

    async fn apply(&self, number: usize, manifest: Value) -> Result<(), Failure> {
        match &self.cluster {
            Cluster::Testkit(servers) => drop(servers[number % servers.len()].apply(manifest)?),
            Cluster::Real { client, .. } => {
                let patch = PatchParams::default();
                rules(client).patch(&objects::name(number), &patch, &Patch::Merge(&manifest)).await?;
            }
        }
        Ok(())
    }

    /// Where the daemon writes an object's groups.
    fn tenant_of(&self, number: usize) -> String {
        match self.args.tenants.max(self.args.clusters) {
            0 | 1 => self.tenant.clone(),
            tenants => format!("{}-{}", self.tenant, number % tenants),
        }
    }

    /// Leaves nothing behind in real servers.
    pub(crate) async fn clean_up(&self) -> Result<(), Failure> {
        if let Ruler::Real { url, client } = &self.ruler {
            for number in 0..self.args.objects {
                for tenant in self.bare_tenants.iter().chain([&self.tenant_of(number)]) {
                    let url = format!("{url}/prometheus/config/v1/rules/{}", objects::namespace(number));
                    client.delete(url).header("X-Scope-OrgID", tenant).send().await?;
                }
            }
        }
        if let Cluster::Real { client, .. } = &self.cluster {
            namespaces(client).delete(NAMESPACE, &DeleteParams::default()).await?;
        }
        remove(&self.directory);
        Ok(())
    }
}

fn remove(directory: &Path) {
    // A leftover in the temporary directory is no failure of a measurement.
    let _ = std::fs::remove_dir_all(directory);
}

fn rules(client: &kube::Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PrometheusRule");
    Api::namespaced_with(client.clone(), NAMESPACE, &ApiResource::from_gvk(&kind))
}

fn namespaces(client: &kube::Client) -> Api<DynamicObject> {
    Api::all_with(client.clone(), &ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Namespace")))
}
