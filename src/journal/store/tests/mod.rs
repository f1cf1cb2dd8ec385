//! Tests of the journal on disk: full and failing disks, cut power, damage, growth.

pub(in crate::journal) mod bad_disk;
mod damage;
mod failures;
mod format;
mod growth;
mod readers;
