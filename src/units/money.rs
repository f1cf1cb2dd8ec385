//! Amounts of money, in whole minor units of one currency.

use std::fmt;
use std::str::FromStr;

/// A currency's three-letter code, as in ISO 4217: `USD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// A string that is no currency code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("currency {text:?} is not three letters A to Z")]
pub struct CurrencyError {
    /// What was given, cut after 64 characters.
    pub text: String,
}

impl Currency {
    /// The US dollar.
    pub const USD: Self = Self(*b"USD");

    /// The code as text.
    pub fn as_str(&self) -> &str {
        // Three ASCII letters: the fallback cannot be reached.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(CurrencyError { text: text.chars().take(64).collect() }),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({})", self.as_str())
    }
}

/// An amount of money: whole minor units, such as cents, of a currency. Never a fraction of one,
/// never a float.
///
/// # Examples
/// ```
/// use hansom::units::{Currency, Money};
/// let fare = Money { minor: 1_250, currency: "EUR".parse()? };
/// assert_eq!(fare.to_string(), "1250 minor units of EUR");
/// # Ok::<(), hansom::units::CurrencyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// How many minor units.
    pub minor: i64,
    /// Of which currency.
    pub currency: Currency,
}

impl Money {
    /// Nothing at all.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} minor units of {}", self.minor, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_three_capitals() {
        assert_eq!("USD".parse(), Ok(Currency::USD));
        for text in ["", "US", "usd", "USDX", "U1D", "€€"] {
            assert!(text.parse::<Currency>().is_err(), "{text}");
        }
    }
}
