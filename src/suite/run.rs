//! A whole run: systems are started, loaded with one world after the other, compared with a
//! linear scan, and measured in turns.
//!
//! Turns, because a machine has good and bad minutes: each repetition of a task goes through all
//! systems before the next begins, in another order. A system that fails is left out from there
//! on, and what it had done stands.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::agreement::Scan;
use super::checks::{agree_after, agree_before};
use super::closed::{Job, Progress as Made, Work, closed};
use super::members::{Member, start};
use super::open::{Climber, step};
use super::plan::{Kind, Scale, Spec, Stage, Suite, Task, stages};
use super::recorded::{Day, DayError};
use super::result::{LAYOUT, Series, Setting, SuiteResult, SystemStatus};
use super::system::{Call, Client, Trouble};
use super::workload::World;
use crate::bench::machine::Machine;
use crate::clock;
use crate::trace::ReadOptions;
use crate::units::rfc3339;

/// Moves that are made before answers are compared, so that it is seen that moves are made.
const FIRST_MOVES: usize = 1_000;

/// How long nothing is done before memory is looked at: what a system frees behind the scenes, or gives
/// back to the machine once a second, is then no longer its own.
const QUIET: Duration = Duration::from_secs(4);

/// What a run is.
#[derive(Clone, Debug)]
pub struct SuiteOptions {
    /// What is looked at.
    pub suites: Vec<Suite>,
    /// Who takes part beside us, and where it is if it runs already.
    pub peers: Vec<(String, Option<String>)>,
    /// How large.
    pub scale: Scale,
    /// A recorded day.
    pub trace: Option<PathBuf>,
    /// How it is read.
    pub read: ReadOptions,
    /// How often each is run.
    pub repeat: u32,
    /// How long a run takes, in seconds.
    pub seconds: f64,
    /// What the workloads are made from.
    pub seed: u64,
    /// The limit on p99 under load, in milliseconds.
    pub limit_ms: f64,
    /// For how long our server's threads look for more before they sleep, in microseconds, at most
    /// [`crate::limits::MAX_BUSY_POLL_US`].
    pub busy_poll_us: u64,
    /// This program, which serves as our server.
    pub program: PathBuf,
    /// The command line, for the record.
    pub command: String,
}

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Tasks that are done, or were begun.
    pub done: usize,
    /// Tasks in all.
    pub of: usize,
    /// What is being done.
    pub doing: String,
}

/// What a task is done with.
pub(super) struct Ground<'a> {
    pub(super) options: &'a SuiteOptions,
    pub(super) world: &'a World,
    pub(super) day: Option<&'a Day>,
    pub(super) scan: &'a Scan,
    pub(super) stop: &'a AtomicBool,
    pub(super) watch: &'a dyn Fn(String),
}

