//! The primary is asked; if it is slow or fails, a replica too, and who answers first is believed.

use std::time::Duration;

use redis::{Cmd, Value};

use crate::mirror::address::RedisAddress;
use crate::mirror::link::{Link, LinkOptions, Role};
use crate::mirror::read::Ask;
use crate::mirror::verdict::LinkError;

/// Two links, and how long the first may take before the second is asked too.
#[derive(Debug)]
pub(super) struct Hedge {
    primary: Link,
    replica: Link,
    after: Duration,
}

impl Hedge {
    pub(super) fn new(
        address: RedisAddress,
        options: LinkOptions,
        after: Duration,
        seed: u64,
    ) -> Self {
        let primary = Link::new(address, Role::Primary, options, seed);
        let replica = primary.replica_of(seed.wrapping_add(1));
        Self { primary, replica, after }
    }

    /// Finds out which replicas there are while the primary answers.
    pub(super) async fn look_around(&self) {
        if Box::pin(self.primary.check()).await.is_ok() {
            self.replica.set_replicas(self.primary.replicas());
        }
    }
}

impl Ask for Hedge {
    async fn ask(&self, commands: Vec<Cmd>) -> Result<Vec<Result<Value, LinkError>>, LinkError> {
        let again = commands.clone();
        let mut first = Box::pin(self.primary.many(commands));
        let failed = tokio::select! {
            answer = &mut first => match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => Some(error),
            },
            () = tokio::time::sleep(self.after) => None,
        };
        let mut second = Box::pin(self.replica.many(again));
        if let Some(error) = failed {
            return second.await.map_err(|_| error);
        }
        tokio::select! {
            answer = &mut first => match answer {
                Ok(answer) => Ok(answer),
                Err(error) => second.await.map_err(|_| error),
            },
            answer = &mut second => match answer {
                Ok(answer) => Ok(answer),
                Err(_) => first.await,
            },
        }
    }
}
