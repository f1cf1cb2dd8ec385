//! What a system has to be able to do to be measured: one trait, a file a system in
//! [`crate::suite::peers`].
//!
//! A system is started once and loaded with each world in turn. Work is done by clients, one a
//! thread, made anew for each run and before its clock begins. Everything blocks.

use super::workload::{Ask, Move, World};

/// Who a system is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its short name, as `--peer` takes it.
    pub name: &'static str,
    /// Its version, as it says itself.
    pub version: String,
    /// How it is reached: `in process`, or the protocol.
    pub access: &'static str,
    /// Its best known use, in words.
    pub usage: String,
}

/// A way to have work done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Columns of updates on a stream.
    Bulk,
    /// Questions on a stream, many in flight.
    Stream,
    /// Commands in a pipeline.
    Pipeline,
    /// Questions in a pipeline, with a radius that the client guesses and doubles.
    Adaptive,
    /// Many updates in one statement.
    Batch,
    /// A function call.
    Direct,
    /// One at a time, each when the last is answered.
    Unary,
    /// The same on a stream that stays open.
    Turns,
    /// As `Unary`, with a radius that the client guesses and doubles.
    AdaptiveUnary,
    /// One at a time, through a client that has a runtime and waits for events, as services have it, where
    /// `Unary` writes to a socket and reads from it.
    AsyncUnary,
}

impl Call {
    /// Its name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bulk => "bulk",
            Self::Stream => "stream",
            Self::Pipeline => "pipeline",
            Self::Adaptive => "adaptive",
            Self::Batch => "batch",
            Self::Direct => "direct",
            Self::Unary => "unary",
            Self::Turns => "turns",
            Self::AdaptiveUnary => "adaptive-unary",
            Self::AsyncUnary => "async-unary",
        }
    }

    /// Whether each operation waits for the one before.
    pub const fn waits(self) -> bool {
        matches!(self, Self::Unary | Self::Turns | Self::AdaptiveUnary | Self::AsyncUnary)
    }
}

/// How far a system's arithmetic may be from ours without being wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rounding {
    /// Of a position, in metres.
    pub position_m: f64,
    /// Of a distance, as a share of it: a globe of another size.
    pub share: f64,
}

impl Rounding {
    /// None at all.
    pub const EXACT: Self = Self { position_m: 0.0, share: 0.0 };

    /// Other formulas for the same globe.
    pub const FORMULA: Self = Self { position_m: 0.001, share: 2e-6 };
}

/// A driver in an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Its number.
    pub driver: u32,
    /// How far away the system says it is, in metres.
    pub distance_m: f64,
}

/// Why a system cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// It is not on this machine.
    #[error("{what} was not found")]
    Missing {
        /// What was looked for.
        what: String,
        /// The line that installs it.
        install: &'static str,
    },
    /// It broke down.
    #[error("{0}")]
    Failed(String),
}

impl Trouble {
    /// A breakdown, for `map_err`.
    pub(super) fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Takes an answer: the question's place in the batch, and who was found, nearest first.
pub type Sink<'a> = &'a mut dyn FnMut(usize, &[Found]);

/// What does the work of one thread.
pub trait Client: Send {
    /// Makes ready for moves of these drivers, if it wants to know of them; before the clock runs.
    ///
    /// # Errors
    /// [`Trouble`] if the system fails.
    fn prepare(&mut self, _call: Call, _moves: &[Move]) -> Result<(), Trouble> {
        Ok(())
    }

    /// Has moves made, in their order. They may still be under way when it returns.
    ///
    /// # Errors
    /// [`Trouble`] if the system fails; the run is worth nothing then.
    fn update(&mut self, call: Call, moves: &[Move]) -> Result<(), Trouble>;

    /// Waits until all moves are made.
    ///
    /// # Errors
    /// [`Trouble`].
    fn settle(&mut self) -> Result<(), Trouble> {
        Ok(())
    }

    /// Asks the same of each place and hands out each answer when it is there, in any order.
    ///
    /// # Errors
    /// [`Trouble`].
    fn ask(
        &mut self,
        call: Call,
        ask: &Ask,
        places: &[crate::geo::LatLng],
        sink: Sink<'_>,
    ) -> Result<(), Trouble>;
}

/// Something that can be measured.
pub trait System: Sync {
    /// Who it is.
    fn about(&self) -> About;

    /// How it is told of moves, the fastest first.
    fn updates(&self) -> &'static [Call];

    /// How it is asked, the fastest that is always right first.
    fn questions(&self) -> &'static [Call];

    /// Whether it can look at a driver's class while it searches.
    fn filters(&self) -> Filters;

    /// How far its answers may be from ours.
    fn rounding(&self) -> Rounding;

    /// The most drivers it is given: beyond, it would take longer than anybody waits.
    fn most_drivers(&self) -> u32;

    /// Forgets all drivers and takes in those of a world.
    ///
    /// # Errors
    /// [`Trouble`].
    fn load(&mut self, world: &World) -> Result<(), Trouble>;

    /// A client that can update or ask in these ways.
    ///
    /// # Errors
    /// [`Trouble`].
    fn client(&self, update: Option<Call>, ask: Option<Call>) -> Result<Box<dyn Client>, Trouble>;

    /// The memory that the drivers take which were loaded first, in bytes, if that can be told.
    ///
    /// # Errors
    /// [`Trouble`].
    fn memory(&mut self) -> Result<Option<u64>, Trouble>;

    /// The same with what is known of a driver beside its position (status, kind of vehicle, time), in a
    /// system that keeps it apart; none in others.
    ///
    /// # Errors
    /// [`Trouble`].
    fn memory_with_state(&mut self, _world: &World) -> Result<Option<u64>, Trouble> {
        Ok(None)
    }
}

/// Whether a system filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filters {
    /// In the search.
    Can,
    /// Not at all, or only in the client afterwards.
    Cannot,
}

/// The name of a driver where names are texts: eight bytes, so that they sort like numbers.
pub(super) fn name(driver: u32) -> [u8; 8] {
    let (mut name, mut rest) = (*b"d0000000", driver);
    for digit in name[1..].iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    name
}

/// The number of a driver of this name.
pub(super) fn number(name: &[u8]) -> Result<u32, Trouble> {
    let digits = name.strip_prefix(b"d").filter(|digits| digits.len() == 7);
    let digit = |sum: Option<u32>, digit: &u8| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit <= 9)?;
        Some(sum? * 10 + u32::from(digit))
    };
    let number = digits.and_then(|digits| digits.iter().fold(Some(0), digit));
    number.ok_or_else(|| Trouble::Failed(format!("{:?} is no driver", name.escape_ascii())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbers_and_sort_like_them() {
        for driver in [0, 9, 10, 123_456, 9_999_999] {
            assert_eq!(number(&name(driver)).unwrap(), driver);
        }
        assert!(name(99) < name(100));
        for wrong in [&b"d12"[..], b"x0000001", b"d000000a", b"d00000001", b""] {
            assert!(number(wrong).is_err());
        }
    }
}
