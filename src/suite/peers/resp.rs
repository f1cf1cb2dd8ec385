//! Commands and replies of Redis's protocol, for those who speak it.
//!
//! Commands are written into one buffer and sent together; while a server works at them, the next
//! are written. That is as deep as pipelines go, and what its best clients do.

use std::time::Duration;

use redis::Value;

use crate::suite::system::Trouble;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// One connection.
pub(super) struct Pipe {
    connection: redis::Connection,
    buffer: Vec<u8>,
    /// Commands in the buffer.
    written: usize,
    /// Commands that were sent and not answered.
    waiting: usize,
}

impl Pipe {
    /// Connects.
    pub(super) fn open(url: &str) -> Result<Self, Trouble> {
        let client = redis::Client::open(url).map_err(Trouble::failed)?;
        let connection = client.get_connection_with_timeout(PATIENCE).map_err(Trouble::failed)?;
        connection.set_read_timeout(Some(PATIENCE)).map_err(Trouble::failed)?;
        Ok(Self { connection, buffer: Vec::new(), written: 0, waiting: 0 })
    }

    /// Begins a command of so many words.
    pub(super) fn begin(&mut self, words: usize) {
        self.header(b'*', words);
        self.written += 1;
    }

    /// The next word of a command.
    pub(super) fn word(&mut self, word: &[u8]) {
        self.header(b'$', word.len());
        self.buffer.extend_from_slice(word);
        self.buffer.extend_from_slice(b"\r\n");
    }

    /// Ten-millionths of a degree, as the next word.
    pub(super) fn degrees(&mut self, e7: i32) {
        let mut digits = [0; 16];
        let length = degrees(e7, &mut digits);
        self.word(&digits[..length]);
    }

    /// A number, as the next word.
    pub(super) fn number(&mut self, number: u32) {
        let mut digits = [0; 10];
        let length = decimal(number, &mut digits);
        self.word(&digits[10 - length..]);
    }

    /// A whole command.
    pub(super) fn command(&mut self, words: &[&[u8]]) {
        self.begin(words.len());
        for word in words {
            self.word(word);
        }
    }

    fn header(&mut self, kind: u8, count: usize) {
        let mut digits = [0; 10];
        let length = decimal(u32::try_from(count).unwrap_or(u32::MAX), &mut digits);
        self.buffer.push(kind);
        self.buffer.extend_from_slice(&digits[10 - length..]);
        self.buffer.extend_from_slice(b"\r\n");
    }

    /// Sends what was written, and tells how many commands that were.
    pub(super) fn send(&mut self) -> Result<usize, Trouble> {
        self.connection.send_packed_command(&self.buffer).map_err(Trouble::failed)?;
        self.buffer.clear();
        let sent = std::mem::take(&mut self.written);
        self.waiting += sent;
        Ok(sent)
    }

    /// Commands without a reply.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// The next reply.
    pub(super) fn reply(&mut self) -> Result<Value, Trouble> {
        let reply = self.connection.recv_response().map_err(Trouble::failed)?;
        self.waiting -= 1;
        match reply {
            Value::ServerError(error) => Err(Trouble::Failed(format!("{error:?}"))),
            reply => Ok(reply),
        }
    }

    /// Takes replies until only so many commands wait.
    pub(super) fn drain(&mut self, until: usize) -> Result<(), Trouble> {
        while self.waiting > until {
            self.reply()?;
        }
        Ok(())
    }

    /// Sends one command and takes its reply, after all others.
    pub(super) fn call(&mut self, words: &[&[u8]]) -> Result<Value, Trouble> {
        self.command(words);
        self.send()?;
        self.drain(1)?;
        self.reply()
    }

    /// A line `name:value` of what `INFO` says of a section.
    pub(super) fn info(&mut self, section: &str, name: &str) -> Result<Option<String>, Trouble> {
        let text = match self.call(&[b"INFO", section.as_bytes()])? {
            Value::BulkString(text) => String::from_utf8_lossy(&text).into_owned(),
            Value::VerbatimString { text, .. } | Value::SimpleString(text) => text,
            other => return Err(odd(&other)),
        };
        let value = |line: &str| {
            let value = line.strip_prefix(name)?.strip_prefix(':')?;
            Some(value.trim().to_owned())
        };
        Ok(text.lines().find_map(value))
    }
}

/// A reply that the protocol does not allow here.
pub(super) fn odd(reply: &Value) -> Trouble {
    Trouble::Failed(format!("unexpected reply {reply:?}"))
}

/// The distance in a reply, in metres.
pub(super) fn metres(value: &Value) -> Result<f64, Trouble> {
    let parsed = match value {
        Value::Double(metres) => Some(*metres),
        Value::BulkString(text) => str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
        Value::SimpleString(text) => text.parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| odd(value))
}

/// Writes a number at the end of `digits`; how long it is.
fn decimal(mut number: u32, digits: &mut [u8; 10]) -> usize {
    let mut length = 0;
    loop {
        length += 1;
        digits[10 - length] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            return length;
        }
    }
}

/// Writes ten-millionths of a degree as degrees; how long that is.
fn degrees(e7: i32, text: &mut [u8; 16]) -> usize {
    let (whole, mut rest) = (e7.unsigned_abs() / 10_000_000, e7.unsigned_abs() % 10_000_000);
    let mut length = 0;
    if e7 < 0 {
        text[0] = b'-';
        length = 1;
    }
    let mut digits = [0; 10];
    let count = decimal(whole, &mut digits);
    text[length..length + count].copy_from_slice(&digits[10 - count..]);
    length += count;
    text[length] = b'.';
    for digit in text[length + 1..length + 8].iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    length + 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_written_exactly() {
        let mut text = [0; 16];
        for (e7, due) in [
            (0, "0.0000000"),
            (-1, "-0.0000001"),
            (1_800_000_000, "180.0000000"),
            (-1_799_999_999, "-179.9999999"),
            (377_955_000, "37.7955000"),
        ] {
            let length = degrees(e7, &mut text);
            assert_eq!(str::from_utf8(&text[..length]).unwrap(), due);
        }
    }
}
