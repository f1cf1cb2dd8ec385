//! The flags of who runs the market, for `hansom serve`.

use crate::config::Layers;

/// Who runs the market, where several processes name it; counts with --redis.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Standby")]
pub(super) struct StandbyFlags {
    /// How long the market stays this process's after Redis last said so, and beyond that while each
    /// standby holds back; a standby waits as long. none: there is never a standby, and the market is
    /// taken from whoever has it [default: 5s]
    #[arg(long, value_name = "DURATION")]
    market_lease: Option<String>,
    /// Who has to have a command's outcome before it is acknowledged, beside the own journal: local
    /// (nobody), redis, replica, or replica:N [default: local]
    #[arg(long, value_name = "WHO")]
    ack: Option<String>,
    /// Where clients are sent that ask a standby for trips, and where the other processes of the market
    /// reach this one, if it is not where it listens
    #[arg(long, value_name = "ADDRESS")]
    advertise: Option<String>,
}

impl StandbyFlags {
    /// Lays the flags over what is there.
    pub(super) fn over(&self, layers: Layers) -> Layers {
        layers
            .flag("market_lease", self.market_lease.clone())
            .flag("ack", self.ack.clone())
            .flag("advertise", self.advertise.clone())
    }
}
