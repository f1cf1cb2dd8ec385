//! Lines of text with a bound on their length.

use std::io::{self, BufRead};

use crate::limits;

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line is in the buffer, without its end.
    Whole,
    /// The line is longer than [`limits::MAX_TRACE_LINE_BYTES`]; it was passed over.
    TooLong,
    /// There is no further line.
    End,
}

/// Reads the next line into `line`, which holds at most the limit.
pub(super) fn read(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let (mut any, mut fits) = (false, true);
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            break;
        }
        any = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        fits &= line.len() + part.len() <= limits::MAX_TRACE_LINE_BYTES;
        if fits {
            line.extend_from_slice(part);
        }
        let used = end.map_or(chunk.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(match (any, fits) {
        (false, _) => Line::End,
        (true, false) => Line::TooLong,
        (true, true) => Line::Whole,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_any_way_and_never_grow() {
        let long = "x".repeat(limits::MAX_TRACE_LINE_BYTES + 1);
        let text = format!("a\r\n\n{long}\n{}\nlast", &long[1..]);
        // A small buffer, so that lines arrive in parts.
        let mut input = io::BufReader::with_capacity(7, text.as_bytes());
        let mut line = Vec::new();
        let mut found = Vec::new();
        loop {
            let kind = read(&mut input, &mut line).unwrap();
            assert!(line.len() <= limits::MAX_TRACE_LINE_BYTES);
            found.push((kind, line.len()));
            if kind == Line::End {
                break;
            }
        }
        let limit = limits::MAX_TRACE_LINE_BYTES;
        let lengths: Vec<_> = found.iter().filter(|f| f.0 == Line::Whole).map(|f| f.1).collect();
        assert_eq!(lengths, [1, 0, limit, 4]);
        assert_eq!(found[2].0, Line::TooLong);
        assert_eq!(found.len(), 6);
    }
}
