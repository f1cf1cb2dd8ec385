//! A real server on a free port, spoken to as clients do.

mod bad_input;
mod connect;
mod crash;
mod cut;
mod decisions;
mod drain;
mod fleet;
mod hoarders;
mod hostile;
mod http;
mod ingest;
mod killed;
mod market_down;
mod outside;
mod proximity;
mod races;
mod raw;
mod recording;
mod replayed;
mod serve;
mod settings;
mod standby;
mod support;
mod town;
mod trips;
mod waiting;
