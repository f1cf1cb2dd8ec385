//! What the kernel knows of this process, under the names that each Prometheus client uses.
//!
//! Read when asked for, from `/proc`; where there is none, as beside Linux, nothing is told.

use std::fmt::Write as _;
use std::fs;

/// Clock ticks a second in `/proc`: 100 on each architecture for which Linux and Rust are built.
const TICKS_PER_SECOND: f64 = 100.0;

/// Appends what is known in the text format of Prometheus.
pub(super) fn render(text: &mut String) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let system = fs::read_to_string("/proc/stat").unwrap_or_default();
    let mut tell = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            // Writing to a string does not fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
        }
    };
    tell(
        "process_resident_memory_bytes",
        "gauge",
        "Memory of the process that is in RAM, in bytes.",
        resident_bytes(&status),
    );
    tell(
        "process_cpu_seconds_total",
        "counter",
        "Time that the process has spent on CPUs, its own and the kernel's for it, in seconds.",
        cpu_seconds(&stat),
    );
    tell(
        "process_start_time_seconds",
        "gauge",
        "When the process started, in seconds since the Unix epoch.",
        start_seconds(&stat, &system),
    );
    tell("process_open_fds", "gauge", "File descriptors open.", open_files());
}

fn resident_bytes(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1_024.0)
}

/// A field of `/proc/self/stat`, by its number in proc(5).
fn field(stat: &str, number: usize) -> Option<f64> {
    // The second field is the name, in parentheses, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((field(stat, 14)? + field(stat, 15)?) / TICKS_PER_SECOND)
}

fn start_seconds(stat: &str, system: &str) -> Option<f64> {
    let boot = system.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<f64>().ok()? + field(stat, 22)? / TICKS_PER_SECOND)
}

fn open_files() -> Option<f64> {
    // One is the folder that is being read.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_of_proc() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 12345 1 2";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(start_seconds(stat, "cpu 1 2\nbtime 1000\n"), Some(1_123.45));
        assert_eq!(resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t    2048 kB\n"), Some(2_097_152.0));
        assert_eq!((cpu_seconds(""), resident_bytes("VmRSS: x")), (None, None));
    }
}