/// Runs the suite. It ends early when `stop` is set, with what there is.
///
/// # Errors
/// [`DayError`] if the trace cannot be read. What befalls a system is part of the result.
pub fn run(
    options: &SuiteOptions,
    watch: &dyn Fn(Progress),
    stop: &AtomicBool,
) -> Result<SuiteResult, DayError> {
    let began = clock::stopwatch();
    let at = rfc3339(clock::wall_now());
    let machine = Machine::describe();
    let day = options.trace.as_deref().map(|path| Day::read(path, &options.read)).transpose()?;
    let stages = stages(&options.suites, options.scale, options.trace.clone());
    let of = stages.iter().map(|stage| stage.tasks.len()).sum();
    let mut members = start(options);
    let (mut series, mut done) = (Vec::new(), 0);
    for stage in &stages {
        let world = match &stage.spec {
            Spec::Made(workload, drivers) => Some(World::new(*workload, *drivers, options.seed)),
            Spec::Recorded(_) => None,
        };
        let recorded = day.as_ref().filter(|_| world.is_none());
        let Some(world) = world.as_ref().or(recorded.map(|day| &day.world)) else { continue };
        let first = &world.moves[..world.moves.len().min(FIRST_MOVES)];
        let mut scan = Scan::new(world.positions.clone());
        for &m in first {
            scan.update(m);
        }
        let say = |doing: String| watch(Progress { done, of, doing });
        load(&mut members, stage, world, stop, &say);
        for (i, task) in stage.tasks.iter().enumerate() {
            let doing = |doing| watch(Progress { done: done + i, of, doing });
            let ground = Ground { options, world, day: recorded, scan: &scan, stop, watch: &doing };
            let mut made = perform(&ground, task, &mut members);
            if leaves_unknown(stage, i) {
                agree_after(&ground, stage, &mut members, &mut made);
            }
            series.extend(made);
        }
        done += stage.tasks.len();
    }
    series.sort_by_key(|series: &Series| {
        Suite::ALL.iter().position(|suite| suite.name() == series.suite)
    });
    Ok(SuiteResult {
        layout: LAYOUT,
        began: at,
        seconds: began.elapsed().as_secs_f64(),
        command: options.command.clone(),
        scale: options.scale.name().to_owned(),
        seed: options.seed,
        machine: machine.into(),
        systems: members.into_iter().map(Member::into_record).collect(),
        series,
    })
}

/// Loads each system that has something to do in a stage.
fn load(
    members: &mut [Member],
    stage: &Stage,
    world: &World,
    stop: &AtomicBool,
    say: &dyn Fn(String),
) {
    for member in members {
        if stop.load(Ordering::Relaxed) || !stage.tasks.iter().any(|task| member.takes(task, world))
        {
            continue;
        }
        say(format!("{} drivers of {} into {}", world.drivers(), world.name, member.name()));
        let first = &world.moves[..world.moves.len().min(FIRST_MOVES)];
        member.progress = Made::after_moves(first.len());
        member.attempt(|system| {
            system.load(world)?;
            let Some(&call) = system.updates().first() else { return Ok(()) };
            let mut client = system.client(Some(call), None)?;
            client.update(call, first)?;
            client.settle()
        });
    }
}

/// Measures all systems at one task.
fn perform(ground: &Ground<'_>, task: &Task, members: &mut [Member]) -> Vec<Series> {
    let mut entries: Vec<Entry> = Vec::new();
    for (member, who) in members.iter().enumerate() {
        if who.takes(task, ground.world) {
            let jobs = jobs(who, task, ground.day);
            entries.extend(jobs.into_iter().map(|job| Entry {
                member,
                job,
                series: blank(who.name(), task, &job, ground),
            }));
        }
    }
    agree_before(ground, task, members, &mut entries);
    match task.kind {
        Kind::Memory => weigh(ground, members, &mut entries),
        Kind::Closed | Kind::Trace => repeat(ground, task, members, &mut entries),
        Kind::Open => climb(ground, members, &mut entries),
    }
    let told = |series: &Series| {
        !series.runs.is_empty() || series.climb.is_some() || series.bytes_per_driver.is_some()
    };
    entries.into_iter().map(|entry| entry.series).filter(told).collect()
}

/// One system's way of doing a task, and what came of it.
pub(super) struct Entry {
    pub(super) member: usize,
    pub(super) job: Job,
    pub(super) series: Series,
}

/// Whether it is known after this task where everybody is, and after the next no longer.
fn leaves_unknown(stage: &Stage, task: usize) -> bool {
    let moves = |task: &Task| task.update_percent > 0 && task.kind != Kind::Memory;
    let known = |task: &Task| moves(task) && task.threads == 1 && task.kind != Kind::Trace;
    let [this, later @ ..] = &stage.tasks[task..] else { return false };
    known(this) && !later.iter().any(known)
}

