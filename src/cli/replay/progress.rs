//! The progress bar on standard error, if that is a terminal.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget};
use parking_lot::Mutex;

use crate::cli::output::bar_style;
use crate::replay::Progress;
use crate::trial;
use crate::units::rfc3339;

/// Which bar is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    Reading,
    Replaying,
    Simulating,
}

/// A bar of two phases.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    shown: Mutex<Shown>,
}

impl Bar {
    pub(super) fn new() -> Self {
        // Explicitly: elsewhere a bar is noise in a log.
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self { bar: ProgressBar::with_draw_target(None, target), shown: Mutex::new(Shown::Nothing) }
    }

    pub(super) fn show(&self, progress: Progress) {
        match progress {
            Progress::Reading { bytes, of } => {
                self.turn(Shown::Reading, Some(of));
                self.bar.set_position(bytes);
            }
            Progress::Replaying { rows, of } => {
                self.turn(Shown::Replaying, of);
                self.bar.set_position(rows);
            }
        }
    }

    pub(super) fn show_trial(&self, progress: trial::Progress) {
        match progress {
            trial::Progress::Reading { bytes, of } => self.show(Progress::Reading { bytes, of }),
            trial::Progress::Running { requests, of, now } => {
                self.turn(Shown::Simulating, Some(of));
                self.bar.set_position(requests);
                self.bar.set_message(rfc3339(now));
            }
        }
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Begins a phase, if it is not the present one.
    fn turn(&self, phase: Shown, length: Option<u64>) {
        let mut shown = self.shown.lock();
        if *shown == phase {
            return;
        }
        *shown = phase;
        let template = match (phase, length) {
            (Shown::Reading, _) => {
                "reading and sorting {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} ETA {eta}"
            }
            (Shown::Simulating, _) => {
                "simulating {msg} {wide_bar} {human_pos}/{human_len} requests {rows_per_sec} ETA {eta}"
            }
            (_, Some(_)) => {
                "replaying {wide_bar} {human_pos}/{human_len} rows {rows_per_sec} ETA {eta}"
            }
            (_, None) => "replaying {spinner} {human_pos} rows {rows_per_sec}",
        };
        self.bar.set_style(bar_style(template));
        self.bar.reset();
        match length {
            Some(length) => self.bar.set_length(length),
            None => self.bar.unset_length(),
        }
    }
}
