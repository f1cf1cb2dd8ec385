//! Names: those that the outside gives to drivers, riders and requests, and those that a market
//! gives to its trips, offers and quotes.
//!
//! What the outside chooses is an opaque string of 1 to 64 bytes, stored inline, so that parsing,
//! comparing and copying it never allocates. What a market gives is the market's name and a number.
//! Inside the index a driver is a dense number; these are the only forms that leave the process.

mod text;
mod trip;

use std::fmt;

use text::{Text, name};
pub use trip::{
    MAX_MARKET_BYTES, MarketId, MarketIdError, NumberedIdError, OfferId, QuoteId, TripId,
};

/// The longest name that the outside can choose, in bytes.
pub const MAX_ID_BYTES: usize = 64;

name! {
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
    DriverId
}

name! {
    /// A rider's name: 1 to 64 bytes of UTF-8 without control characters.
    ///
    /// # Examples
    /// ```
    /// use hansom::ids::RiderId;
    /// assert_eq!("ada".parse::<RiderId>()?.to_string(), "ada");
    /// # Ok::<(), hansom::ids::IdError>(())
    /// ```
    RiderId
}

name! {
    /// What a rider's app calls one request: the same key again is the same request again, so that
    /// an app that has not heard an answer may ask once more. 1 to 64 bytes of UTF-8 without control
    /// characters, unique among the requests of one rider; a random UUID is a good one.
    ///
    /// # Examples
    /// ```
    /// use hansom::ids::RequestKey;
    /// let key: RequestKey = "7c9e6679-7425-40de-944b-e07fc1f90ae7".parse()?;
    /// assert_eq!(key.as_bytes().len(), 36);
    /// # Ok::<(), hansom::ids::IdError>(())
    /// ```
    RequestKey
}

impl DriverId {
    /// The id made of bytes that were taken from an id.
    pub(crate) fn from_known(known: &[u8]) -> Self {
        Self(Text::from_known(known))
    }
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

    #[test]
    fn names_say_what_they_name() {
        assert_eq!(format!("{:?}", "a".parse::<RiderId>().unwrap()), "RiderId(\"a\")");
        assert_eq!(format!("{:?}", "a".parse::<RequestKey>().unwrap()), "RequestKey(\"a\")");
    }
}
