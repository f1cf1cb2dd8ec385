//! The text of a name, stored inline: what all names that the outside chooses have in common.

use super::{IdError, MAX_ID_BYTES};

/// 1 to 64 bytes of UTF-8 without control characters.
#[derive(Clone, Copy)]
pub(super) struct Text {
    length: u8,
    bytes: [u8; MAX_ID_BYTES],
}

impl Text {
    /// The text of a name.
    ///
    /// # Errors
    /// [`IdError`] if it is empty, too long, or holds a control character.
    pub(super) fn new(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > MAX_ID_BYTES {
            return Err(IdError::TooLong { bytes: text.len() });
        }
        if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_control()) {
            return Err(IdError::Control { code: u32::from(c), at });
        }
        Ok(Self::from_known(text.as_bytes()))
    }

    /// The text made of bytes that were taken from one.
    pub(super) fn from_known(known: &[u8]) -> Self {
        let length = known.len().min(MAX_ID_BYTES);
        let mut bytes = [0; MAX_ID_BYTES];
        bytes[..length].copy_from_slice(&known[..length]);
        #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
        Self { length: length as u8, bytes }
    }

    pub(super) fn as_str(&self) -> &str {
        // Made from a `&str` and never changed: the fallback cannot be reached.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Declares a name: a type of its own around a [`Text`], with all that a name can do.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name(Text);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The name as bytes.
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Text::new(text).map(Self)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdError;

            fn try_from(bytes: &[u8]) -> Result<Self, IdError> {
                let text = str::from_utf8(bytes)
                    .map_err(|error| IdError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
                text.parse()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_bytes() == other.as_bytes()
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.as_bytes().cmp(other.as_bytes())
            }
        }

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.as_bytes().hash(state);
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.as_str())
            }
        }
    };
}

pub(super) use name;
