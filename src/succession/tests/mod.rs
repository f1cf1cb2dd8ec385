//! The parts that need no Redis.

mod backlog;
mod founding;
