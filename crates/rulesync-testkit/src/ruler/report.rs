//! What a ruler tells about itself: the state API, all tenants, its build.

use serde_json::{Value, json};

use super::{
    answer::Answer,
    api::Api,
    kind::{ConfigRoutes, StateStyle},
    query, render,
    state::{self, Health},
};

impl Api {
    /// The loaded rules and how they fare.
    ///
    /// # Errors
    /// The answer to a query that cannot be.
    pub(crate) fn state_rules(&self, tenant: &str, query: &str) -> Result<Answer, Answer> {
        let style = self.settings.profile.state;
        let filter = state::filter(&query::pairs(query), style)
            .map_err(|error| Answer::error(&self.settings.profile, 400, "bad_data", &error))?;
        let loaded = self.store().loaded(tenant);
        let (failing, evaluates) = (self.failing(), self.evaluates());
        let health = |namespace: &str, group: &str, index: usize| {
            let key = (tenant.to_owned(), namespace.to_owned(), group.to_owned(), index);
            match failing.get(&key) {
                Some(error) => Health::Err(error.clone()),
                None if evaluates => Health::Ok,
                None => Health::Unknown,
            }
        };
        let rules = state::rules(&loaded, &filter, style, &health, self.wall_clock());
        let data = serde_json::to_string(&rules).map_err(|error| Answer::text(500, &error.to_string()))?;
        Ok(self.success(&data))
    }

    /// The active alerts; there never are any.
    pub(crate) fn state_alerts(&self) -> Answer {
        self.success(r#"{"alerts":[]}"#)
    }

    fn success(&self, data: &str) -> Answer {
        let tail = match self.settings.profile.state {
            StateStyle::Mimir | StateStyle::Loki => r#","errorType":"","error":"""#,
            StateStyle::Cortex => "",
        };
        Answer::json(200, &format!(r#"{{"status":"success","data":{data}{tail}}}"#))
    }

    /// Every tenant's groups.
    pub(crate) fn all_tenants(&self) -> Answer {
        let store = self.store();
        let parts = store.tenants().map(|(name, tenant)| render::tenant(name, &tenant.namespaces).into());
        Answer::yaml(parts.collect())
    }

    /// Version and, in Mimir, features.
    pub(crate) fn build_info(&self) -> Value {
        let version = concat!("rulesync-testkit-", env!("CARGO_PKG_VERSION"));
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
