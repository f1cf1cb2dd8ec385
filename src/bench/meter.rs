//! How long something took, and what it cost in processor time: the one number that other work
//! on the machine disturbs little.

use std::time::{Duration, Instant};

use super::stage::Done;
use crate::clock;

/// Runs from the beginning of a measurement to its end, on one client thread.
pub(super) struct Meter {
    began: Instant,
    client: Duration,
    server: Duration,
    /// The server is asked by one of the client threads.
    asks_server: bool,
}

impl Meter {
    /// Begins on client thread number `thread`.
    pub(super) fn begin(thread: usize) -> Self {
        Self {
            client: this_thread(),
            server: workers(),
            asks_server: thread == 0,
            began: clock::stopwatch(),
        }
    }

    /// Ends.
    pub(super) fn end(&self, done: &mut Done) {
        done.took = self.began.elapsed();
        done.client_cpu = this_thread().saturating_sub(self.client);
        if self.asks_server {
            done.server_cpu = workers().saturating_sub(self.server);
        }
    }
}

/// The processor time of this thread, where Linux tells it.
fn this_thread() -> Duration {
    on_cpu("/proc/thread-self/schedstat")
}

/// The processor time of the server's workers.
fn workers() -> Duration {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let of = |task: std::fs::DirEntry| {
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let works = name.starts_with("hansom-worker");
        works.then(|| on_cpu(&task.path().join("schedstat").display().to_string()))
    };
    tasks.filter_map(|task| of(task.ok()?)).sum()
}

/// The first number of a `schedstat`: nanoseconds on a processor.
fn on_cpu(path: &str) -> Duration {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}