/// Looks at what the drivers take: as they were loaded, then with what a system keeps apart.
fn weigh(ground: &Ground<'_>, members: &mut [Member], entries: &mut Vec<Entry>) {
    (ground.watch)("memory".to_owned());
    std::thread::sleep(QUIET);
    let drivers = f64::from(ground.world.drivers().max(1));
    let each = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / drivers);
    let mut apart = Vec::new();
    for Entry { member, job, series } in &mut *entries {
        let member_ix = *member;
        let member = &mut members[member_ix];
        series.bytes_per_driver = each(member.attempt(|system| system.memory()).flatten());
        let more = member.attempt(|system| system.memory_with_state(ground.world)).flatten();
        if more.is_some() {
            let mut series = series.clone();
            series.call.push_str("+state");
            series.bytes_per_driver = each(more);
            apart.push(Entry { member: member_ix, job: *job, series });
        }
    }
    entries.append(&mut apart);
}

/// The ways in which a system does a task.
fn jobs(member: &Member, task: &Task, day: Option<&Day>) -> Vec<Job> {
    let Some(system) = member.system() else { return Vec::new() };
    let wanted = |call: &&Call| task.calls.include(**call);
    let moves: Vec<Call> = system.updates().iter().filter(wanted).copied().collect();
    let asks: Vec<Call> = system.questions().iter().filter(wanted).copied().collect();
    let update_percent = match (task.kind, day) {
        (Kind::Trace, Some(day)) => day.update_percent(),
        _ => task.update_percent,
    };
    let mixed = update_percent > 0 && task.ask.is_some();
    let job = |update, ask| Job { update, ask: task.ask.zip(ask).map(swap), update_percent };
    if task.kind == Kind::Memory {
        return vec![job(None, None)];
    }
    match (task.ask, mixed) {
        (None, _) => moves.into_iter().map(|call| job(Some(call), None)).collect(),
        (Some(_), false) => asks.into_iter().map(|call| job(None, Some(call))).collect(),
        (Some(_), true) => asks.iter().map(|&ask| job(moves.first().copied(), Some(ask))).collect(),
    }
}

fn swap<A, B>((a, b): (A, B)) -> (B, A) {
    (b, a)
}

/// A series in which nothing has been measured yet.
fn blank(system: &str, task: &Task, job: &Job, ground: &Ground<'_>) -> Series {
    let (update, ask) = (job.update.map(Call::name), job.ask.map(|(call, _)| call.name()));
    let call = match (update, ask) {
        (Some(update), Some(ask)) if update != ask => format!("{update}+{ask}"),
        (Some(call), _) | (None, Some(call)) => call.to_owned(),
        (None, None) => "load".to_owned(),
    };
    let unit = match (update, ask) {
        (Some(_), Some(_)) => "operations",
        (None, Some(_)) => "queries",
        _ => "updates",
    };
    let asked = task.ask.filter(|_| job.ask.is_some());
    Series {
        suite: task.suite.name().to_owned(),
        system: system.to_owned(),
        call,
        setting: Setting {
            workload: ground.world.name.clone(),
            drivers: u64::from(ground.world.drivers()),
            k: asked.map_or(0, |ask| ask.k),
            radius_m: asked.map_or(0, |ask| ask.radius_m),
            passing_percent: asked.map_or(100, |ask| ask.passing.percent()),
            update_percent: job.update_percent,
            threads: task.threads,
        },
        unit: unit.to_owned(),
        runs: Vec::new(),
        climb: None,
        bytes_per_driver: None,
        agreement: None,
    }
}

