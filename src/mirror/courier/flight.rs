//! Batches that are under way: what each holds is known here too, also if nobody is left to tell of it.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use tokio::task::{Id, JoinSet};

use super::batch::Op;
use crate::mirror::read::Refused;
use crate::mirror::verdict::LinkError;

/// What became of a batch, but for the regions that did not take their part.
pub(super) type Sent = Result<Refused, LinkError>;

/// Batches that Redis has not answered yet.
#[derive(Debug, Default)]
pub(super) struct Flight {
    tasks: JoinSet<Sent>,
    batches: HashMap<Id, Arc<[Op]>, FixedState>,
}

impl Flight {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Lets a batch go, which some work sends.
    pub(super) fn launch(
        &mut self,
        batch: Arc<[Op]>,
        work: impl Future<Output = Sent> + Send + 'static,
    ) {
        let id = self.tasks.spawn(work).id();
        self.batches.insert(id, batch);
    }

    /// The next that has ended, and what became of it; none if there is none.
    pub(super) async fn next(&mut self) -> Option<(Arc<[Op]>, Sent)> {
        let (id, sent) = match self.tasks.join_next_with_id().await? {
            Ok((id, sent)) => (id, sent),
            Err(lost) => (lost.id(), Err(LinkError::Broken { detail: lost.to_string() })),
        };
        Some((self.batches.remove(&id).unwrap_or_default(), sent))
    }
}
