//! A recorded day as work: each fix an update, each pickup a question for who is near.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::closed::Job;
use super::result::Run;
use super::system::{System, Trouble};
use super::workload::{Move, World};
use crate::clock;
use crate::geo::LatLng;
use crate::limits;
use crate::model::DriverStatus;
use crate::trace::{self, ReadOptions};

/// Updates that are sent together; the questions among them are asked after them.
const TOGETHER: usize = 1_024;

/// A day, made into work.
#[derive(Debug)]
pub struct Day {
    /// Where each vehicle is seen first; the moves, and the places of pickups, in their order.
    pub world: World,
    /// How many moves, then how many questions.
    turns: Vec<(usize, usize)>,
}

/// Why a trace is no work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DayError {
    /// It cannot be read.
    #[error(transparent)]
    Trace(#[from] trace::TraceError),
    /// There is nobody in it.
    #[error("{path} has no fixes")]
    Empty {
        /// Which trace.
        path: String,
    },
    /// It does not fit into memory.
    #[error("{path} has more than {max} fixes", max = limits::MAX_SUITE_FIXES)]
    TooLong {
        /// Which trace.
        path: String,
    },
}

impl Day {
    /// Reads a trace.
    ///
    /// # Errors
    /// [`DayError`].
    pub fn read(path: &Path, options: &ReadOptions) -> Result<Self, DayError> {
        let shown = || path.display().to_string();
        let mut reader = trace::open(path, options)?;
        let (mut positions, mut moves, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let mut turns = vec![(0, 0)];
        let mut statuses: Vec<DriverStatus> = Vec::new();
        // A reader of many files numbers their vehicles before they appear, and some never do.
        let mut drivers: Vec<Option<u32>> = Vec::new();
        while let Some(record) = reader.next()? {
            if moves.len() >= limits::MAX_SUITE_FIXES {
                return Err(DayError::TooLong { path: shown() });
            }
            let vehicle = record.vehicle.index();
            if vehicle >= drivers.len() {
                drivers.resize(vehicle + 1, None);
            }
            let driver = *drivers[vehicle].get_or_insert_with(|| {
                positions.push(record.position);
                statuses.push(DriverStatus::Offline);
                u32::try_from(statuses.len() - 1).unwrap_or(u32::MAX)
            });
            let turn = match turns.last_mut() {
                Some(turn) if turn.0 < TOGETHER => turn,
                _ => turns.push_mut((0, 0)),
            };
            moves.push(Move { driver, to: record.position });
            turn.0 += 1;
            let known = &mut statuses[driver as usize];
            let status = record.status.unwrap_or(*known);
            let before = std::mem::replace(known, status);
            if (before, status) == (DriverStatus::Available, DriverStatus::OnTrip) {
                places.push(record.position);
                turn.1 += 1;
            }
        }
        if positions.is_empty() {
            return Err(DayError::Empty { path: shown() });
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { world: World { name, positions, moves, places }, turns })
    }

    /// How many of a hundred operations are updates.
    pub fn update_percent(&self) -> u32 {
        let (moves, places) = (self.world.moves.len(), self.world.places.len());
        u32::try_from(100 * moves / (moves + places).max(1)).unwrap_or(100)
    }

    /// Has the day done as fast as it goes, for at most so long, on one thread.
    ///
    /// # Errors
    /// [`Trouble`] of the system.
    pub fn run(
        &self,
        system: &dyn System,
        job: Job,
        seconds: f64,
        stop: &AtomicBool,
    ) -> Result<Run, Trouble> {
        let mut client = system.client(job.update, job.ask.map(|(call, _)| call))?;
        let (mut moves, mut places) = (&self.world.moves[..], &self.world.places[..]);
        let mut operations = 0;
        let began = clock::stopwatch();
        let deadline = began + Duration::from_secs_f64(seconds);
        for &(updates, questions) in &self.turns {
            if clock::stopwatch() >= deadline || stop.load(Ordering::Relaxed) {
                break;
            }
            let now: &[Move];
            let here: &[LatLng];
            (now, moves) = moves.split_at(updates);
            (here, places) = places.split_at(questions);
            if let Some(call) = job.update {
                client.update(call, now)?;
            }
            if let Some((call, ask)) = job.ask.filter(|_| !here.is_empty()) {
                client.ask(call, &ask, here, &mut |_, found| {
                    std::hint::black_box(found);
                })?;
            }
            operations += (updates + questions) as u64;
        }
        client.settle()?;
        Ok(Run { operations, seconds: began.elapsed().as_secs_f64(), latency: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vehicles_are_drivers_in_the_order_in_which_they_appear() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("new_abc.txt", "37.75 -122.39 1 1213084690\n37.74 -122.39 0 1213084670\n");
        write("new_xyz.txt", "37.61 -122.38 0 1213084660\n");
        let day = Day::read(folder.path(), &ReadOptions::default()).unwrap();
        let drivers: Vec<u32> = day.world.moves.iter().map(|m| m.driver).collect();
        assert_eq!(drivers, [0, 1, 1]);
        assert_eq!((day.world.positions.len(), day.world.places.len()), (2, 1));
        assert_eq!(day.world.positions[0], day.world.moves[0].to);
    }

    #[test]
    fn pickups_become_questions_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.csv");
        let rows = [
            "a,1,1.0,2.0,available",
            "b,2,3.0,4.0,on_trip",
            "a,3,1.1,2.0,on_trip",
            "a,4,1.2,2.0,on_trip",
            "b,5,3.1,4.0,available",
            "b,6,3.2,4.0,on_trip",
        ];
        std::fs::write(&path, format!("id,ts,lat,lng,st\n{}\n", rows.join("\n"))).unwrap();
        let csv = "id=id,time=ts,lat=lat,lng=lng,status=st".parse().unwrap();
        let day = Day::read(&path, &ReadOptions { csv: Some(csv), ..ReadOptions::default() });
        let day = day.unwrap();
        assert_eq!((day.world.drivers(), day.world.moves.len()), (2, 6));
        let lats: Vec<i32> = day.world.places.iter().map(|place| place.lat_e7()).collect();
        assert_eq!(lats, [11_000_000, 32_000_000]);
        assert_eq!((day.turns, day.world.name.as_str()), (vec![(6, 2)], "day.csv"));
    }
}
