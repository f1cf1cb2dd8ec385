//! The report as one page that needs nothing else.

use super::charts::{self, Card, Growing};
use super::figures::{self, Table};
use super::parts::{PARTS, Part, unknown};
use super::summary;
use super::view::{Group, Measure, View, is_ours};
use super::words;
use crate::page::{colour, document, escaped, times, write};
use crate::suite::result::{SuiteResult, SystemStatus};

/// The report as one page of HTML.
///
/// # Guarantees
/// The same result gives the same page. It refers to nothing outside of itself and has no script.
/// What comes from outside is escaped.
pub fn page(result: &SuiteResult) -> String {
    let view = View::of(result);
    let mut body = String::with_capacity(128 << 10);
    header(&mut body, &view);
    tiles(&mut body, &view);
    absent(&mut body, &view);
    ratios(&mut body, &view);
    rates(&mut body, &view);
    latencies(&mut body, &view);
    let climbs = charts::climbs(&view);
    let what = "Each operation has a moment at which it is due, whether or not the last one is \
                over, and its time counts from that moment. The rate rises until 99 in 100 no \
                longer come within the limit.";
    cards(&mut body, ("The highest rate held", what), &climbs, &[("", figures::held(&view))]);
    growth(&mut body, &view);
    for suite in unknown(&view) {
        let groups = view.rates.iter().filter(|group| group.suite == suite);
        let bars: Vec<Card> =
            groups.map(|group| charts::bars(&view, group, Measure::Rate)).collect();
        cards(&mut body, (suite, ""), &bars, &[("", figures::rates(&view, suite))]);
    }
    about(&mut body, &view);
    document("Hansom beside others", &body)
}

fn header(body: &mut String, view: &View<'_>) {
    let opening = escaped(&summary::opening(view));
    let (run, machine) = (escaped(&summary::run(view)), escaped(&summary::machine(view)));
    write(
        body,
        format_args!(
            "<h1>Hansom beside others</h1>\n<p>{opening}</p>\n\
             <p class=\"soft\">{machine}<br>{run}</p>\n"
        ),
    );
    if !view.result.machine.release_build {
        body.push_str("<p class=\"bad\">A debug build: these figures say nothing.</p>\n");
    }
    if let Some(above) = view.above_floor() {
        let factor = times(above).replace(" ×", " times");
        write(
            body,
            format_args!(
                "<p>In process, an update takes {factor} as long as random access to memory alone \
                 would.</p>\n"
            ),
        );
    }
}

/// A tile for each other system, with what there is to say about it.
fn tiles(body: &mut String, view: &View<'_>) {
    body.push_str("<section class=\"tiles peers\">\n");
    for system in view.others() {
        let works = summary::works(view, &system.name);
        if works.is_empty() {
            continue;
        }
        let (dot, name) = (colour(view.colour(&system.name)), escaped(&system.name));
        let version = escaped(&system.version);
        write(
            body,
            format_args!(
                "<div class=\"card tile\"><span class=\"name\"><i class=\"dot f{dot}\"></i>{name} \
                 <span class=\"soft\">{version}</span></span>\n"
            ),
        );
        for work in works {
            let (title, setting) = (escaped(&work.title), escaped(&work.setting));
            write(
                body,
                format_args!(
                    "<h3>{title}</h3><small class=\"soft\">{setting}</small><dl class=\"facts\">\n"
                ),
            );
            for fact in work.facts {
                let (times, detail) = (fact.times, escaped(&fact.detail));
                write(body, format_args!("<dt>{times}</dt><dd>{detail}</dd>\n"));
            }
            body.push_str("</dl>\n");
        }
        body.push_str("</div>\n");
    }
    body.push_str("</section>\n");
}

