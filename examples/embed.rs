//! The engine inside another program, with a source of its own and a ruler of its own: one that prints.
#![expect(clippy::print_stdout, reason = "printing is what this ruler does")]

use async_trait::async_trait;
use rulesync_core::{
    EncodedGroup, Engine, Listing, ObjectId, Route, RuleObject, Ruler, RulerError, Scope, Sink, Source,
    SourceEvent, TenantId,
};

#[derive(Debug)]
struct OneRule;

#[async_trait]
impl Source for OneRule {
    async fn run(&self, sink: Sink) {
        let id = ObjectId::new(sink.source(), &"Example".into(), "demo", "hello");
        let groups =
            serde_json::from_str(r#"[{"name": "up", "rules": [{"alert": "Down", "expr": "up == 0"}]}]"#);
        let object = RuleObject::new(id, groups.unwrap_or_default());
        // A closed sink means that the engine has stopped: nothing is left to say.
        let _ = sink.send(SourceEvent::Upsert(object)).await;
        let _ = sink.send(SourceEvent::SnapshotComplete(Scope::Everything)).await;
    }
}

#[derive(Debug)]
struct Printer;

#[async_trait]
impl Ruler for Printer {
    async fn list(&self, _: Option<&TenantId>, _: &mut Listing<'_>) -> Result<(), RulerError> {
        Ok(()) // A printer holds nothing.
    }
    async fn write_group(
        &self,
        _: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        let group = group.decode()?;
        println!("put {namespace}/{}: {} rules", group.name, group.rules.len());
        Ok(())
    }
    async fn delete_group(
        &self,
        _: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        println!("delete {namespace}/{group}");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = Engine::builder("demo".parse()?).source("one", OneRule).ruler("printer", Printer);
    let engine = engine.route(Route::all("all", "printer", None)).build()?;
    let summary = engine.sync_once(std::future::pending()).await?;
    println!("{} change, everything in order: {}", summary.applied, summary.succeeded());
    Ok(())
}
