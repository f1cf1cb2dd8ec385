//! What is told of a market that takes nothing until a restart.

use super::*;

#[test]
fn whoever_is_told_of_trips_is_told_that_the_market_is_down_for_good() {
    let rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let trip = rig.request("ada");
    let (mut app, mut watch) = (rig.attend("cab-1"), rig.handle().watch(trip));
    rig.journal.fail(1, Fault::After);
    assert!(rig.so(request("bob")).is_err());
    assert_eq!(app.news.blocking_recv(), None);
    assert_eq!(app.end(), LineEnd::Down);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let told = async {
        // What was published before.
        while watch.changed().await {}
        rig.handle().watch(trip).changed().await
    };
    let told = runtime
        .block_on(async { tokio::time::timeout(std::time::Duration::from_secs(20), told).await });
    assert_eq!(told, Ok(false), "a watcher waits for ever");
    assert!(matches!(rig.handle().why_over(), HostError::Down { .. }));
}