/// Who is missing or failed, before anything is compared.
fn absent(body: &mut String, view: &View<'_>) {
    if view.absent().next().is_none() {
        return;
    }
    body.push_str("<section class=\"card\"><h2>Not measured, or not to the end</h2><dl>\n");
    for system in view.absent() {
        let name = escaped(&system.name);
        write(body, format_args!("<dt>{name}</dt><dd>"));
        match &system.status {
            SystemStatus::Measured => {}
            SystemStatus::Missing { reason, install } => {
                let (reason, install) = (escaped(reason), escaped(install));
                write(
                    body,
                    format_args!("missing: {reason}. Install it with <code>{install}</code>"),
                );
            }
            SystemStatus::Failed { reason } => {
                write(body, format_args!("<span class=\"bad\">failed</span>: {}", escaped(reason)));
            }
        }
        body.push_str("</dd>\n");
    }
    body.push_str("</dl></section>\n");
}

fn ratios(body: &mut String, view: &View<'_>) {
    let sums = summary::agreements(view);
    let wrong = sums.iter().any(|(_, sum)| sum.different > 0);
    let class = if wrong { " class=\"bad\"" } else { "" };
    body.push_str("<section class=\"part\"><h2>How many times as much</h2>\n");
    body.push_str(
        "<p class=\"soft\">Hansom divided by the other, in medians, each used in the same manner. \
         More is better, but of memory less.</p>\n",
    );
    for (manner, table) in figures::ratios(view) {
        write(body, format_args!("<div class=\"card wide\"><h3>{manner}</h3>\n"));
        draw_table(body, &table);
        body.push_str("</div>\n");
    }
    write(
        body,
        format_args!("<p{class} style=\"margin-top:14px\">{}</p>\n", summary::answers(&sums)),
    );
    details(body, "The answers of each", &figures::answers(&sums));
    body.push_str("</section>\n");
}

/// How much each does in a second.
fn rates(body: &mut String, view: &View<'_>) {
    let (mut first, mut others) = (Vec::new(), Vec::new());
    let mut tables = Vec::new();
    for part in &PARTS {
        let draw = |group: &&Group<'_>| {
            let card = charts::bars(view, group, Measure::Rate);
            Card { title: format!("{}: {}", part.title, card.title), ..card }
        };
        let (known, rest) = part.drawn(view);
        first.extend(known.iter().map(draw));
        others.extend(rest.iter().map(draw));
        tables.push((part.title, figures::rates(view, part.suite)));
    }
    if first.is_empty() {
        return;
    }
    let what = "Positions taken and questions answered; behind the others' figures, how many times \
                as much Hansom does in the same manner. The thin line is the lowest and the highest \
                of the runs.";
    begin(body, ("How much in a second", what));
    trio(body, &first);
    folded(body, &others);
    for (title, table) in &tables {
        details(body, &format!("All figures: {title}"), table);
    }
    body.push_str("</section>\n");
}

fn latencies(body: &mut String, view: &View<'_>) {
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for part in &PARTS {
        let (known, rest) = part.drawn(view);
        first.extend(known.into_iter().filter_map(|group| titled(view, part, group)));
        others.extend(rest.into_iter().filter_map(|group| titled(view, part, group)));
    }
    if first.is_empty() && others.is_empty() {
        return;
    }
    let what = "How long one operation took, on a logarithmic axis: the median, 99 in 100 within, \
                the longest. The dots are 50, 90, 99, 99.9 and 100 %.";
    begin(body, ("How long it takes", what));
    trio(body, &first);
    folded(body, &others);
    body.push_str("</section>\n");
}

/// Cards that are seen by those who want to.
fn folded(body: &mut String, cards: &[Card]) {
    if !cards.is_empty() {
        body.push_str("<details><summary>The same on other maps</summary>\n");
        trio(body, cards);
        body.push_str("</details>\n");
    }
}

/// What becomes of it all as something grows, and what it takes.
fn growth(body: &mut String, view: &View<'_>) {
    let mut drawn = charts::growths(view, Growing::Drivers);
    drawn.extend(charts::growths(view, Growing::K));
    drawn.extend(charts::threads(view));
    let memory = |group| {
        let card = charts::bars(view, group, Measure::Bytes);
        Card { title: format!("Memory: {}", card.title), ..card }
    };
    drawn.extend(view.bytes.iter().map(memory));
    let tables = [
        ("More drivers", figures::rates(view, "growth")),
        ("More asked for", figures::rates(view, "k")),
        ("Threads", figures::rates(view, "threads")),
        ("Memory", figures::memory(view)),
        ("The floor", figures::rates(view, "floor")),
    ];
    let what = "What one operation costs as the map fills and as more is asked for, what a second \
                thread adds, and what the process grows by for each driver.";
    cards(body, ("As it grows", what), &drawn, &tables);
}

