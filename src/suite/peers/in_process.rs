//! What is called in process: all that such systems have in common, so that the file of each says only
//! what is its own.

use std::sync::Arc;

use crate::geo::LatLng;
use crate::suite::system::{About, Call, Client, Filters, Found, Rounding, Sink, System, Trouble};
use crate::suite::workload::{Ask, Move, World};

/// An index that is called in process, with the drivers of a world in it.
pub(super) trait Library: Send + Sync + Sized + 'static {
    /// Its short name, as `--peer` takes it.
    const NAME: &'static str;
    /// Its best known use, in words.
    const USAGE: &'static str;
    /// Whether it can look at a driver's class while it searches.
    const FILTERS: Filters;
    /// How far its answers may be from ours.
    const ROUNDING: Rounding;
    /// How it is asked, if it can be.
    const QUESTIONS: &'static [Call] = &[Call::Direct];
    /// The most drivers it is given.
    const MOST_DRIVERS: u32 = 1_000_000;

    /// What a thread that calls it keeps from one call to the next.
    type Scratch: Default + Send;

    /// Its version.
    fn version() -> String;

    /// An index of the drivers of a world.
    ///
    /// # Errors
    /// [`Trouble`].
    fn load(world: &World) -> Result<Self, Trouble>;

    /// Makes moves, in their order.
    ///
    /// # Errors
    /// [`Trouble`].
    fn update(&self, scratch: &mut Self::Scratch, moves: &[Move]) -> Result<(), Trouble>;

    /// Adds the nearest of a place to `found`, which is empty.
    ///
    /// # Errors
    /// [`Trouble`].
    fn nearest(
        &self,
        scratch: &mut Self::Scratch,
        ask: &Ask,
        place: LatLng,
        found: &mut Vec<Found>,
    ) -> Result<(), Trouble>;
}

/// A system of that kind.
pub(super) struct InProcess<L>(Option<Arc<L>>);

impl<L> InProcess<L> {
    /// Without drivers.
    pub(super) const fn start() -> Self {
        Self(None)
    }
}

impl<L: Library> System for InProcess<L> {
    fn about(&self) -> About {
        About {
            name: L::NAME,
            version: L::version(),
            access: "in process",
            usage: L::USAGE.to_owned(),
        }
    }

    fn updates(&self) -> &'static [Call] {
        &[Call::Direct]
    }

    fn questions(&self) -> &'static [Call] {
        L::QUESTIONS
    }

    fn filters(&self) -> Filters {
        L::FILTERS
    }

    fn rounding(&self) -> Rounding {
        L::ROUNDING
    }

    fn most_drivers(&self) -> u32 {
        L::MOST_DRIVERS
    }

    fn load(&mut self, world: &World) -> Result<(), Trouble> {
        // The old one goes first: two would need twice the memory.
        self.0 = None;
        self.0 = Some(Arc::new(L::load(world)?));
        Ok(())
    }

    fn client(&self, _: Option<Call>, _: Option<Call>) -> Result<Box<dyn Client>, Trouble> {
        let library = self.0.clone();
        let library = library.ok_or_else(|| Trouble::Failed("it is not loaded".to_owned()))?;
        Ok(Box::new(Caller { library, scratch: L::Scratch::default(), found: Vec::new() }))
    }

    /// It shares its process with all others.
    fn memory(&mut self) -> Result<Option<u64>, Trouble> {
        Ok(None)
    }
}

struct Caller<L: Library> {
    library: Arc<L>,
    scratch: L::Scratch,
    found: Vec<Found>,
}

impl<L: Library> Client for Caller<L> {
    fn update(&mut self, _: Call, moves: &[Move]) -> Result<(), Trouble> {
        self.library.update(&mut self.scratch, moves)
    }

    fn ask(
        &mut self,
        _: Call,
        ask: &Ask,
        places: &[LatLng],
        sink: Sink<'_>,
    ) -> Result<(), Trouble> {
        let Self { library, scratch, found } = self;
        for (i, &place) in places.iter().enumerate() {
            found.clear();
            library.nearest(scratch, ask, place, found)?;
            sink(i, found);
        }
        Ok(())
    }
}
