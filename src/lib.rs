//! Hansom: a live map of moving drivers that answers "who is nearest?" exactly.
//!
//! Modules in reading order: the vocabulary (`units`, `ids`, `limits`, `geo`, `model`, `travel`),
//! the engines (`index`, `matching`), the core (`dispatch`), the histories (`records`, `journal`,
//! `trace`, `decisions`, `sim`, `trial`, `mirror`), `page`, the outside (`clock`, `host`, `succession`, `api`, `server`, `web`, `audit`, `config`, `cli`). ARCHITECTURE.md
//! has the map, the layers and the invariants.

pub mod api;
pub mod audit;
pub mod bench;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod decisions;
pub mod dispatch;
pub mod geo;
pub mod host;
pub mod ids;
pub mod index;
pub mod journal;
pub mod limits;
pub mod matching;
pub mod mirror;
pub mod model;
mod page;
pub mod records;
pub mod replay;
pub mod server;
pub mod sim;
pub mod succession;
pub mod suite;
mod sync;
pub mod telemetry;
#[cfg(test)]
mod test_rng;
pub mod trace;
pub mod travel;
pub mod trial;
pub mod units;
pub mod web;
