//! A real server on a free port, spoken to as clients do.

mod bad_input;
mod connect;
mod cut;
mod drain;
mod hoarders;
mod hostile;
mod http;
mod ingest;
mod killed;
mod outside;
mod proximity;
mod raw;
mod recording;
mod serve;
mod settings;
mod support;
mod waiting;
