//! Fuzz tests: any name reaches the server unchanged or is rejected, with the decoding rules of Mimir, of Cortex, and
//! of a router that decodes before its handler, such as Loki's.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rulesync_core::ruler::NameLimits;
use rulesync_core::{EncodedGroup, Group, Rule, Ruler, TenantId};
use rulesync_http::{ClientConfig, PathEncoding, RulerClient};
use rulesync_mimir::{cortex_profile, mimir_profile};
use rulesync_testkit::{Detail, Kind, RulerBuilder, RulerServer};

use crate::auth::connection;

/// Names with characters that are special in URLs, and any others.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{1,2}[/.%][a-c]{1,2}",
        "[%./a-c25F?#;:@&=+$,~ \\\\'\"é-]{1,10}",
        "(%2[fFeE]|%252[fF]|%00|%zz|\\.|\\.\\.|/|a){1,5}",
        "\\PC{1,40}",
        any::<String>(),
        "[a-z]{180,200}",
    ]
}

struct Server {
    server: RulerServer,
    client: RulerClient,
}

impl Server {
    async fn start(kind: Kind, encoding: PathEncoding) -> Self {
        let mut builder = RulerServer::builder(kind).journal(Detail::Nothing);
        if encoding == PathEncoding::Double {
            builder = builder.with(RulerBuilder::double_decode);
        }
        let server = builder.start().await.unwrap();
        let profile = if kind == Kind::Cortex { cortex_profile() } else { mimir_profile("/prometheus") };
        let connection = connection(&server.url(), &ClientConfig::default());
        let client = RulerClient::new(connection, profile.with_encoding(encoding)).unwrap();
        // The resources that a name split at its slashes or dots would address.
        for namespace in ["a", "b", "c", "aa", "%2F"] {
            for group in ["a", "b", "c", "g", "%2F"] {
                let text = format!("name: '{group}'\nrules: [{{record: r, expr: up}}]\n");
                server.put("t", namespace, &text).unwrap();
            }
        }
        Self { server, client }
    }

    fn names(&self) -> BTreeMap<String, Vec<String>> {
        let rules = self.server.rules("t").into_iter();
        rules.map(|(namespace, groups)| (namespace, groups.into_keys().collect())).collect()
    }

    /// Writes a group, checks the rules of the server, and deletes the group, alone and with its namespace.
    async fn put_and_delete(&self, namespace: &str, group: &str) -> Result<(), TestCaseError> {
        let tenant: TenantId = "t".parse().unwrap();
        let tenant = Some(&tenant);
        let before = self.names();
        if before.contains_key(namespace) {
            return Ok(());
        }
        let mut after = before.clone();
        after.insert(namespace.to_owned(), vec![group.to_owned()]);
        let rule = Rule { record: "r".into(), expr: "up".into(), ..Rule::default() };
        let written = Group { name: group.to_owned(), rules: vec![rule], ..Group::default() };
        for alone in [true, false] {
            let put = self.client.write_group(tenant, namespace, &EncodedGroup::of(&written).unwrap()).await;
            let names = NameLimits::default();
            // `NameLimits` rejects the simple names that escape their directory; the server rejects the rest.
            let escapes = |name: &str| name.split('/').any(|part| part == "..");
            let held = [namespace, group].iter().all(|name| names.refuse(name).is_none() && !escapes(name));
            // Rejected names are never sent, but must not affect other resources if they were.
            prop_assert!(put.is_ok() || !held, "{:?}", put);
            prop_assert_eq!(self.names(), if put.is_ok() { after.clone() } else { before.clone() }, "put");
            let deleted = if alone {
                self.client.delete_group(tenant, namespace, group).await
            } else {
                self.client.delete_namespace(tenant, namespace, &[]).await
            };
            if deleted.is_err() {
                prop_assert!(!held, "{:?}", deleted);
                let stayed = if put.is_ok() { &after } else { &before };
                prop_assert_eq!(&self.names(), stayed, "not deleted");
                self.client.delete_namespace(tenant, namespace, &[]).await.ok();
            }
            prop_assert_eq!(self.names(), before.clone(), "deleted, alone: {}", alone);
        }
        Ok(())
    }
}

#[test]
fn names_round_trip() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let servers = runtime.block_on(async {
        [
            Server::start(Kind::Mimir, PathEncoding::Single).await,
            Server::start(Kind::Cortex, PathEncoding::Single).await,
            Server::start(Kind::Mimir, PathEncoding::Double).await,
        ]
    });
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
    let tested = runner.run(&(name(), name()), |(namespace, group)| {
        runtime.block_on(async {
            for server in &servers {
                server.put_and_delete(&namespace, &group).await?;
            }
            Ok(())
        })
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
}
