//! The riders and the drivers of a market alone, on a thread of their own: somebody else reports where
//! drivers are, and reads from the server what it comes to.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::apps::Apps;
use super::ledger::Ledger;
use super::{DispatchOptions, Scene, riders};
use crate::bench::fleet::Fleet;
use crate::bench::stage::BenchError;
use crate::client::{attend, connect};
use crate::clock;

/// Longer than any load takes: it ends when it is told to.
const LONG: Duration = Duration::from_hours(24);

/// Riders who ask and drivers who answer, until [`Self::end`].
pub(in crate::bench) struct Beside {
    stop: watch::Sender<bool>,
    scene: Arc<Scene>,
    thread: JoinHandle<Result<(), BenchError>>,
}

impl Beside {
    /// Begins; the drivers are known to the server. Of the options, those count that say who asks and how
    /// often, and how long trips take.
    ///
    /// # Errors
    /// [`BenchError::Thread`].
    pub(in crate::bench) fn start(options: DispatchOptions) -> Result<Self, BenchError> {
        let failed = |error: std::io::Error| BenchError::Thread(error.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let began = clock::stopwatch();
        let ledger = Mutex::new(Ledger::default());
        let scene = Scene { options, began, from: began, until: began + LONG, ledger };
        let (scene, (stop, stopped)) = (Arc::new(scene), watch::channel(false));
        let theirs = Arc::clone(&scene);
        let thread = std::thread::Builder::new()
            .name("hansom-riders".to_owned())
            .spawn(move || runtime.block_on(run(theirs, stopped)))
            .map_err(failed)?;
        Ok(Self { stop, scene, thread })
    }

    /// Requests that were refused or not made, and commands of drivers that were refused, so far.
    pub(in crate::bench) fn refused(&self) -> u64 {
        let ledger = self.scene.ledger.lock();
        let refused = ledger.refused.values().chain(ledger.commands_refused.values());
        refused.sum::<u64>() + ledger.overdue
    }

    /// Ends it.
    ///
    /// # Errors
    /// [`BenchError`] if it had failed.
    pub(in crate::bench) fn end(self) -> Result<(), BenchError> {
        self.stop.send_replace(true);
        let ended = self.thread.join();
        ended.map_err(|_| BenchError::Thread("the riders panicked".to_owned()))?
    }
}

async fn run(scene: Arc<Scene>, stopped: watch::Receiver<bool>) -> Result<(), BenchError> {
    let target = &scene.options.target;
    let drivers = (0..scene.options.drivers).map(Fleet::name).collect();
    let (commands, told, _) = attend(connect(target).await?, drivers).await?;
    let apps = Apps::new(Arc::clone(&scene), commands).run(told, stopped.clone());
    let mut stopped = stopped;
    let asking = async {
        tokio::select! {
            asked = riders::ask(&scene) => asked,
            _ = stopped.wait_for(|&stopped| stopped) => Ok(()),
        }
    };
    let (apps, asked) = tokio::join!(apps, asking);
    apps.and(asked)
}