/// Runs each as often as was asked for, in turns.
fn repeat(ground: &Ground<'_>, task: &Task, members: &mut [Member], entries: &mut [Entry]) {
    let Ground { options, world, day, stop, .. } = *ground;
    let shares = if task.threads > 1 { world.shares(task.threads) } else { Vec::new() };
    // Each thread asks elsewhere.
    let places = world.places.chunks(world.places.len().div_ceil(task.threads as usize).max(1));
    let shared = shares.iter().zip(places).map(|(moves, places)| Work::new(moves, places));
    let shared: Vec<Work<'_>> = shared.collect();
    let mut shared = vec![shared; entries.len()];
    for turn in 0..options.repeat {
        let order = (0..entries.len()).map(|i| (i + turn as usize) % entries.len());
        for i in order.collect::<Vec<_>>() {
            let Entry { member, job, series } = &mut entries[i];
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let (suite, system, call) = (&series.suite, &series.system, &series.call);
            (ground.watch)(format!("{suite}: {system} {call}, {} of {}", turn + 1, options.repeat));
            let member = &mut members[*member];
            let mut own = [Work::new(&world.moves, &world.places).going_on(member.progress)];
            let alone = shared[i].is_empty();
            let work = if alone { &mut own[..] } else { &mut shared[i][..] };
            let run = member.attempt(|system| match day {
                Some(day) => day.run(system, *job, options.seconds, stop),
                None => closed(system, *job, work, options.seconds, stop),
            });
            if alone {
                member.progress = own[0].progress();
            }
            series.runs.extend(run.filter(|run| run.operations > 0));
        }
    }
}

/// Lets each climb, a step at a time, in turns.
fn climb(ground: &Ground<'_>, members: &mut [Member], entries: &mut [Entry]) {
    let Ground { options, world, stop, .. } = *ground;
    let own = |member: &Member| Work::new(&world.moves, &world.places).going_on(member.progress);
    let mut climbers: Vec<Option<Climber>> = entries
        .iter()
        .map(|Entry { member, job, .. }| {
            // A rate that should be easy.
            let member = &mut members[*member];
            let mut work = [own(member)];
            let seconds = options.seconds.min(0.5);
            let most = member.attempt(|system| closed(system, *job, &mut work, seconds, stop));
            member.progress = work[0].progress();
            most.map(|run| Climber::new(run.rate() * 0.3, options.limit_ms))
        })
        .collect();
    loop {
        let mut climbed = false;
        for (Entry { member, job, series }, climber) in entries.iter_mut().zip(&mut climbers) {
            let Some(rate) = climber.as_ref().and_then(Climber::next) else { continue };
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let (system, call) = (&series.system, &series.call);
            (ground.watch)(format!("load: {system} {call}, {rate:.0}/s"));
            let member = &mut members[*member];
            let mut work = own(member);
            let taken = member.attempt(|system| {
                let mut client = system.client(job.update, job.ask.map(|(call, _)| call))?;
                warm(&mut *client, *job, &mut work)?;
                let pace = [rate, options.seconds, options.limit_ms];
                step(&mut *client, *job, &mut work, pace, stop)
            });
            member.progress = work.progress();
            match (taken, &mut *climber) {
                (Some(step), Some(climber)) => climber.took(step),
                _ => *climber = None,
            }
            climbed = true;
        }
        if !climbed {
            break;
        }
    }
    for (entry, climber) in entries.iter_mut().zip(climbers) {
        entry.series.climb = climber.map(Climber::finish).filter(|climb| !climb.steps.is_empty());
    }
}

/// Opens what is opened at first use, before a clock runs.
fn warm(client: &mut dyn Client, job: Job, work: &mut Work<'_>) -> Result<(), Trouble> {
    if let Some(call) = job.update {
        client.update(call, work.moves.next(16))?;
        client.settle()?;
    }
    if let Some((call, ask)) = job.ask {
        client.ask(call, &ask, work.places.next(4), &mut |_, _| ())?;
    }
    Ok(())
}

/// Whether nobody broke down and no answer was wrong.
pub fn sound(result: &SuiteResult) -> bool {
    let failed = |status: &SystemStatus| matches!(status, SystemStatus::Failed { .. });
    let wrong = |series: &Series| series.agreement.is_some_and(|found| found.different > 0);
    !result.systems.iter().any(|system| failed(&system.status)) && !result.series.iter().any(wrong)
}
