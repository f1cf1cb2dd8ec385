//! What a market names: its trips, the offers made for them, and its quotes.
//!
//! Each is the market's name and a number that is never given twice, so that it can be read aloud
//! and says where it belongs: `sf-12` is a trip, `sf-12.3` the third offer made for it, `sf-q7` a
//! quote.

use std::fmt;
use std::str::FromStr;

/// The longest name of a market, in bytes.
pub const MAX_MARKET_BYTES: usize = 24;

/// A market's name: 1 to 24 lower-case ASCII letters, digits and hyphens, a letter first and no
/// hyphen last.
///
/// # Examples
/// ```
/// use hansom::ids::MarketId;
/// assert_eq!("new-york".parse::<MarketId>()?.as_str(), "new-york");
/// assert!("New York".parse::<MarketId>().is_err());
/// # Ok::<(), hansom::ids::MarketIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarketId {
    // Filled up with zeros, so that the derived order is that of the names.
    bytes: [u8; MAX_MARKET_BYTES],
}

/// A string that names no market.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "market {text:?} is not 1 to {MAX_MARKET_BYTES} of a-z, 0-9 and -, a letter first and no - last"
)]
pub struct MarketIdError {
    /// What was given, cut after 64 characters.
    pub text: String,
}

impl MarketId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        let length = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(MAX_MARKET_BYTES);
        // Made of ASCII and never changed: the fallback cannot be reached.
        str::from_utf8(&self.bytes[..length]).unwrap_or_default()
    }

    /// The name of this market's trip with a number.
    pub const fn trip(self, number: u64) -> TripId {
        TripId { market: self, number }
    }

    /// The name of this market's quote with a number.
    pub const fn quote(self, number: u64) -> QuoteId {
        QuoteId { market: self, number }
    }
}

impl FromStr for MarketId {
    type Err = MarketIdError;

    fn from_str(text: &str) -> Result<Self, MarketIdError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let right = (1..=MAX_MARKET_BYTES).contains(&text.len())
            && text.bytes().all(allowed)
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-');
        if !right {
            return Err(MarketIdError { text: text.chars().take(64).collect() });
        }
        let mut bytes = [0; MAX_MARKET_BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes })
    }
}

impl fmt::Display for MarketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for MarketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MarketId({:?})", self.as_str())
    }
}

/// A trip's name: `<market>-<number>`. Ordered by market, then by number, which is the order of the
/// requests.
///
/// # Examples
/// ```
/// use hansom::ids::TripId;
/// let trip: TripId = "sf-12".parse()?;
/// assert_eq!((trip.market().as_str(), trip.number()), ("sf", 12));
/// assert_eq!(trip.offer(3).to_string(), "sf-12.3");
/// # Ok::<(), hansom::ids::NumberedIdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TripId {
    market: MarketId,
    number: u64,
}

/// The name of one offer: `<trip>.<attempt>`, where attempts count from 1 for each trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId {
    trip: TripId,
    attempt: u32,
}

/// The name of a quote: `<market>-q<number>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuoteId {
    market: MarketId,
    number: u64,
}

/// A string that is not the name it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not of the form {form}")]
pub struct NumberedIdError {
    /// What should have been named.
    pub what: &'static str,
    /// What was given, cut after 64 characters.
    pub text: String,
    /// What such a name looks like.
    pub form: &'static str,
}

impl TripId {
    /// The market that the trip is in.
    pub const fn market(self) -> MarketId {
        self.market
    }

    /// The trip's number in its market, from 1.
    pub const fn number(self) -> u64 {
        self.number
    }

    /// The name of the trip's offer with a number, from 1.
    pub const fn offer(self, attempt: u32) -> OfferId {
        OfferId { trip: self, attempt }
    }
}

impl OfferId {
    /// What was offered.
    pub const fn trip(self) -> TripId {
        self.trip
    }

