//! Who takes over knows what became of the drivers meanwhile, and brings nobody back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hansom::clock::wall_now;
use hansom::geo::{Degrees, LatLng};
use hansom::ids::DriverId;
use hansom::index::{Driver, LiveMap as _, region_of};
use hansom::mirror::RegionKeys;
use hansom::model::{Capacity, DriverStatus, Profile};
use hansom::units::Timestamp;
use redis::Value;

use super::binaries;
use super::fleet::{Fleet, contents, link};
use super::process::{Server, until};

/// Whether a process has the market, and how often it was asked while it had not.
#[derive(Debug, Default)]
struct Market {
    here: AtomicBool,
    asked_elsewhere: AtomicU64,
}

impl Market {
    /// A map that is mirrored when the market is here, which has bound one driver.
    fn mirror(self: &Arc<Self>, fleet: &mut Fleet, address: &str) {
        let (of_status, of_leads) = (Arc::clone(self), Arc::clone(self));
        let status = move |id: &DriverId, told| match id.as_str() {
            _ if !of_status.here.load(Ordering::SeqCst) => told,
            "bound" => DriverStatus::OnTrip,
            _ => DriverStatus::Available,
        };
        let leads = move || {
            let here = of_leads.here.load(Ordering::SeqCst);
            of_leads.asked_elsewhere.fetch_add(u64::from(!here), Ordering::SeqCst);
            here
        };
        fleet.mirror_as(address, Arc::new(status), Arc::new(leads));
    }

    /// The market goes, and that is noticed.
    fn leave(&self) {
        let before = self.asked_elsewhere.load(Ordering::SeqCst);
        self.here.store(false, Ordering::SeqCst);
        until("it is noticed", || self.asked_elsewhere.load(Ordering::SeqCst) > before + 2);
    }

    fn come(&self) {
        self.here.store(true, Ordering::SeqCst);
    }
}

fn place(step: i32) -> LatLng {
    LatLng::try_from(Degrees { lat: 37.79, lng: -122.4 + f64::from(step) / 1e3 }).unwrap()
}

fn id(name: &str) -> DriverId {
    name.parse().unwrap()
}

fn known(fleet: &Fleet, name: &str) -> Option<Driver> {
    fleet.map.driver(wall_now(), fleet.map.find(&id(name))?)
}

fn set(fleet: &Fleet, name: &str, status: DriverStatus) {
    assert!(fleet.map.set_status(fleet.map.find(&id(name)).unwrap(), status));
}

const ROOMY: fn() -> Profile =
    || Profile { capacity: Capacity::try_from(7).unwrap(), ..Profile::default() };

#[tokio::test]
async fn a_standby_forgets_what_was_so_when_it_started() {
    use DriverStatus::{Available, OnTrip};
    for binary in binaries() {
        let server = Server::start(&binary, &[]);
        let link = link(&server.url());
        let now = wall_now().as_millis();
        let at = |ms: i64| Timestamp::from_millis(now - 10_000 + ms);
        let mut active = Fleet::mirrored(61, &server.url());
        let names = ["bound", "free", "moved", "own", "gone", "still"];
        for (step, name) in (0..).zip(names) {
            active.report(&id(name), place(step), at(0));
            set(&active, name, OnTrip);
        }
        set(&active, "still", Available);
        active.settled(&link).await;
        let (market, mut standby) = (Arc::new(Market::default()), Fleet::new(62));
        market.mirror(&mut standby, &server.url());
        standby.warmed().await;
        assert_eq!(known(&standby, "free").unwrap().status, OnTrip);

        // Life goes on, and the standby is told of one driver alone.
        set(&active, "free", Available);
        active.map.set_profile(active.map.find(&id("free")).unwrap(), ROOMY());
        active.report(&id("moved"), place(20), at(5_000));
        set(&active, "moved", Available);
        active.map.set_profile(active.map.find(&id("moved")).unwrap(), ROOMY());
        active.map.forget(active.map.find(&id("gone")).unwrap());
        active.map.set_profile(active.map.find(&id("own")).unwrap(), ROOMY());
        assert!(standby.report(&id("own"), place(30), at(7_000)));
        active.settled(&link).await;
        active.abandon();
        market.come();
        until("who left is known no more", || known(&standby, "gone").is_none());
        standby.settled(&link).await;
        let statuses = names.map(|name| known(&standby, name).map(|driver| driver.status));
        let free = Some(Available);
        let expected = [Some(OnTrip), free, free, free, None, free];
        assert_eq!(statuses, expected, "{}: {names:?}", binary.name);
        let profiles = ["free", "moved", "own"].map(|name| known(&standby, name).unwrap().profile);
        assert_eq!(profiles, [ROOMY(); 3], "of the same moment, of a later one, of an earlier one");
        let own = known(&standby, "own").unwrap().fix.unwrap();
        assert_eq!((own.position, own.at), (place(30), at(7_000)), "what it was told itself stays");
        let held = contents(&link).await.unwrap();
        assert!(held.len() == 5 && held.keys().all(|(_, id)| id != "gone"), "{held:?}");

        // Once more: who came by themselves stay, whatever Redis has lost.
        market.leave();
        for name in ["moved", "own"] {
            // The market has bound them here, and somebody else has seen their trips end.
            set(&standby, name, OnTrip);
        }
        let keys = RegionKeys::of(region_of(place(0)));
        for name in ["own", "still"] {
            server.ask::<Value>(&["HDEL", &keys.meta, name]).unwrap();
            server.ask::<Value>(&["ZREM", &keys.geo, name]).unwrap();
        }
        market.come();
        until("who was there through redis alone is gone", || known(&standby, "still").is_none());
        standby.settled(&link).await;
        let held = contents(&link).await.unwrap();
        let there = |name: &str| held.keys().any(|(_, id)| id == name);
        assert_eq!((held.len(), there("own"), there("still")), (4, true, false), "{held:?}");
        let statuses = ["bound", "moved", "own"].map(|name| known(&standby, name).unwrap().status);
        assert_eq!(statuses, [OnTrip, Available, Available]);
    }
}

#[tokio::test]
async fn a_redis_that_lost_everything_does_not_say_that_everybody_has_left() {
    for binary in binaries() {
        let server = Server::start(&binary, &[]);
        let link = link(&server.url());
        let mut active = Fleet::mirrored(64, &server.url());
        for step in 0..20 {
            assert!(active.report(&id(&format!("cab-{step}")), place(step), wall_now()));
        }
        active.settled(&link).await;
        let (market, mut standby) = (Arc::new(Market::default()), Fleet::new(65));
        market.mirror(&mut standby, &server.url());
        standby.warmed().await;
        active.abandon();
        server.ask::<Value>(&["FLUSHALL"]).unwrap();
        market.come();
        standby.settled(&link).await;
        assert_eq!(contents(&link).await.unwrap().len(), 20, "{}", binary.name);
    }
}
