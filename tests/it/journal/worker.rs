//! What the processes of these tests do. Without a role, as when all tests are run, nothing.

use std::io::Write as _;
use std::path::PathBuf;

use hansom::journal::{Batch, Journal as _, JournalConfig, RedbJournal};

use super::ledger::{CONFIG, Ledger};
use super::{FOLDER, ROLE};

fn tell(what: &str, rest: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "worker: {what} {rest}").unwrap();
    out.flush().unwrap();
}

#[test]
fn works() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    match role.as_str() {
        "commit" => commit(&RedbJournal::open(&folder, CONFIG).unwrap()),
        // One file that is too large before it is sealed.
        "fill" => {
            let config = JournalConfig { segment_bytes: u64::MAX, ..CONFIG };
            commit(&RedbJournal::open(&folder, config).unwrap());
        }
        "reserve" => {
            let config = JournalConfig { reserve_bytes: 1 << 20, ..CONFIG };
            commit(&RedbJournal::open(&folder, config).unwrap());
        }
        "verify" => {
            let journal = RedbJournal::open(&folder, CONFIG).unwrap();
            let commits = journal.stats().commits;
            Ledger::after(commits).compare(&journal).unwrap();
            tell("holds", commits);
        }
        other => panic!("no role is called {other}"),
    }
}

/// Commits and tells until it fails.
fn commit(journal: &RedbJournal) {
    let mut ledger = Ledger::after(journal.stats().commits);
    loop {
        if let Err(error) = journal.commit(&ledger.next()) {
            tell("failed", error);
            break;
        }
        tell("acknowledged", ledger.commits());
    }
    let mut batch = Batch::default();
    batch.set_head(b"later".to_vec());
    tell("later", journal.commit(&batch).unwrap_err());
}
