//! The flags of the market, for `hansom serve`.

use crate::config::Layers;

/// The market: riders ask, drivers are asked.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The market")]
pub(super) struct MarketFlags {
    /// The market that is hosted, or none [default: main]
    #[arg(long, value_name = "ID")]
    market: Option<String>,
    /// Where its trips are kept, in a folder of its name, or none for memory only [default: hansom-data]
    #[arg(long, value_name = "DIR")]
    journal: Option<String>,
    /// How long ended trips are kept [default: 90d]
    #[arg(long, value_name = "DURATION")]
    keep_history: Option<String>,
    /// Write down what was decided, and from among whom, into files of this folder
    #[arg(long, value_name = "DIR")]
    decisions: Option<String>,
    /// The most bytes of those files; the oldest are deleted [default: 1073741824]
    #[arg(long, value_name = "BYTES")]
    decisions_max_bytes: Option<String>,
    /// Who chooses drivers: batch, or greedy for the soonest first [default: batch]
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// How long requests gather before they are matched together; 0s matches each at once [default: 2s]
    #[arg(long, value_name = "DURATION")]
    window: Option<String>,
    /// With a window of 0s: how often those for whom nobody was found are looked at again [default: 2s]
    #[arg(long, value_name = "DURATION")]
    retry_every: Option<String>,
    /// How long a driver has for an answer [default: 15s]
    #[arg(long, value_name = "DURATION")]
    offer_timeout: Option<String>,
    /// How long a driver is looked for [default: 5m]
    #[arg(long, value_name = "DURATION")]
    patience: Option<String>,
    /// How long after a driver accepted the rider may cancel without a fee [default: 2m]
    #[arg(long, value_name = "DURATION")]
    free_cancel: Option<String>,
    /// How long a driver waits before a no-show [default: 5m]
    #[arg(long, value_name = "DURATION")]
    no_show_after: Option<String>,
    /// How long a quote is honoured [default: 5m]
    #[arg(long, value_name = "DURATION")]
    quote_valid: Option<String>,
    /// Drivers who would take longer to the pickup are not asked [default: 20m]
    #[arg(long, value_name = "DURATION")]
    max_pickup: Option<String>,
    /// Drivers whose trip ends within this are asked for the next; 0s never [default: 5m]
    #[arg(long, value_name = "DURATION")]
    back_to_back: Option<String>,
    /// Drivers whose position is older are not asked [default: 60s]
    #[arg(long, value_name = "DURATION")]
    position_max_age: Option<String>,
    /// Drivers further away are not asked [default: 8000]
    #[arg(long, value_name = "METRES")]
    max_radius_m: Option<String>,
    /// The most trips that one rider may have open [default: 1]
    #[arg(long, value_name = "N")]
    open_trips_per_rider: Option<String>,
    /// What leaving a rider without an offer costs, in time to the pickup [default: 15m]
    #[arg(long, value_name = "DURATION")]
    cost_leave: Option<String>,
    /// By how much that grows with the rider's waiting, in thousandths of it [default: 1000]
    #[arg(long, value_name = "N")]
    cost_leave_growth_permille: Option<String>,
    /// What each star costs that a driver's rating lacks to five [default: 0s]
    #[arg(long, value_name = "DURATION")]
    cost_per_missing_star: Option<String>,
    /// What it costs that a driver is idle for less than the cap, in thousandths of what is missing
    /// [default: 20]
    #[arg(long, value_name = "N")]
    cost_idle_permille: Option<String>,
    /// Idling longer makes no difference [default: 10m]
    #[arg(long, value_name = "DURATION")]
    cost_idle_cap: Option<String>,
    /// What a decline costs, times the chance of it [default: 15s]
    #[arg(long, value_name = "DURATION")]
    cost_decline: Option<String>,
    /// The currency of all prices [default: USD]
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// For getting in, in minor units [default: 250]
    #[arg(long, value_name = "N")]
    tariff_base: Option<String>,
    /// For each kilometre [default: 125]
    #[arg(long, value_name = "N")]
    tariff_per_km: Option<String>,
    /// For each minute [default: 35]
    #[arg(long, value_name = "N")]
    tariff_per_minute: Option<String>,
    /// No ride costs less [default: 700]
    #[arg(long, value_name = "N")]
    tariff_minimum: Option<String>,
    /// For cancelling beyond the free window [default: 500]
    #[arg(long, value_name = "N")]
    tariff_cancellation: Option<String>,
    /// For not coming to the pickup [default: 500]
    #[arg(long, value_name = "N")]
    tariff_no_show: Option<String>,
}

impl MarketFlags {
    /// Lays the flags over what is there.
    pub(super) fn over(&self, layers: Layers) -> Layers {
        let given = [
            ("market", &self.market),
            ("journal", &self.journal),
            ("keep_history", &self.keep_history),
            ("decisions", &self.decisions),
            ("decisions_max_bytes", &self.decisions_max_bytes),
            ("policy", &self.policy),
            ("window", &self.window),
            ("retry_every", &self.retry_every),
            ("offer_timeout", &self.offer_timeout),
            ("patience", &self.patience),
            ("free_cancel", &self.free_cancel),
            ("no_show_after", &self.no_show_after),
            ("quote_valid", &self.quote_valid),
            ("max_pickup", &self.max_pickup),
            ("back_to_back", &self.back_to_back),
            ("max_radius_m", &self.max_radius_m),
            ("open_trips_per_rider", &self.open_trips_per_rider),
            ("position_max_age", &self.position_max_age),
            ("cost_leave", &self.cost_leave),
            ("cost_leave_growth_permille", &self.cost_leave_growth_permille),
            ("cost_per_missing_star", &self.cost_per_missing_star),
            ("cost_idle_permille", &self.cost_idle_permille),
            ("cost_idle_cap", &self.cost_idle_cap),
            ("cost_decline", &self.cost_decline),
            ("currency", &self.currency),
            ("tariff_base", &self.tariff_base),
            ("tariff_per_km", &self.tariff_per_km),
            ("tariff_per_minute", &self.tariff_per_minute),
            ("tariff_minimum", &self.tariff_minimum),
            ("tariff_cancellation", &self.tariff_cancellation),
            ("tariff_no_show", &self.tariff_no_show),
        ];
        given.into_iter().fold(layers, |layers, (name, value)| layers.flag(name, value.clone()))
    }
}
