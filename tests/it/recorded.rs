//! Where recorded data of real cities are.
//!
//! They live outside the repository, in `HANSOM_DATA`; without them each test says that it skips.

use std::path::PathBuf;

/// Where the recorded file of this name is, like `traces/x.tar.gz`, or `None` after saying that it
/// is absent.
pub(crate) fn recorded(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("HANSOM_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")),
        PathBuf::from,
    );
    let path = data.join(name);
    if !path.exists() {
        println!("skipped: {} is absent; set HANSOM_DATA", path.display());
        return None;
    }
    Some(path)
}
