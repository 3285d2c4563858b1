//! What an app shares while it runs, in virtual time.
#![cfg(all(feature = "files", feature = "mimir"))]

use std::sync::Arc;

use rulesync_core::status::ObjectStates;
use tokio::sync::Notify;

use crate::{Config, Lifetime, Options};

const CONFIG: &str = "
owner: us
sources: [{type: files, path: rules}]
rulers: [{name: central, type: mimir, address: 'http://127.0.0.1:1'}]
routes: [{name: all, ruler: central, tenant: prod}]
";

#[tokio::test(start_paused = true)]
async fn app_keeps_the_states_of_objects_and_passes_changes_on_to_reporters() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("rules")).unwrap();
    let rules = "groups: [{name: g, rules: [{record: a:b, expr: up}]}]\n";
    std::fs::write(directory.path().join("rules/disk.yaml"), rules).unwrap();
    let file = directory.path().join("rulesync.yaml");
    std::fs::write(&file, CONFIG).unwrap();
    let of_others = ObjectStates::default();
    let options = Options::new(Lifetime::Daemon).reporter(of_others.clone());
    let app = Config::read(&file).await.unwrap().validate().unwrap().build(options).await.unwrap();
    let own = app.states().clone();
    let mut changes = own.subscribe();
    let test = async {
        let changed = changes.changed().await;
        let object = changed.first().unwrap();
        assert!(object.name().contains("disk"), "{object:?}");
        for states in [&own, &of_others] {
            assert!(states.get(object).is_some());
        }
    };
    tokio::select! {
        () = app.run(Arc::new(Notify::new()), std::future::pending()) => panic!("the app has ended"),
        () = test => {}
    }
}
