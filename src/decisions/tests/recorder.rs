//! A disk that is full, or stands still, keeps nobody from deciding; what is missing is told.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use parking_lot::Mutex;

use super::*;
use crate::decisions::rolling::Disk;
use crate::limits;
use crate::telemetry::Metrics;
use crate::trace::Sink;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What files hold, by when they were begun.
type Contents = Arc<Mutex<Vec<Vec<u8>>>>;

/// A disk in memory that is full when it is told to be, and waits when it is told to.
#[derive(Clone, Default)]
struct Memory {
    files: Contents,
    full: Arc<AtomicBool>,
    refused: Arc<AtomicU64>,
    removed: Arc<Mutex<Vec<PathBuf>>>,
    begun: Arc<Mutex<Vec<PathBuf>>>,
    gate: Option<Arc<Mutex<Receiver<()>>>>,
}

struct MemoryFile(usize, Memory);

impl Disk for Memory {
    type File = MemoryFile;

    fn create(&mut self, path: &Path) -> io::Result<MemoryFile> {
        self.begun.lock().push(path.to_path_buf());
        let mut files = self.files.lock();
        files.push(Vec::new());
        Ok(MemoryFile(files.len() - 1, self.clone()))
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) && path.ends_with("sf-00000007.hdecisions") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.removed.lock().push(path.to_path_buf());
        Ok(())
    }
}

impl io::Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(gate) = &self.1.gate {
            // An error means that it is open for good.
            let _open = gate.lock().recv();
        }
        if self.1.full.load(Ordering::SeqCst) {
            self.1.refused.fetch_add(1, Ordering::SeqCst);
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1.files.lock()[self.0].extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for MemoryFile {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn place() -> (tempfile::TempDir, LogPlace) {
    let folder = tempfile::tempdir().unwrap();
    let market = "sf".parse().unwrap();
    let place = LogPlace { folder: folder.path().to_path_buf(), market, max_bytes: 1 << 30 };
    (folder, place)
}

/// A sample of the metrics.
fn metric(metrics: &Metrics, name: &str) -> u64 {
    let text = metrics.render();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// Decisions and missing ones in all files of a disk.
fn told(disk: &Memory) -> (u64, u64) {
    let (mut decisions, mut missing) = (0, 0);
    for file in disk.files.lock().iter().filter(|file| file.len() >= 20) {
        for entry in read(file).0 {
            match entry {
                LogEntry::Decided(_) => decisions += 1,
                LogEntry::Missing { decisions, .. } => missing += decisions,
            }
        }
    }
    (decisions, missing)
}

#[test]
fn what_is_decided_is_written_down() {
    let (_folder, place) = place();
    let metrics = Metrics::new(&[]);
    let (recorder, sink) = Recorder::start(place.clone(), Arc::clone(&metrics.market)).unwrap();
    let decisions: Vec<_> = decided("batch", WINDOW).into_iter().take(200).map(Arc::new).collect();
    for decision in &decisions {
        sink.record(decision);
    }
    recorder.finish(PATIENCE).unwrap();
    let path = &place.segments().unwrap()[0].path;
    let (entries, damage) = read(&std::fs::read(path).unwrap());
    assert_eq!((entries.len(), damage), (200, None));
    assert_eq!(metric(&metrics, "hansom_decisions_logged_total"), 200);
    assert_eq!(metric(&metrics, "hansom_decisions_dropped_total"), 0);
}

#[test]
fn a_full_disk_is_told_and_the_log_goes_on() {
    let (_folder, place) = place();
    let metrics = Metrics::new(&[]);
    let disk = Memory::default();
    let (recorder, sink) =
        Recorder::on(disk.clone(), place, Arc::clone(&metrics.market), Duration::ZERO).unwrap();
    let decision = Arc::new(decided("batch", WINDOW).swap_remove(100));
    let mut handed = 0_u64;
    let mut until = |holds: &dyn Fn() -> bool| {
        // Each step hands over what the thread takes: no clock decides.
        for _ in 0..10_000_000_u64 {
            if holds() {
                return;
            }
            sink.record(&decision);
            handed += 1;
            std::thread::yield_now();
        }
        panic!("the thread does not take what it is given");
    };
    until(&|| !disk.files.lock().is_empty() && told(&disk).0 > 0);
    disk.full.store(true, Ordering::SeqCst);
    until(&|| disk.refused.load(Ordering::SeqCst) > 9);
    assert_eq!(metric(&metrics, "hansom_decision_log_failed"), 1);
    disk.full.store(false, Ordering::SeqCst);
    let begun = disk.files.lock().len();
    until(&|| disk.files.lock().iter().skip(begun).any(|file| file.len() > 100));
    recorder.finish(PATIENCE).unwrap();
    let (decisions, missing) = told(&disk);
    assert_eq!(decisions + missing, handed, "each is there, or said to be missing");
    assert!(decisions > 100 && missing > 0, "{decisions} and {missing}");
    assert_eq!(metric(&metrics, "hansom_decisions_dropped_total"), missing);
    assert_eq!(metric(&metrics, "hansom_decision_log_failed"), 0);
    // No file stays that has nothing in it, unless the disk does not let it go.
    let (begun, removed, files) = (disk.begun.lock(), disk.removed.lock(), disk.files.lock());
    let stays = begun.iter().zip(files.iter()).filter(|(path, _)| !removed.contains(path));
    let empty = stays.filter(|(_, bytes)| bytes.len() <= 20).count();
    assert!(removed.len() > 5 && empty <= 1, "{} were removed, {empty} not", removed.len());
    assert!(
        begun
            .iter()
            .zip(files.iter())
            .all(|(path, bytes)| bytes.len() <= 20 || !removed.contains(path))
    );
}

#[test]
fn a_disk_that_stands_still_holds_nobody_up() {
    let (_folder, place) = place();
    let metrics = Metrics::new(&[]);
    let (open, gate): (SyncSender<()>, _) = sync_channel(1);
    let disk = Memory { gate: Some(Arc::new(Mutex::new(gate))), ..Memory::default() };
    let (recorder, sink) =
        Recorder::on(disk.clone(), place, Arc::clone(&metrics.market), Duration::ZERO).unwrap();
    let decision = Arc::new(decided("batch", WINDOW).swap_remove(10));
    let handed = 3 * limits::MAX_WAITING_DECISIONS as u64;
    // None of these waits, or this never ends.
    for _ in 0..handed {
        sink.record(&decision);
    }
    let dropped = metric(&metrics, "hansom_decisions_dropped_total");
    assert!(dropped > limits::MAX_WAITING_DECISIONS as u64, "{dropped}");
    drop(open);
    recorder.finish(PATIENCE).unwrap();
    let (decisions, missing) = told(&disk);
    assert_eq!((decisions + missing, missing), (handed, dropped));
}
