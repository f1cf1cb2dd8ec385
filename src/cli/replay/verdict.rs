//! What a replay's exit code says, and on standard error why.

use std::process::ExitCode;

use crate::cli::output::DAMAGED;
use crate::replay::Report;

/// The exit code of an answer that differs from the linear scan's.
const DIFFERS: u8 = 3;

/// The exit code after a signal, as shells have it.
const INTERRUPTED: u8 = 130;

/// The verdict on a replay; the gravest finding has the exit code, all are told.
///
/// # Errors
/// The rows do not add up.
#[expect(clippy::print_stderr, reason = "why the exit code is not zero")]
pub(super) fn on(report: &Report) -> anyhow::Result<ExitCode> {
    if let Err(sum) = report.rows.add_up(report.interrupted) {
        anyhow::bail!("the rows do not add up: {sum}");
    }
    for damage in &report.damage {
        eprintln!("hansom: damaged, read up to there: {damage}");
    }
    let mismatch = report.checks.as_ref().and_then(|checks| checks.first_mismatch.as_ref());
    if let Some(mismatch) = mismatch {
        eprintln!(
            "hansom: differs from the linear scan: {}\n  server: {}\n  scan:   {}",
            mismatch.what, mismatch.server, mismatch.scan
        );
        return Ok(ExitCode::from(DIFFERS));
    }
    if report.rows.all_rejected() {
        eprintln!("hansom: {}", nothing_accepted(report));
        return Ok(ExitCode::FAILURE);
    }
    if !report.damage.is_empty() {
        return Ok(ExitCode::from(DAMAGED));
    }
    Ok(if report.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// Says that all rows were rejected, why, and what may help.
fn nothing_accepted(report: &Report) -> String {
    let rows = &report.rows;
    if rows.sent == 0 {
        return "no row is a position report".to_owned();
    }
    let reasons: Vec<&str> = rows.rejected_by_server.keys().map(String::as_str).collect();
    let hint = if reasons.iter().any(|reason| ["too_old", "in_future"].contains(reason)) {
        if report.device_times == "keep" {
            "; did you mean --times rebase?"
        } else {
            "; does the server's clock differ from this machine's?"
        }
    } else if reasons.iter().any(|reason| ["out_of_order", "duplicate"].contains(reason)) {
        "; the server has these rows or later ones already"
    } else {
        ""
    };
    format!("the server rejected all {} rows sent: {}{hint}", rows.sent, reasons.join(", "))
}
