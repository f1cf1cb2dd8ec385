//! The names of a market's keys. All have one hash tag, so that a cluster keeps them together and
//! one script can see them all.

use crate::ids::MarketId;

/// The keys of one market, as docs/redis-keys.md has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// Those of a market.
    ///
    /// # Examples
    /// ```
    /// use hansom::succession::Keys;
    /// assert_eq!(Keys::of("sf".parse()?).open(), "hansom:1:{m:sf}:open");
    /// # Ok::<(), hansom::ids::MarketIdError>(())
    /// ```
    pub fn of(market: MarketId) -> Self {
        Self { prefix: format!("hansom:1:{{m:{market}}}:") }
    }

    fn named(&self, name: &str) -> String {
        [&self.prefix, name].concat()
    }

    /// Who is active: a hash that ends with the lease.
    pub fn lease(&self) -> String {
        self.named("lease")
    }

    /// The last token that was given out, and to whom: a hash.
    pub fn fence(&self) -> String {
        self.named("fence")
    }

    /// Since when nothing has been known of the market: a number.
    pub fn waiting(&self) -> String {
        self.named("waiting")
    }

    /// Who waits for the lease: a sorted set of `owner address` by when that is over.
    pub fn standbys(&self) -> String {
        self.named("standbys")
    }

    /// How far the copy is: a hash.
    pub fn cursor(&self) -> String {
        self.named("cursor")
    }

    /// Open trips: a hash from the trip's number to its record.
    pub fn open(&self) -> String {
        self.named("open")
    }

    /// The latest ended trips, likewise.
    pub fn ended(&self) -> String {
        self.named("ended")
    }

    /// The numbers of those by the time of their end: a sorted set.
    pub fn order(&self) -> String {
        self.named("order")
    }

    /// What happened to all these trips: a hash from `number/ordinal` to the event's record.
    pub fn events(&self) -> String {
        self.named("events")
    }

    /// What happened in the market lately: a stream whose ids are `token-number`.
    pub fn feed(&self) -> String {
        self.named("feed")
    }

    /// The same names for a copy that is being made.
    pub(super) fn new_copy(&self) -> [String; 4] {
        ["new:open", "new:ended", "new:order", "new:events"].map(|name| self.named(name))
    }
}
