//! Who is told of a driver when lines lag, are full, or are gone: the newest, and nobody forgets.

use super::*;
use crate::dispatch::Market;
use crate::host::fleet::Attend;
use crate::host::lines::Lines;

const CAB: &str = "cab-1";

/// A market in which nothing happens, and something that might have.
fn quiet() -> (Market, News) {
    let rig = Rig::start();
    rig.driver(CAB, 0.001);
    let mut line = rig.attend(CAB);
    rig.request("ada");
    let news = *line.news.blocking_recv().unwrap();
    let HostConfig { market, policy, travel, .. } = rig.config();
    (restore::restore(market, policy(), travel, &MemoryJournal::default()).unwrap(), news)
}

/// Lines without a host, so that a test decides what comes first.
struct Told {
    market: Market,
    news: News,
    lines: Lines,
}

impl Told {
    fn new() -> Self {
        let (market, news) = quiet();
        Self { market, news, lines: Lines::default() }
    }

    fn tell(&mut self, driver: &str) {
        self.lines.tell(&d(driver), Box::new(self.news.clone()));
    }

    fn open(&mut self, claim: u64) -> Attendance {
        self.lines.open(d(CAB), Claim(claim), &self.market)
    }

    fn attend(&mut self, line: &FleetLine, drivers: &[&str], claim: u64) {
        let drivers = drivers.iter().map(|name| d(name)).collect();
        self.lines.attend(Attend::new(line, drivers, Claim(claim)), &self.market);
    }

    /// Takes up the oldest of what was missed, whatever the newest claim is by now.
    fn anew(&mut self, line: &FleetLine, lagged: &[Lagged], newest: u64) {
        self.lines.attend(Attend::anew(line, lagged, Claim(newest)), &self.market);
    }

    /// Fills what is left of a gateway's line.
    fn fill(&mut self, line: &FleetLine, driver: &str) {
        while line.news.len() < limits::MAX_WAITING_FLEET_NEWS {
            self.tell(driver);
        }
    }
}

/// Reads all that waits, and says what was last.
fn drain(line: &mut FleetLine) -> Option<FleetNews> {
    let mut last = None;
    while let Ok(news) = line.news.try_recv() {
        last = Some(news);
    }
    last
}

#[test]
fn a_line_that_lagged_takes_a_driver_from_nobody_who_came_later() {
    let mut told = Told::new();
    let mut old = told.open(1);
    for _ in 0..=limits::MAX_WAITING_NEWS {
        told.tell(CAB);
    }
    while old.news.try_recv().is_ok() {}
    assert_eq!(old.end(), LineEnd::Lagged);
    let mut new = told.open(2);
    let mut again = told.open(1);
    assert!(again.news.try_recv().is_err());
    assert_eq!(again.end(), LineEnd::Superseded);
    told.tell(CAB);
    assert!(new.news.try_recv().is_ok(), "the newer one hears nothing any more");
    // Whoever has gone is in nobody's way.
    drop(new);
    let mut again = told.open(1);
    told.tell(CAB);
    assert!(again.news.try_recv().is_ok());
    // The order in which they are heard of does not matter.
    let mut newest = told.open(4);
    assert_eq!((told.open(3).end(), again.end()), (LineEnd::Superseded, LineEnd::Superseded));
    told.tell(CAB);
    assert!(newest.news.try_recv().is_ok());
}

#[test]
fn a_gateway_that_stood_still_takes_no_driver_back() {
    let mut told = Told::new();
    let mut still = told.lines.open_fleet();
    told.attend(&still, &[CAB, "cab-2", "cab-3"], 1);
    told.fill(&still, "cab-3");
    told.tell(CAB);
    told.tell("cab-2");
    let mut other = told.lines.open_fleet();
    told.attend(&other, &[CAB], 2);
    let mut app = told.lines.open(d("cab-2"), Claim(3), &told.market);
    drain(&mut still);
    drain(&mut other);
    let Some(Missed::Lagged(lagged)) = still.missed() else { panic!("nothing was missed") };
    assert_eq!(lagged.iter().map(|one| one.driver).collect::<Vec<_>>(), [d(CAB), d("cab-2")]);
    told.anew(&still, &lagged, 4);
    assert_eq!(still.news.try_recv(), Ok(FleetNews::Superseded(d(CAB))));
    assert_eq!(still.news.try_recv(), Ok(FleetNews::Superseded(d("cab-2"))));
    assert_eq!(still.due(), 0);
    told.tell(CAB);
    told.tell("cab-2");
    assert!(matches!(other.news.try_recv(), Ok(FleetNews::Happened(..))));
    assert!(app.news.try_recv().is_ok());
    assert_eq!(drain(&mut still), None);
    // Said by the gateway itself, it is the newest wish.
    told.attend(&still, &[CAB], 5);
    assert_eq!(other.news.try_recv(), Ok(FleetNews::Superseded(d(CAB))));
    // And a line that lagged has it back if nobody came.
    told.fill(&still, "cab-3");
    told.tell(CAB);
    drain(&mut still);
    let Some(Missed::Lagged(lagged)) = still.missed() else { panic!("nothing was missed") };
    told.anew(&still, &lagged, 6);
    assert!(matches!(drain(&mut still), Some(FleetNews::Attended(all, _)) if all.len() == 1));
    told.tell(CAB);
    assert!(matches!(drain(&mut still), Some(FleetNews::Happened(..))));
}

