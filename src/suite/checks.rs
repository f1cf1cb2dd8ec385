//! When answers are compared with a linear scan's: before anything has moved much, and once more when
//! everything has.

use super::agreement::{Expected, Scan};
use super::members::Member;
use super::plan::{Kind, Stage, Task, USUAL};
use super::result::Series;
use super::run::{Entry, Ground};
use super::workload::World;
use crate::geo::LatLng;

/// The places that are asked.
fn places(world: &World) -> &[LatLng] {
    let count = if world.drivers() > 200_000 { 24 } else { 100 };
    &world.places[..world.places.len().min(count)]
}

/// Compares answers before a task of questions, while everybody is where the scan has them.
pub(super) fn agree_before(
    ground: &Ground<'_>,
    task: &Task,
    members: &mut [Member],
    entries: &mut [Entry],
) {
    let (Some(ask), 0, Kind::Closed) = (task.ask, task.update_percent, task.kind) else { return };
    let expected = Expected::of(ground.scan, ask, places(ground.world));
    for Entry { member, job, series } in entries {
        let Some((call, _)) = job.ask else { continue };
        (ground.watch)(format!("{}: answers of {} {}", series.suite, series.system, series.call));
        series.agreement = members[*member].attempt(|system| {
            let mut client = system.client(None, Some(call))?;
            expected.compare(&mut *client, call, system.rounding())
        });
    }
}

/// Compares answers after the last moves of which it is known which were made: each system has come to
/// another place of the circle. What is found is told with the last series of each.
pub(super) fn agree_after(
    ground: &Ground<'_>,
    stage: &Stage,
    members: &mut [Member],
    made: &mut [Series],
) {
    let ask = stage.tasks.iter().find_map(|task| task.ask).unwrap_or(USUAL);
    for member in members {
        let series = made.iter_mut().rfind(|series| series.system == member.name());
        let call = member.system().and_then(|system| system.questions().first().copied());
        let (Some(series), Some(call)) = (series, call) else { continue };
        (ground.watch)(format!("answers of {} after all moves", series.system));
        let mut scan = Scan::new(ground.world.positions.clone());
        for &m in member.moves_made(ground.world) {
            scan.update(m);
        }
        let expected = Expected::of(&scan, ask, places(ground.world));
        series.agreement = member.attempt(|system| {
            let mut client = system.client(None, Some(call))?;
            expected.compare(&mut *client, call, system.rounding())
        });
    }
}
