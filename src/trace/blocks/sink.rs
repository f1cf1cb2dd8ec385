//! Where traces, and other files of blocks, are written to.

use std::fs::File;
use std::io::{self, Write};

/// Where a file of blocks is written to.
pub trait Sink: Write {
    /// Makes what was written survive a crash of the machine.
    ///
    /// # Errors
    /// Those of the device.
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// In memory, for tests and comparisons: nothing survives, by nature.
impl Sink for Vec<u8> {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