fn titled(view: &View<'_>, part: &Part, group: &Group<'_>) -> Option<Card> {
    let card = charts::latencies(view, group)?;
    Some(Card { title: format!("{}: {}", part.title, card.title), ..card })
}

/// A part with its cards and its tables; nothing without figures.
fn cards(body: &mut String, heading: (&str, &str), cards: &[Card], tables: &[(&str, Table)]) {
    if cards.is_empty() && tables.iter().all(|(_, table)| table.rows.is_empty()) {
        return;
    }
    begin(body, heading);
    trio(body, cards);
    for (title, table) in tables {
        let title = if title.is_empty() { String::new() } else { format!(": {title}") };
        details(body, &format!("All figures{title}"), table);
    }
    body.push_str("</section>\n");
}

fn begin(body: &mut String, (title, what): (&str, &str)) {
    let (title, what) = (escaped(title), escaped(what));
    write(
        body,
        format_args!("<section class=\"part\"><h2>{title}</h2><p class=\"soft\">{what}</p>\n"),
    );
}

fn trio(body: &mut String, cards: &[Card]) {
    if cards.is_empty() {
        return;
    }
    body.push_str("<div class=\"trio\">\n");
    for card in cards {
        let (title, what) = (escaped(&card.title), escaped(&card.what));
        write(
            body,
            format_args!(
                "<figure class=\"card\"><h3>{title}</h3><figcaption class=\"soft\">{what}\
                 </figcaption>"
            ),
        );
        if !card.legend.is_empty() {
            body.push_str("<div class=\"legend\">");
            for (name, number) in &card.legend {
                let (name, dot) = (escaped(name), colour(*number));
                write(body, format_args!("<span><i class=\"dot f{dot}\"></i>{name}</span>"));
            }
            body.push_str("</div>");
        }
        write(body, format_args!("{}</figure>\n", card.svg));
    }
    body.push_str("</div>\n");
}

fn details(body: &mut String, title: &str, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    write(body, format_args!("<details><summary>{title}</summary><div class=\"card wide\">\n"));
    draw_table(body, table);
    body.push_str("</div></details>\n");
}

fn draw_table(body: &mut String, table: &Table) {
    body.push_str("<table class=\"figures\"><thead><tr>");
    for name in &table.head {
        write(body, format_args!("<th>{}</th>", escaped(name)));
    }
    body.push_str("</tr></thead><tbody>\n");
    let second_is_name = table.head.get(1).is_some_and(|name| name.starts_with("system"));
    for cells in &table.rows {
        let named = cells.get(1).and_then(|name| name.split(" · ").next());
        let ours = second_is_name && named.is_some_and(is_ours);
        body.push_str(if ours { "<tr class=\"ours\">" } else { "<tr>" });
        for cell in cells {
            write(body, format_args!("<td>{}</td>", escaped(cell)));
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody></table>\n");
}

fn about(body: &mut String, view: &View<'_>) {
    let result = view.result;
    begin(
        body,
        ("How it was made", "Runs of all systems take turns, so that all have the same weather."),
    );
    body.push_str("<div class=\"card\"><dl>\n");
    let mut entry = |name: &str, value: &str| {
        write(body, format_args!("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(value)));
    };
    for system in &result.systems {
        let used = format!("{} ({}): {}", system.version, system.access, system.usage);
        entry(&system.name, &used);
    }
    for series in view.empty() {
        let work = words::setting(&series.suite, &series.setting);
        let what = format!("{}, {work}, by {} · {}", series.suite, series.system, series.call);
        entry("nothing measured", &what);
    }
    entry("machine", &summary::machine(view));
    entry("run", &summary::run(view));
    write(
        body,
        format_args!("<dt>command</dt><dd><code>{}</code></dd>\n", escaped(&result.command)),
    );
    body.push_str("</dl></div></section>\n");
}
