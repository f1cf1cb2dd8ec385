//! Where something was measured.

use serde::Serialize;

/// A description of the machine and the build; what cannot be found out is empty.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// The operating system's kernel.
    pub kernel: String,
    /// The compiler.
    pub rustc: &'static str,
    /// The commit that was built, if `HANSOM_COMMIT` was set for the build.
    pub commit: &'static str,
    /// Whether it was built for use.
    pub release_build: bool,
    /// How many processes wanted to run at the beginning, over a minute.
    pub load_average: f64,
}

impl Machine {
    /// This one. Linux tells most.
    pub fn describe() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        let value = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let kib: f64 = value(&memory, "MemTotal")
            .and_then(|text| text.trim_end_matches(" kB").parse().ok())
            .unwrap_or_default();
        let load = read("/proc/loadavg");
        Self {
            cpu: value(&cpu, "model name").unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib / f64::from(1 << 20),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            rustc: env!("HANSOM_RUSTC"),
            commit: option_env!("HANSOM_COMMIT").unwrap_or("unknown"),
            release_build: !cfg!(debug_assertions),
            load_average: load.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_default(),
        }
    }
}
