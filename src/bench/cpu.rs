//! What another process has cost, thread by thread, where Linux tells it.

use std::time::Duration;

/// Processor time of a process so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cpu {
    /// All of its threads that still live.
    pub(super) all: Duration,
    /// Those that serve gRPC.
    pub(super) workers: Duration,
    /// Those that carry to Redis.
    pub(super) mirror: Duration,
}

impl Cpu {
    /// Of the process with this number; nothing if it is gone.
    pub(super) fn of(pid: u32) -> Self {
        let mut cpu = Self::default();
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let read =
                |file: &str| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
            let nanos = read("schedstat").split(' ').next().and_then(|nanos| nanos.parse().ok());
            let spent = Duration::from_nanos(nanos.unwrap_or_default());
            let name = read("comm");
            cpu.all += spent;
            if name.starts_with("hansom-worker") {
                cpu.workers += spent;
            } else if name.starts_with("hansom-mirror") {
                cpu.mirror += spent;
            }
        }
        cpu
    }

    /// What has been spent since.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            all: self.all.saturating_sub(earlier.all),
            workers: self.workers.saturating_sub(earlier.workers),
            mirror: self.mirror.saturating_sub(earlier.mirror),
        }
    }
}

/// What a process occupies of the machine's memory, in bytes; 0 if it is gone.
pub(super) fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_cost_something_and_one_that_is_not_there_nothing() {
        let own = std::process::id();
        assert!(Cpu::of(own).all > Duration::ZERO && resident(own) > 1 << 20);
        assert_eq!((Cpu::of(u32::MAX), resident(u32::MAX)), (Cpu::default(), 0));
        let one = Cpu { all: Duration::from_secs(3), ..Cpu::default() };
        let before = Cpu { all: Duration::from_secs(1), ..Cpu::default() };
        assert_eq!(one.since(before).all, Duration::from_secs(2));
    }
}
