//! The benchmark suite: the same work done by this program and by what people use today.
//!
//! Start reading at [`plan`] (what is measured), [`system`] (what a system has to be able to do)
//! and [`run()`]. [`result`] is what a run leaves behind: every part of the suite writes it, and
//! the tables, the page and the comparison of two runs read nothing else. How each peer is used,
//! and why so, stands in its file under [`peers`].

mod agreement;
mod checks;
mod closed;
pub mod compare;
mod launch;
#[cfg(test)]
mod made_up;
mod members;
mod open;
pub mod peers;
pub mod plan;
mod quantiles;
mod recorded;
pub mod report;
pub mod result;
mod run;
pub mod system;
mod workload;

pub use agreement::{Expected, Scan};
pub use closed::{Circle, Job, Progress as Made, Work, closed};
pub use open::{Climber, step};
pub use plan::{Scale, Suite};
pub use recorded::{Day, DayError};
pub use run::{Progress, SuiteOptions, run, sound};
pub use workload::{Ask, Move, Passing, Workload, World, class};
