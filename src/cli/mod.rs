//! The command line: one module a subcommand, each with `Args` and `run`.
//!
//! A subcommand parses its arguments, calls the library, prints, and says with which exit code
//! the process ends. Adding one is: a file, a variant, a line in `run`.

mod bench;
mod gathered;
mod generate;
mod import;
mod inspect;
mod market;
mod output;
mod redis;
mod replay;
mod seat;
mod serve;
mod serve_market;
mod serve_mirror;
mod serve_standby;
mod trips;
mod verify_decisions;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

/// A live map of moving drivers that answers "who is nearest?" exactly.
#[derive(Debug, Parser)]
#[command(name = "hansom", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Args>),
    Replay(Box<replay::Args>),
    Bench(bench::Args),
    Import(import::Args),
    Generate(generate::Args),
    Inspect(inspect::Args),
    Trips(trips::Args),
    VerifyDecisions(verify_decisions::Args),
    Redis(redis::Args),
}

/// Parses the process's arguments, runs the subcommand, and returns the exit code. A server has each worker
/// that has nothing to do `give_back` what it has freed ([`crate::server::ServerConfig::give_back`]).
///
/// # Errors
/// Whatever the subcommand could not handle, with its context, for the caller to print.
pub fn run(give_back: fn()) -> anyhow::Result<ExitCode> {
    // What `Cli::parse` does, but keeping which flags were given.
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match cli.command {
        Command::Import(args) => import::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Trips(args) => trips::run(&args),
        Command::VerifyDecisions(args) => verify_decisions::run(&args),
        Command::Redis(args) => redis::run(&args),
        Command::Serve(args) => serve::run(&args, give_back),
        Command::Replay(args) => replay::run(&args, &replay::Given::of(&matches)),
        Command::Bench(args) => bench::run(&args),
    }
}
