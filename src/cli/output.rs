//! What the trace subcommands share: a file that appears only when it is whole, a progress bar,
//! and the table at the end.

use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use tempfile::NamedTempFile;

use crate::trace::{Order, TraceWriter, civil};
use crate::units::Timestamp;

/// The exit code after a trace that is damaged and has been read up to the damage: neither 1,
/// which is failure, nor 2, which is clap's for wrong arguments, nor 3, which is a wrong answer.
pub(super) const DAMAGED: u8 = 4;

/// A file that is written under a temporary name beside its place and renamed when it is whole.
/// Dropped before that, it leaves nothing behind.
pub(super) struct NewFile {
    temporary: NamedTempFile,
    path: PathBuf,
    overwrite: Overwrite,
}

/// A trace that is written as a [`NewFile`].
pub(super) struct NewTrace(NewFile);

/// Whether an existing file may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overwrite {
    Refuse,
    Replace,
}

impl Overwrite {
    pub(super) const fn from_force(force: bool) -> Self {
        if force { Self::Replace } else { Self::Refuse }
    }
}

impl NewFile {
    /// Refuses a place that is taken or cannot be written to, before any work is done.
    pub(super) fn create(path: &Path, overwrite: Overwrite) -> anyhow::Result<Self> {
        if overwrite == Overwrite::Refuse {
            anyhow::ensure!(!path.exists(), "{} exists; --force replaces it", path.display());
        }
        anyhow::ensure!(!path.is_dir(), "{} is a folder", path.display());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        readable(builder.prefix(".hansom-").suffix(".tmp"));
        let temporary = builder
            .tempfile_in(folder)
            .with_context(|| format!("cannot create a file in {}", folder.display()))?;
        Ok(Self { temporary, path: path.to_path_buf(), overwrite })
    }

    /// Where the content goes.
    pub(super) fn file(&mut self) -> &mut File {
        self.temporary.as_file_mut()
    }

    /// Gives the file its name; returns its size in bytes.
    pub(super) fn finish(self) -> anyhow::Result<u64> {
        let bytes = self.temporary.as_file().metadata()?.len();
        self.persist()?;
        Ok(bytes)
    }

    /// Writes all of the content and gives the file its name.
    pub(super) fn finish_with(mut self, content: &[u8]) -> anyhow::Result<()> {
        let written = self.temporary.write_all(content);
        written.with_context(|| format!("cannot write {}", self.path.display()))?;
        self.persist()
    }

    fn persist(self) -> anyhow::Result<()> {
        let persisted = match self.overwrite {
            Overwrite::Replace => self.temporary.persist(&self.path),
            Overwrite::Refuse => self.temporary.persist_noclobber(&self.path),
        };
        persisted.with_context(|| format!("cannot name the result {}", self.path.display()))?;
        Ok(())
    }
}

impl NewTrace {
    pub(super) fn create(path: &Path, overwrite: Overwrite) -> anyhow::Result<(Self, TraceWriter)> {
        let new = NewFile::create(path, overwrite)?;
        let file = new.temporary.reopen().context("cannot open the temporary file")?;
        let writer = TraceWriter::new(file, path, Order::ByTime)?;
        Ok((Self(new), writer))
    }

    /// Writes what is pending and gives the file its name; returns its size in bytes.
    pub(super) fn finish(self, writer: TraceWriter) -> anyhow::Result<u64> {
        let file = writer.finish()?;
        let bytes = file.metadata()?.len();
        self.0.persist()?;
        Ok(bytes)
    }
}

/// Temporary files are private; a result is an ordinary file, readable as the umask allows.
#[cfg(unix)]
fn readable(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable(_: &mut tempfile::Builder<'_, '_>) {}

/// A bar on standard error if that is a terminal; otherwise nothing is shown.
pub(super) fn bar(length: u64, unit: Unit) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = match unit {
        Unit::Bytes => "{msg:8} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        Unit::Rows => "{msg:8} {wide_bar} {human_pos}/{human_len} rows {rows_per_sec} {eta}",
    };
    ProgressBar::new(length).with_style(bar_style(template))
}

/// What a bar counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Bytes,
    Rows,
}

/// A table of names and values.
pub(super) struct Summary(Table);

impl Summary {
    pub(super) fn new() -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        Self(table)
    }

    pub(super) fn row(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        self.0.add_row([name.to_owned(), value.to_string()]);
        self
    }

    pub(super) fn span(&mut self, span: Option<(Timestamp, Timestamp)>) -> &mut Self {
        let Some((first, last)) = span else { return self.row("span", "none") };
        let seconds = last.since(first).get() / 1_000;
        let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let (first, last) = (civil::rfc3339(first), civil::rfc3339(last));
        self.row("span", format!("{first} to {last} ({hours}:{minutes:02}:{rest:02})"))
    }

    #[expect(clippy::print_stdout, reason = "the result of the command")]
    pub(super) fn print(&self) {
        println!("{}", self.0.trim_fmt());
    }
}

/// A whole number with its thousands set apart.
pub(super) fn grouped(number: u64) -> String {
    thousands(&number.to_string())
}

/// A number that is not negative, rounded, with its thousands set apart.
pub(super) fn rounded(number: f64) -> String {
    thousands(&format!("{number:.0}"))
}

fn thousands(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A bar's style, whose `{rows_per_sec}` is a whole number.
pub(super) fn bar_style(template: &str) -> ProgressStyle {
    let rate = |state: &ProgressState, f: &mut dyn std::fmt::Write| {
        // There is nobody to tell that a bar could not be drawn.
        write!(f, "{}/s", rounded(state.per_sec())).unwrap_or_default();
    };
    // The templates are constant; the default style is no harm.
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("rows_per_sec", rate)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use indicatif::{ProgressDrawTarget, TermLike};
    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let texts = [0, 999, 1_000, 507_231, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "507,231", "1,234,567"]);
        assert_eq!([0.0, 7_713_624.055_4].map(rounded), ["0", "7,713,624"]);
    }

    /// A terminal that keeps what is written.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bars_rate_has_no_decimals() {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let bar = ProgressBar::with_draw_target(Some(1_000_000), target);
        bar.set_style(bar_style("{human_pos} rows {rows_per_sec}"));
        bar.set_position(777_777);
        bar.tick();
        let shown = screen.0.lock().clone();
        assert!(shown.contains("777,777 rows ") && shown.contains("/s"), "{shown}");
        assert!(!shown.contains('.'), "{shown}");
    }
}
