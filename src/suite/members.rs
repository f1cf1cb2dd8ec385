//! Who takes part in a run, and what has become of each.

use super::closed::{Progress, Work};
use super::peers::{SYSTEMS, Start};
use super::plan::{Kind, Task, Who};
use super::result::{SystemRecord, SystemStatus};
use super::run::SuiteOptions;
use super::system::{Filters, System, Trouble};
use super::workload::{Move, Passing, World};

/// A system that takes part, or should have.
pub(super) struct Member {
    system: Option<Box<dyn System>>,
    record: SystemRecord,
    /// How far it has come in the circles of moves and of places.
    pub(super) progress: Progress,
}

/// Starts those that were asked for, and ours.
pub(super) fn start(options: &SuiteOptions) -> Vec<Member> {
    let wanted = |name: &str| {
        let floor = options.suites.contains(&super::plan::Suite::Floor);
        name.starts_with("hansom")
            || (name == "floor" && floor)
            || options.peers.iter().any(|(peer, _)| peer == name)
    };
    SYSTEMS
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|&(name, start)| {
            let given = options.peers.iter().find(|(peer, _)| peer == name);
            let url = given.and_then(|(_, url)| url.clone());
            Member::of(
                name,
                start(&Start {
                    program: options.program.clone(),
                    url,
                    busy_poll_us: options.busy_poll_us,
                }),
            )
        })
        .collect()
}

impl Member {
    fn of(name: &str, started: Result<Box<dyn System>, Trouble>) -> Self {
        let mut record = SystemRecord {
            name: name.to_owned(),
            version: String::new(),
            access: String::new(),
            usage: String::new(),
            status: SystemStatus::Measured,
        };
        match started {
            Ok(system) => {
                let about = system.about();
                record.version = about.version;
                about.access.clone_into(&mut record.access);
                record.usage = about.usage;
                Self { system: Some(system), record, progress: Progress::default() }
            }
            Err(trouble) => {
                record.status = status(&trouble);
                Self { system: None, record, progress: Progress::default() }
            }
        }
    }

    /// Its short name.
    pub(super) fn name(&self) -> &str {
        &self.record.name
    }

    /// The system, if it is in good health.
    pub(super) fn system(&self) -> Option<&dyn System> {
        self.system.as_deref()
    }

    /// The moves that it has made, in their order.
    pub(super) fn moves_made<'a>(&self, world: &'a World) -> impl Iterator<Item = &'a Move> {
        Work::new(&world.moves, &world.places).going_on(self.progress).moves.made()
    }

    /// Whether it has a part in a task.
    pub(super) fn takes(&self, task: &Task, world: &World) -> bool {
        let Some(system) = &self.system else { return false };
        let inside = self.record.access == "in process";
        let able = match task.ask {
            Some(ask) => {
                !system.questions().is_empty()
                    && (ask.passing == Passing::All || system.filters() == Filters::Can)
            }
            None => !system.updates().is_empty(),
        };
        let wanted = match task.who {
            Who::All => self.name() != "floor",
            Who::Indices => !["floor", "scan"].contains(&self.name()),
            Who::InProcess => inside && self.name() != "floor",
            Who::Floor => ["floor", "hansom-direct"].contains(&self.name()),
        };
        let told = task.kind != Kind::Memory || !inside;
        able && wanted && told && world.drivers() <= system.most_drivers()
    }

    /// Does something with the system. If that fails, the system is out.
    pub(super) fn attempt<T>(
        &mut self,
        what: impl FnOnce(&mut dyn System) -> Result<T, Trouble>,
    ) -> Option<T> {
        match what(&mut **self.system.as_mut()?) {
            Ok(done) => Some(done),
            Err(trouble) => {
                self.record.status = status(&trouble);
                // Ends its server.
                self.system = None;
                None
            }
        }
    }

    /// What is said of it in the result.
    pub(super) fn into_record(self) -> SystemRecord {
        self.record
    }
}

fn status(trouble: &Trouble) -> SystemStatus {
    match trouble {
        Trouble::Missing { install, .. } => {
            SystemStatus::Missing { reason: trouble.to_string(), install: (*install).to_owned() }
        }
        Trouble::Failed(reason) => SystemStatus::Failed { reason: reason.clone() },
    }
}
