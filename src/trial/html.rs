//! A trial's report as one page that needs nothing else. What is shown is what the JSON has.

use crate::page::{Bars, Line, Lines, Scale, colour, document, escaped, grouped, rounded, write};
use crate::trial::outcome::WITHIN_STEP_MS;
use crate::trial::{Outcome, Report, Spread};
use crate::units::rfc3339;

/// The report as one page of HTML.
///
/// # Guarantees
/// It refers to nothing outside of itself and has no script. What comes from outside, such as names of
/// files, is escaped.
pub fn page(report: &Report) -> String {
    let mut page = String::with_capacity(64 << 10);
    let title =
        format!("{} requests, {} drivers", grouped(report.requests), grouped(report.fleet.drivers));
    write(&mut page, format_args!("<h1>{title}</h1>"));
    if let Some((first, last)) = report.span_ms {
        let span = format!("{} to {}", rfc3339(first), rfc3339(last));
        write(
            &mut page,
            format_args!("<p class=\"soft\">{span}, simulated with each policy in turn</p>"),
        );
    }
    if report.interrupted {
        page.push_str(
            "<p><strong>Interrupted: these are the figures of a part of the day.</strong></p>",
        );
    }
    tiles(&mut page, report);
    charts(&mut page, report);
    table(&mut page, report);
    about(&mut page, report);
    document(&format!("{title} · Hansom"), &page)
}

fn tiles(page: &mut String, report: &Report) {
    page.push_str("<section class=\"tiles\">");
    for (number, outcome) in report.policies.iter().enumerate() {
        let share = percent(outcome.served, outcome.requests);
        let name = escaped(&outcome.policy);
        let wait = outcome
            .request_to_pickup_s
            .map_or("nobody".to_owned(), |spread| format!("{:.1} min", spread.mean / 60.0));
        write(
            page,
            format_args!(
                "<div class=\"card tile\"><span class=\"name\"><i class=\"dot f{}\"></i>{name}</span>\
                 <strong>{share}</strong><span class=\"soft\">of riders served ({} of {})<br>\
                 picked up after {wait} on average</span></div>",
                colour(number),
                grouped(outcome.served),
                grouped(outcome.requests),
            ),
        );
    }
    page.push_str("</section>");
}

fn charts(page: &mut String, report: &Report) {
    page.push_str("<section class=\"charts\">");
    card(
        page,
        report,
        "Waiting",
        "Riders picked up within so many minutes of asking",
        &waiting(report),
    );
    card(page, report, "Served", "Riders brought to their destination so far", &served(report));
    let what = "Minutes from request to pickup, of riders picked up";
    card(page, report, "Pickup time", what, &pickup(report));
    let what = "Mean minutes from request to pickup, by when it was asked";
    card(page, report, "Pickup time over the day", what, &over_the_day(report));
    page.push_str("</section>");
}

fn waiting(report: &Report) -> String {
    let step = WITHIN_STEP_MS as f64 / 60_000.0;
    let line = |outcome: &Outcome| {
        let within = outcome.charts.picked_up_within.iter().enumerate();
        within.map(|(number, share)| Some((number as f64 * step, *share))).collect()
    };
    let chart = Lines {
        title: "Share of all riders picked up within so many minutes of asking",
        across: ("minutes since the request", Scale::Minutes),
        up: Scale::Percent,
        top: Some(1.0),
        series: lines(report, line),
    };
    chart.svg()
}

fn served(report: &Report) -> String {
    let line = |outcome: &Outcome| {
        let bin = outcome.charts.bin_s as f64 / 60.0;
        let served = outcome.charts.served.iter().enumerate();
        let points = served.map(|(number, sum)| Some(((number as f64 + 1.0) * bin, *sum as f64)));
        std::iter::once(Some((0.0, 0.0))).chain(points).collect()
    };
    let chart = Lines {
        title: "Riders brought to their destination since the first request",
        across: ("minutes since the first request", Scale::Minutes),
        up: Scale::Number,
        top: None,
        series: lines(report, line),
    };
    chart.svg()
}