    /// The offer's number among those for its trip, from 1.
    pub const fn attempt(self) -> u32 {
        self.attempt
    }
}

impl QuoteId {
    /// The market that gave the quote.
    pub const fn market(self) -> MarketId {
        self.market
    }

    /// The quote's number in its market.
    pub const fn number(self) -> u64 {
        self.number
    }
}

/// A number as we write it: no sign, no leading zero.
fn number<T: FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok()).flatten()
}

fn wrong(what: &'static str, form: &'static str, text: &str) -> NumberedIdError {
    NumberedIdError { what, text: text.chars().take(64).collect(), form }
}

impl FromStr for TripId {
    type Err = NumberedIdError;

    fn from_str(text: &str) -> Result<Self, NumberedIdError> {
        let parse = || {
            let (market, number_text) = text.rsplit_once('-')?;
            Some(Self { market: market.parse().ok()?, number: number(number_text)? })
        };
        parse().ok_or_else(|| wrong("trip", "market-number, like sf-12", text))
    }
}

impl FromStr for OfferId {
    type Err = NumberedIdError;

    fn from_str(text: &str) -> Result<Self, NumberedIdError> {
        let parse = || {
            let (trip, attempt) = text.rsplit_once('.')?;
            Some(Self { trip: trip.parse().ok()?, attempt: number(attempt)? })
        };
        parse().ok_or_else(|| wrong("offer", "trip.attempt, like sf-12.1", text))
    }
}

impl FromStr for QuoteId {
    type Err = NumberedIdError;

    fn from_str(text: &str) -> Result<Self, NumberedIdError> {
        let parse = || {
            let (market, number_text) = text.rsplit_once("-q")?;
            Some(Self { market: market.parse().ok()?, number: number(number_text)? })
        };
        parse().ok_or_else(|| wrong("quote", "market-qnumber, like sf-q7", text))
    }
}

impl fmt::Display for TripId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.market, self.number)
    }
}

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.trip, self.attempt)
    }
}

impl fmt::Display for QuoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-q{}", self.market, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for market in ["sf", "new-york", "a", "x2-q", "abcdefghijklmnopqrstuvwx"] {
            let market: MarketId = market.parse().unwrap();
            for number in [0, 1, 12, u64::MAX] {
                let trip = market.trip(number);
                assert_eq!(trip.to_string().parse(), Ok(trip));
                let offer = trip.offer(u32::MAX);
                assert_eq!(offer.to_string().parse(), Ok(offer));
                let quote = market.quote(number);
                assert_eq!(quote.to_string().parse(), Ok(quote));
            }
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in ["", "1sf", "sf-", "-sf", "Sf", "s f", "s_f", "abcdefghijklmnopqrstuvwxy", "é"]
        {
            assert!(text.parse::<MarketId>().is_err(), "{text}");
        }
        for text in ["", "sf", "sf-", "-1", "sf-01", "sf-+1", "sf--1", "sf-18446744073709551616"] {
            assert!(text.parse::<TripId>().is_err(), "{text}");
        }
        for text in ["sf-1", "sf-1.", "sf-1.01", "sf-1.4294967296", "sf.1"] {
            assert!(text.parse::<OfferId>().is_err(), "{text}");
        }
        for text in ["sf-1", "sf-q", "sf-qx", "q1", "-q1"] {
            assert!(text.parse::<QuoteId>().is_err(), "{text}");
        }
        let error = "sf".parse::<TripId>().unwrap_err();
        assert_eq!(error.to_string(), "trip \"sf\" is not of the form market-number, like sf-12");
    }

    #[test]
    fn trips_are_ordered_by_number_within_a_market() {
        let [a, b]: [MarketId; 2] = ["a", "ab"].map(|text| text.parse().unwrap());
        let mut trips = [b.trip(1), a.trip(10), a.trip(9)];
        trips.sort();
        assert_eq!(trips, [a.trip(9), a.trip(10), b.trip(1)]);
    }
}
