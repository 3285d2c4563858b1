//! The state API, and the other pages about a ruler's status: all tenants, build information.

mod document;
mod filter;
mod stamp;

use http::{HeaderMap, header};
use rulesync_expr::logql;
use serde_json::{Value, json};

use self::document::Health;
use crate::{
    evaluation::Evaluation,
    http::{answer::Answer, query},
    model::{
        group::{StoredGroup, StoredRule},
        kind::{ConfigRoutes, Dialect, StateStyle},
    },
    settings::Settings,
    storage::{
        Storage,
        store::{Namespaces, Tenant},
    },
    yaml::render,
};

/// The API of one ruler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StateApi<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) storage: &'a Storage,
    pub(crate) evaluation: &'a Evaluation,
}

impl StateApi<'_> {
    /// The loaded rules and their health.
    ///
    /// # Errors
    /// The answer to an invalid query, or Mimir's answer if evaluation is disabled.
    pub(crate) fn rules(&self, tenant: &str, query: &str) -> Result<Answer, Answer> {
        let style = self.settings.profile.state;
        let filter = filter::filter(&query::pairs(query), style)
            .map_err(|error| Answer::error(&self.settings.profile, 400, "bad_data", &error))?;
        let evaluated = !self.settings.unevaluated.contains(tenant);
        if !evaluated && style == StateStyle::Mimir {
            let error = format!("rule evaluation is disabled for tenant {tenant}");
            return Err(Answer::error(&self.settings.profile, 422, "execution", &error));
        }
        let loaded = if evaluated { self.storage.lock().loaded(tenant) } else { Namespaces::new() };
        let evaluates = self.evaluation.runs();
        let logs = self.settings.profile.dialect == Dialect::LogQl;
        let health = |namespace: &str, group: &StoredGroup, index: usize| match self.evaluation.error(
            tenant,
            namespace,
            &group.name,
            index,
        ) {
            Some(error) => Health::Err(error),
            None if !evaluates => Health::Unknown,
            None if logs && group.rules.get(index).is_some_and(is_log_query) => {
                Health::Err("rule result is not a vector or scalar".to_owned())
            }
            None => Health::Ok,
        };
        let rules = document::rules(&loaded, &filter, style, &health, self.evaluation.now());
        let data = serde_json::to_string(&rules).map_err(|error| Answer::text(500, &error.to_string()))?;
        Ok(self.success(&data))
    }

    /// The active alerts; always empty.
    pub(crate) fn alerts(&self) -> Answer {
        self.success(r#"{"alerts":[]}"#)
    }

    fn success(&self, data: &str) -> Answer {
        let tail = match self.settings.profile.state {
            StateStyle::Mimir | StateStyle::Loki => r#","errorType":"","error":"""#,
            StateStyle::Cortex => "",
        };
        Answer::json(200, &format!(r#"{{"status":"success","data":{data}{tail}}}"#))
    }

    /// The groups of all tenants.
    pub(crate) fn all_tenants(&self) -> Answer {
        let store = self.storage.lock();
        let part = |(name, tenant): (&String, &Tenant)| {
            let namespaces: Vec<(&str, Vec<&StoredGroup>)> = tenant
                .namespaces
                .iter()
                .map(|(name, groups)| (name.as_str(), groups.values().map(|entry| &entry.group).collect()))
                .collect();
            render::tenant(name, &namespaces).into()
        };
        Answer::yaml(store.tenants().map(part).collect())
    }

    /// The names of all tenants: as JSON to those who ask for it, else as a page for people.
    pub(crate) fn tenant_names(&self, headers: &HeaderMap) -> Answer {
        let names: Vec<String> = self.storage.lock().tenants().map(|(name, _)| name.clone()).collect();
        let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        if accepted.is_some_and(|accepted| accepted.contains("application/json")) {
            let now = stamp::stamp(self.evaluation.now());
            // The list is left out if it is empty.
            let document =
                if names.is_empty() { json!({"now": now}) } else { json!({"now": now, "tenants": names}) };
            return Answer::json(200, &document.to_string());
        }
        // No tenant has a name with characters that HTML knows.
        let items: String = names.iter().map(|name| format!("<li>{name}</li>")).collect();
        Answer::html(&format!("<!DOCTYPE html><html><body><ul>{items}</ul></body></html>\n"))
    }

    /// The version and, in Mimir, features.
    pub(crate) fn build_info(&self) -> Value {
        let version = concat!("rulesync-ruler-server-", env!("CARGO_PKG_VERSION"));
        if self.settings.profile.config_routes == ConfigRoutes::LokiAndLegacy {
            return json!({"version": version});
        }
        let text = |on: bool| if on { "true" } else { "false" };
        json!({"status": "success", "data": {
            "application": "Grafana Mimir",
            "version": version,
            "features": {
                "ruler_config_api": text(self.settings.routes.config_enabled),
                "alertmanager_config_api": "false",
                "query_sharding": "false",
                "federated_rules": text(self.settings.federation),
            },
        }})
    }
}

/// Returns `true` for a rule that is a log query, which Loki stores but can never evaluate.
fn is_log_query(rule: &StoredRule) -> bool {
    logql::parse(&rule.expr).is_ok_and(|expr| !expr.is_metric())
}
