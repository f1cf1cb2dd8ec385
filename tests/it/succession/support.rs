//! Chance, and the scripts run by hand.

use ::redis::{Client, Connection, Script};

use crate::redis::process::Server;

/// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// A connection over which the scripts are run as they are.
pub(super) struct Hand(Connection);

impl Hand {
    pub(super) fn on(server: &Server) -> Self {
        let client = Client::open(server.url()).expect("an address of ours");
        Self(client.get_connection().expect("it has just been started"))
    }

    /// Runs a script on keys named `t:<name>`.
    pub(super) fn run(&mut self, script: &str, keys: &[&str], arguments: &[&str]) -> Vec<String> {
        let script = Script::new(script);
        let mut invocation = script.prepare_invoke();
        for key in keys {
            invocation.key(format!("t:{key}"));
        }
        for argument in arguments {
            invocation.arg(*argument);
        }
        invocation.invoke(&mut self.0).expect("the script runs")
    }

    pub(super) fn ask<T: ::redis::FromRedisValue>(&mut self, words: &[&str]) -> T {
        ::redis::cmd(words[0]).arg(&words[1..]).query(&mut self.0).expect("it answers")
    }
}
