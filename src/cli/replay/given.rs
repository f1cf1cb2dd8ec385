//! Which flags were given: a log of requests and a trace of positions do not take the same ones.

use clap::ArgMatches;
use clap::parser::ValueSource;

/// Flags that only traces of positions have, by the names of their fields.
const FOR_TRACES: [&str; 12] = [
    "times",
    "batch",
    "query_rate",
    "k",
    "radius",
    "max_age",
    "check",
    "no_check",
    "check_points",
    "check_questions",
    "csv_columns",
    "server_threads",
];

/// Flags that only logs of trip requests have.
const FOR_LOGS: [&str; 16] = [
    "fleet",
    "fleet_from",
    "policy",
    "acceptance",
    "window",
    "set",
    "config",
    "driving_speed",
    "detour",
    "shift_hours",
    "rider_patience",
    "minutes",
    "region",
    "threads",
    "decisions",
    "html",
];

/// Flags of logs that a running server has settings of its own for, or that compare policies.
const NOT_FOR_SERVERS: [&str; 7] =
    ["policy", "window", "set", "config", "threads", "decisions", "html"];

/// The flags of `hansom replay` that stood on the command line.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Given {
    for_traces: Vec<String>,
    for_logs: Vec<String>,
    for_no_server: Vec<String>,
    /// Whether the speed was told.
    pub(super) speed: bool,
    /// Whether the local time was told.
    pub(super) utc_offset: bool,
}

impl Given {
    /// Looks at what was parsed; none of it if another subcommand was meant.
    pub(in crate::cli) fn of(matches: &ArgMatches) -> Self {
        let Some(("replay", matches)) = matches.subcommand() else { return Self::default() };
        let given = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let flags = |ids: &[&str]| {
            let given = ids.iter().copied().filter(given);
            given.map(|id| format!("--{}", id.replace('_', "-"))).collect()
        };
        Self {
            for_traces: flags(&FOR_TRACES),
            for_logs: flags(&FOR_LOGS),
            for_no_server: flags(&NOT_FOR_SERVERS),
            speed: given(&"speed"),
            utc_offset: given(&"utc_offset"),
        }
    }

    /// Why these flags do not go with a log of trip requests, if they do not.
    pub(super) fn against_a_log(&self, log: &str) -> Option<String> {
        told(&self.for_traces, "traces of positions", &format!("{log} is a log of trip requests"))
    }

    /// Why these flags do not go with a log that is replayed against a running server, if they do not.
    pub(super) fn against_a_server(&self) -> Option<String> {
        let is = if self.for_no_server.len() == 1 { "is" } else { "are" };
        let flags = self.for_no_server.join(", ");
        let why = "a server that runs has a policy and settings of its own";
        (!self.for_no_server.is_empty()).then(|| format!("{flags} {is} not for --target: {why}"))
    }

    /// Why these flags do not go with a trace of positions, if they do not.
    pub(super) fn against_a_trace(&self, trace: &str) -> Option<String> {
        let not = format!("{trace} is not one");
        told(&self.for_logs, "logs of trip requests", &not)
    }
}

fn told(flags: &[String], kind: &str, but: &str) -> Option<String> {
    let is = if flags.len() == 1 { "is" } else { "are" };
    (!flags.is_empty()).then(|| format!("{} {is} for {kind}; {but}", flags.join(", ")))
}
