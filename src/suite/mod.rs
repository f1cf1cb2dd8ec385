//! The benchmark suite: the same work done by this program and by what people use today.
//!
//! [`result`] is what a run leaves behind: every part of the suite writes it, and the tables, the
//! page and the comparison of two runs read nothing else.

pub mod compare;
#[cfg(test)]
mod made_up;
pub mod report;
pub mod result;
