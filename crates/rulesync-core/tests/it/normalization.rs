//! Rulers that store groups in a form of their own.

use proptest::prelude::*;
use rulesync_core::status::DestinationState;

use crate::world::{MemoryRuler, World, object, resync};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A server's own form of a group is written a few times at most, and any other difference once per resync.
    #[test]
    fn normalization_by_any_ruler_ends_in_no_further_writes(
        habit in 0..7_u8,
        exprs in prop::collection::vec("[ -~\\n\u{e9}]{1,30}", 1..4),
        limit in 0..5_i64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let ruler = MemoryRuler::default();
            ruler.normalise(move |group| match habit {
                0 => {}
                1 => group.rules.iter_mut().for_each(|rule| rule.expr = format!("  {}\n", rule.expr)),
                2 => group.rules.iter_mut().for_each(|rule| rule.expr = rule.expr.to_lowercase()),
                3 => group.limit = 0,
                4 => group.rules.iter_mut().for_each(|rule| drop(rule.labels.insert("added".into(), "x".into()))),
                5 => group.interval = "1m".parse().unwrap(),
                _ => group.rules.truncate(1),
            });
            let world = World::start(&ruler);
            for (n, expr) in exprs.iter().enumerate() {
                let mut declared = object(&format!("o{n}"), &[("g", expr.as_str())]);
                declared.groups[0].limit = Some(limit);
                world.source.upsert(declared);
            }
            world.source.complete();
            world.settle().await;
            for _ in 0..4 {
                resync().await;
            }
            let (_, posts, deletes) = ruler.counts();
            // Lower case is another expression, unless all of it was.
            let by_itself = match habit {
                2 => exprs.iter().all(|expr| expr.to_lowercase() == *expr),
                3 => true,
                4 | 5 => false,
                _ => true,
            };
            let most = if by_itself { 3 } else { 7 };
            assert!(posts <= most * exprs.len() && deletes == 0, "{posts} writes");
            resync().await;
            resync().await;
            let (_, posts, deletes) = ruler.counts();
            let most = if by_itself { 0 } else { 3 * exprs.len() };
            assert!(posts <= most && deletes == 0, "{posts} writes");
            let status = world.status().await;
            // A blank expression is refused before it is offered.
            let offered = exprs.iter().any(|expr| !expr.trim().is_empty());
            let contested = status.destinations[0].state == DestinationState::Contested;
            assert!(by_itself || habit == 2 || contested == offered);
            assert!(status.destinations[0].normalized == 0 || habit == 3);
            world.stop().await;
        });
    }
}
