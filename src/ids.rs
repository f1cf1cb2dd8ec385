//! Names that the outside gives to drivers.
//!
//! An id is an opaque string of 1 to 64 bytes. It is stored inline, so that parsing, comparing
//! and copying one never allocates. Inside the index a driver is a dense number; this is the
//! only form that leaves the process.

use std::fmt;

/// The longest id, in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// A driver's name: 1 to 64 bytes of UTF-8 without control characters.
///
/// Ordered by bytes; this order breaks ties between drivers at the same distance.
///
/// # Examples
/// ```
/// use hansom::ids::DriverId;
/// let id: DriverId = "cab-7".parse()?;
/// assert_eq!(id.as_str(), "cab-7");
/// assert_eq!("".parse::<DriverId>().unwrap_err().to_string(), "id is empty; 1 to 64 bytes are allowed");
/// # Ok::<(), hansom::ids::IdError>(())
/// ```
#[derive(Clone, Copy)]
pub struct DriverId {
    length: u8,
    bytes: [u8; MAX_ID_BYTES],
}

/// Why a string is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The string has no bytes.
    #[error("id is empty; 1 to {MAX_ID_BYTES} bytes are allowed")]
    Empty,
    /// The string is longer than the limit.
    #[error("id has {bytes} bytes; 1 to {MAX_ID_BYTES} bytes are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The string has a control character, which would corrupt logs and tables.
    #[error("id has the control character U+{code:04X} at byte {at}; none is allowed")]
    Control {
        /// The character's code point.
        code: u32,
        /// Where it stands.
        at: usize,
    },
    /// The bytes are not UTF-8.
    #[error("id is not UTF-8 from byte {valid_up_to}")]
    NotUtf8 {
        /// How many bytes were fine.
        valid_up_to: usize,
    },
}

impl DriverId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Made from a `&str` in `from_str` and never changed: the fallback cannot be reached.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The id made of bytes that were taken from an id.
    pub(crate) fn from_known(known: &[u8]) -> Self {
        let length = known.len().min(MAX_ID_BYTES);
        let mut bytes = [0; MAX_ID_BYTES];
        bytes[..length].copy_from_slice(&known[..length]);
        #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
        Self { length: length as u8, bytes }
    }

    /// The id as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl std::str::FromStr for DriverId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > MAX_ID_BYTES {
            return Err(IdError::TooLong { bytes: text.len() });
        }
        if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_control()) {
            return Err(IdError::Control { code: u32::from(c), at });
        }
        let mut bytes = [0; MAX_ID_BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        let length =
            u8::try_from(text.len()).map_err(|_| IdError::TooLong { bytes: text.len() })?;
        Ok(Self { length, bytes })
    }
}

impl TryFrom<&[u8]> for DriverId {
    type Error = IdError;

    fn try_from(bytes: &[u8]) -> Result<Self, IdError> {
        let text = str::from_utf8(bytes)
            .map_err(|error| IdError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
        text.parse()
    }
}

impl PartialEq for DriverId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for DriverId {}

impl PartialOrd for DriverId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DriverId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl std::hash::Hash for DriverId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for DriverId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for DriverId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DriverId({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_sharp() {
        assert!("x".repeat(64).parse::<DriverId>().is_ok());
        assert_eq!("x".repeat(65).parse::<DriverId>(), Err(IdError::TooLong { bytes: 65 }));
        assert_eq!("".parse::<DriverId>(), Err(IdError::Empty));
        assert_eq!("a\nb".parse::<DriverId>(), Err(IdError::Control { code: 10, at: 1 }));
        assert_eq!(DriverId::try_from(&b"a\xff"[..]), Err(IdError::NotUtf8 { valid_up_to: 1 }));
    }

    #[test]
    fn order_is_that_of_the_bytes() {
        let mut ids: Vec<DriverId> =
            ["b", "a", "ab", "é", "B"].iter().map(|t| t.parse().unwrap()).collect();
        ids.sort();
        let texts: Vec<&str> = ids.iter().map(DriverId::as_str).collect();
        assert_eq!(texts, ["B", "a", "ab", "b", "é"]);
    }
}
