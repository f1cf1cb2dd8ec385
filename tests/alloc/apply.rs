//! Reports to the index.

use hansom::index::{BatchOutcome, LiveMap as _};

use super::counter::allocations;
use super::fleet::{BATCH, BATCHES, Fleet, Reach};

#[test]
fn an_update_allocates_nothing() {
    let mut fleet = Fleet::warm();
    let (mut outcome, mut reach) = (BatchOutcome::default(), Reach::default());
    for batch in 0..BATCHES {
        let reports = fleet.reports();
        let asked = allocations(|| fleet.index.apply(fleet.now, &reports, &mut outcome));
        assert_eq!(asked, 0, "batch {batch} asked for memory");
        reach.look(&fleet);
    }
    assert_eq!((outcome.applied, outcome.rejected.len()), ((BATCH * BATCHES) as u64, 0));
    reach.enough(&fleet);
}
