//! What no server can be brought to do when it is wanted.

use super::*;
use crate::geo::{E7, LatLng};
use crate::index::{BatchOutcome, IndexConfig, LiveMap as _};
use crate::mirror::link::{LinkOptions, Role};
use crate::model::{Motion, Report};
use crate::telemetry::Metrics;

/// A courier of a map with one driver, and the driver's slot. Nobody is at its Redis.
fn courier() -> (Courier, u32) {
    let config = IndexConfig { max_drivers: 1_000, ..IndexConfig::default() };
    let map = Arc::new(LiveIndex::new(config, 1).noting_changes());
    let at = Timestamp::from_secs(1_700_000_000);
    let driver = map.bind(at, &"cab-1".parse().unwrap()).unwrap();
    let position = LatLng::try_from(E7 { lat: 377_955_000, lng: -1_223_937_000 }).unwrap();
    let report = Report { driver, position, at, motion: Motion::default(), status: None };
    map.apply(at, &[report], &mut BatchOutcome::default());
    let slot = map.slot_of(driver);
    let address = "redis://127.0.0.1:9".parse().unwrap();
    let link = Arc::new(Link::new(address, Role::Primary, LinkOptions::default(), 1));
    let metrics = Arc::clone(&Metrics::new(&[]).mirror);
    let (status, leads): (StatusOf, Leads) = (Arc::new(|_, told| told), Arc::new(|| true));
    let (warm, _) = watch::channel(true);
    (Courier::new(map, Arc::new(Clock::Wall), link, metrics, warm, (status, leads)), slot)
}

/// What is to be done about all that is noted; it is noted no more.
fn gathered(courier: &mut Courier) -> Vec<Op> {
    let (now, mut batch) = (Timestamp::from_secs(1_700_000_000), Vec::new());
    for slot in courier.take_changes().into_values().flatten() {
        courier.gather(now, slot, clock::stopwatch(), &mut batch);
    }
    batch
}

#[tokio::test]
async fn whoever_was_in_a_batch_that_panicked_is_looked_at_again() {
    let (mut courier, slot) = courier();
    let batch = gathered(&mut courier);
    assert_eq!((batch.len(), batch[0].slot), (1, slot));
    assert!(gathered(&mut courier).is_empty(), "it is noted once");
    courier.under_way.launch(batch.into(), async { panic!("as if") });
    let error = courier.settle(0).await.unwrap_err();
    assert!(matches!(error, LinkError::Broken { .. }), "{error}");
    let again = gathered(&mut courier);
    assert_eq!((again.len(), courier.shadow.get(slot)), (1, None), "nothing of it has arrived");
    // The same that arrives is done with.
    courier.under_way.launch(again.into(), async { Ok(Refused::new()) });
    courier.settle(0).await.unwrap();
    assert!(gathered(&mut courier).is_empty() && courier.shadow.get(slot).is_some());
}

#[tokio::test]
async fn a_region_that_takes_nothing_waits_and_is_not_believed_to_hold_anything() {
    let (mut courier, slot) = courier();
    let batch = gathered(&mut courier);
    let region = batch[0].plan.regions().next().unwrap();
    let error = LinkError::Refused { code: "WRONGTYPE".to_owned(), detail: String::new() };
    courier.under_way.launch(batch.into(), async move { Ok(Refused::from([(region, error)])) });
    courier.settle(0).await.unwrap();
    assert_eq!(courier.shadow.get(slot), None);
    // Left alone for a while: it is put off, and comes back when others do.
    assert!(gathered(&mut courier).is_empty());
    courier.spared.clear();
    assert_eq!(gathered(&mut courier).len(), 1);
}

#[tokio::test]
async fn that_nothing_may_be_sent_is_a_doubt_like_any_other() {
    let (mut courier, _) = courier();
    for failed_before in [false, true] {
        courier.stage = Stage::Sure;
        assert_eq!(courier.carrier.link.is_open(), failed_before);
        courier.attempt().await;
        assert_eq!(courier.stage, Stage::Doubtful, "open: {failed_before}");
    }
}