fn pickup(report: &Report) -> String {
    let minutes = |spread: Option<Spread>| {
        let all = spread.map_or([0.0; 4], |one| [one.mean, one.p50, one.p90, one.p99]);
        all.map(|seconds| seconds / 60.0).to_vec()
    };
    let heights = report
        .policies
        .iter()
        .map(|outcome| (outcome.policy.as_str(), minutes(outcome.request_to_pickup_s)));
    let chart = Bars {
        title: "Minutes from request to pickup",
        groups: vec!["mean", "median", "9 in 10", "99 in 100"],
        series: heights.collect(),
    };
    chart.svg()
}

fn over_the_day(report: &Report) -> String {
    let line = |outcome: &Outcome| {
        let bin = outcome.charts.bin_s as f64 / 60.0;
        let means = outcome.charts.pickup_s.iter().enumerate();
        let point = |(number, mean): (usize, &Option<f64>)| {
            mean.map(|mean| ((number as f64 + 0.5) * bin, mean / 60.0))
        };
        means.map(point).collect()
    };
    let chart = Lines {
        title: "Mean minutes from request to pickup, by the time of the request",
        across: ("minutes since the first request", Scale::Minutes),
        up: Scale::Number,
        top: None,
        series: lines(report, line),
    };
    chart.svg()
}

/// A line for each policy.
fn lines(report: &Report, points: impl Fn(&Outcome) -> Line) -> Vec<(&str, Line)> {
    report.policies.iter().map(|outcome| (outcome.policy.as_str(), points(outcome))).collect()
}

fn card(page: &mut String, report: &Report, title: &str, what: &str, svg: &str) {
    write(page, format_args!("<figure class=\"card\" style=\"margin:0\"><h2>{title}</h2>"));
    write(page, format_args!("<p class=\"soft\">{what}</p><div class=\"legend\">"));
    for (number, outcome) in report.policies.iter().enumerate() {
        let name = escaped(&outcome.policy);
        write(page, format_args!("<span><i class=\"dot f{}\"></i>{name}</span>", colour(number)));
    }
    write(page, format_args!("</div>{svg}</figure>"));
}