#[test]
fn what_a_gateway_is_told_last_of_a_driver_is_how_it_is() {
    let mut told = Told::new();
    let mut line = told.lines.open_fleet();
    told.attend(&line, &[CAB, "cab-2"], 1);
    told.fill(&line, "cab-2");
    // There is no room to tell of it.
    let other = told.lines.open_fleet();
    told.attend(&other, &[CAB], 2);
    line.news.try_recv().unwrap();
    told.attend(&line, &[CAB], 3);
    assert!(matches!(drain(&mut line), Some(FleetNews::Attended(..))));
    assert_eq!(line.missed(), None, "it has the driver back");
    told.tell(CAB);
    assert!(matches!(drain(&mut line), Some(FleetNews::Happened(..))));
    // Nor if there is no room for that either.
    told.fill(&line, "cab-2");
    told.attend(&other, &[CAB], 4);
    told.attend(&line, &[CAB], 5);
    drain(&mut line);
    let Some(Missed::Lagged(lagged)) = line.missed() else { panic!("the driver is forgotten") };
    told.anew(&line, &lagged, 6);
    assert!(matches!(drain(&mut line), Some(FleetNews::Attended(..))));
    assert_eq!(line.missed(), None);
}

#[test]
fn what_is_attended_and_not_told_is_counted() {
    let mut told = Told::new();
    let mut line = told.lines.open_fleet();
    for (claim, driver) in (1..).zip([CAB, "cab-2", CAB]) {
        told.attend(&line, &[driver], claim);
    }
    assert_eq!(line.due(), 3);
    let first = line.news.try_recv();
    assert_eq!(line.due(), 3, "it is not told before it is dropped");
    drop(first);
    assert_eq!(line.due(), 2);
    // What finds no room is no more than its drivers.
    told.fill(&line, "cab-2");
    told.attend(&line, &["cab-3"], 4);
    assert_eq!(line.due(), 2);
    drain(&mut line);
    assert_eq!(line.due(), 0);
    assert!(
        matches!(line.missed(), Some(Missed::Lagged(lagged)) if lagged[0].driver == d("cab-3"))
    );
}

#[test]
fn lines_that_are_gone_are_never_many_more_than_the_others() {
    let mut told = Told::new();
    let mut kept = told.lines.open_fleet();
    told.attend(&kept, &[CAB], 1);
    drain(&mut kept);
    let opened = 8 * limits::MAX_UNTIDIED_LINES as u64;
    let mut most = 0;
    for claim in 2..opened {
        let line = told.lines.open_fleet();
        told.attend(&line, &["cab-2", "cab-3"], claim);
        let driver = d(&format!("app-{claim}"));
        drop((line, told.lines.open(driver, Claim(claim), &told.market)));
        most = most.max(told.lines.len());
    }
    assert!(most > limits::MAX_UNTIDIED_LINES / 2, "{most}");
    assert!(most <= 2 * limits::MAX_UNTIDIED_LINES, "{most}");
    told.tell(CAB);
    assert!(matches!(drain(&mut kept), Some(FleetNews::Happened(..))));
}

#[test]
fn an_app_that_connects_after_a_gateway_has_attended_is_told() {
    let rig = Rig::start();
    rig.driver("cab-1", 0.001);
    let line = rig.handle().open_fleet().wait().unwrap();
    // The market's thread is at something else.
    let (begun, has_begun) = std::sync::mpsc::sync_channel::<()>(1);
    let (go_on, goes_on) = std::sync::mpsc::sync_channel::<()>(1);
    let held = rig.handle().look(move |_| {
        begun.send(()).unwrap();
        goes_on.recv().unwrap();
    });
    has_begun.recv().unwrap();
    rig.handle().attend_fleet(&line, vec![d("cab-1")]).unwrap();
    let app = rig.handle().attend(d("cab-1"), rig.handle().claim());
    go_on.send(()).unwrap();
    held.wait().unwrap();
    let mut app = app.wait().unwrap();
    rig.request("ada");
    let news = app.news.blocking_recv();
    assert!(news.is_some(), "the app came last, and is {:?}", app.end());
}