/// A row: its name and each policy's value. A row without values begins a group.
type Row = (&'static str, Option<fn(&Outcome) -> String>);

const ROWS: [Row; 31] = [
    ("Riders", None),
    ("requests", Some(|one| grouped(one.requests))),
    ("served", Some(|one| counted(one.served, one.requests))),
    ("nobody found in time", Some(|one| counted(one.unfulfilled, one.requests))),
    ("cancelled", Some(|one| counted(one.cancelled, one.requests))),
    (
        "open when interrupted, or not asked",
        Some(|one| grouped(one.open + one.unasked + one.refused + one.lost)),
    ),
    ("Waiting", None),
    ("request to assignment, mean", Some(|one| seconds(one.request_to_assignment_s, mean))),
    (
        "request to assignment, 9 in 10 within",
        Some(|one| seconds(one.request_to_assignment_s, p90)),
    ),
    ("request to pickup, mean", Some(|one| seconds(one.request_to_pickup_s, mean))),
    ("request to pickup, median", Some(|one| seconds(one.request_to_pickup_s, p50))),
    ("request to pickup, 9 in 10 within", Some(|one| seconds(one.request_to_pickup_s, p90))),
    ("request to pickup, 99 in 100 within", Some(|one| seconds(one.request_to_pickup_s, p99))),
    ("estimated drive to the pickup, mean", Some(|one| seconds(one.pickup_eta_s, mean))),
    ("estimated way to the pickup, mean", Some(|one| metres(one.pickup_distance_m, mean))),
    ("estimated way to the pickup, median", Some(|one| metres(one.pickup_distance_m, p50))),
    ("Drivers", None),
    ("hours on shift", Some(|one| rounded(one.shifts.hours))),
    ("with a rider (utilisation)", Some(|one| share(one.shifts.with_rider))),
    ("on the way to a pickup", Some(|one| share(one.shifts.to_pickup))),
    ("without a trip", Some(|one| share(one.shifts.idle))),
    ("empty kilometres", Some(|one| rounded(one.distances.empty_km))),
    ("share of kilometres empty", Some(|one| share(one.distances.empty))),
    ("Offers and batches", None),
    ("offers made", Some(|one| grouped(one.offers.made))),
    (
        "declined / expired / withdrawn",
        Some(|one| {
            let offers = one.offers;
            [offers.declined, offers.expired, offers.withdrawn].map(grouped).join(" / ")
        }),
    ),
    ("batches", Some(|one| grouped(one.batches.map_or(0, |all| all.count)))),
    (
        "proven to be the best possible",
        Some(|one| grouped(one.batches.map_or(0, |all| all.proven))),
    ),
    (
        "solving a batch, median (wall time)",
        Some(|one| solved(one.batches.and_then(|all| all.solve_ms), p50)),
    ),
    (
        "solving a batch, 99 in 100 within",
        Some(|one| solved(one.batches.and_then(|all| all.solve_ms), p99)),
    ),
    ("the whole day (wall time)", Some(|one| format!("{:.1} s", one.wall_seconds))),
];

fn table(page: &mut String, report: &Report) {
    page.push_str("<section class=\"card wide\"><h2>Side by side</h2><table><thead><tr><th></th>");
    for outcome in &report.policies {
        write(page, format_args!("<th>{}</th>", escaped(&outcome.policy)));
    }
    page.push_str("</tr></thead><tbody>");
    for (name, value) in &ROWS {
        let Some(value) = value else {
            let columns = report.policies.len() + 1;
            write(
                page,
                format_args!("<tr class=\"group\"><td colspan=\"{columns}\">{name}</td></tr>"),
            );
            continue;
        };
        write(page, format_args!("<tr><td>{name}</td>"));
        for outcome in &report.policies {
            write(page, format_args!("<td>{}</td>", escaped(&value(outcome))));
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></section>");
}

fn about(page: &mut String, report: &Report) {
    page.push_str("<section class=\"card\" style=\"margin-top:14px\"><h2>How it was made</h2><dl>");
    let mut entry = |name: &str, value: &str| {
        write(page, format_args!("<dt>{name}</dt><dd>{}</dd>", escaped(value)));
    };
    for log in &report.logs {
        entry("log", &format!("{} ({})", log.path, log.format));
    }
    let settings = &report.settings;
    let between = |[low, high]: [u64; 2]| format!("{} to {} s", low / 1_000, high / 1_000);
    entry(
        "drivers",
        &format!("{}, placed from {}", grouped(report.fleet.drivers), report.fleet.placed_from),
    );
    entry("seed", &settings.seed.to_string());
    if let Some(window_ms) = settings.window_ms {
        entry("window", &format!("{window_ms} ms"));
    }
    entry(
        "offers",
        &format!(
            "{:.1} % accepted, answered within {}",
            f64::from(settings.acceptance_permille) / 10.0,
            between(settings.answer_ms),
        ),
    );
    entry(
        "riders",
        &format!(
            "board within {}, wait {} for a driver to be there",
            between(settings.boarding_ms),
            between(settings.patience_ms),
        ),
    );
    entry(
        "driving",
        &format!(
            "{} m/s on ways {} times the straight line ({})",
            settings.speed_m_s, settings.detour, settings.travel,
        ),
    );
    for outcome in &report.policies {
        write(
            page,
            format_args!(
                "<dt>digest of {}</dt><dd><code>{}</code></dd>",
                escaped(&outcome.policy),
                outcome.digest.as_deref().unwrap_or("none"),
            ),
        );
    }
    page.push_str("</dl></section>");
}

fn mean(spread: &Spread) -> f64 {
    spread.mean
}

fn p50(spread: &Spread) -> f64 {
    spread.p50
}

fn p90(spread: &Spread) -> f64 {
    spread.p90
}

fn p99(spread: &Spread) -> f64 {
    spread.p99
}

fn seconds(spread: Option<Spread>, which: fn(&Spread) -> f64) -> String {
    spread.map_or("–".to_owned(), |spread| format!("{:.1} s", which(&spread)))
}

fn metres(spread: Option<Spread>, which: fn(&Spread) -> f64) -> String {
    spread.map_or("–".to_owned(), |spread| format!("{} m", rounded(which(&spread))))
}

fn solved(spread: Option<Spread>, which: fn(&Spread) -> f64) -> String {
    spread.map_or("–".to_owned(), |spread| format!("{:.2} ms", which(&spread)))
}

fn share(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

fn percent(part: u64, whole: u64) -> String {
    share(part as f64 / whole.max(1) as f64)
}

fn counted(part: u64, whole: u64) -> String {
    format!("{} ({})", grouped(part), percent(part, whole))
}
