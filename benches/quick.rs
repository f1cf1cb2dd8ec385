//! scratch
#![allow(unsafe_code)]
mod fleet;
use fleet::*;
use hansom::index::*;
use hansom::model::*;
use hansom::units::*;
struct Instant(f64);
struct El(f64);
impl El {
    fn as_nanos(&self) -> f64 {
        self.0
    }
}
impl Instant {
    fn now() -> Self {
        let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut t) };
        Instant(t.tv_sec as f64 * 1e9 + t.tv_nsec as f64)
    }
    fn elapsed(&self) -> El {
        El(Instant::now().0 - self.0)
    }
}
#[allow(unsafe_code)]
#[global_allocator]
static A: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn rss() -> f64 {
    let s = std::fs::read_to_string("/proc/self/statm").unwrap();
    s.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * 4096.0
}
fn upd(name: &str, f: &mut Fleet, n: usize) {
    let mut best = f64::MAX;
    let mut tot = 0.0;
    let mut o = BatchOutcome::default();
    for _ in 0..n {
        let b: Vec<Vec<Report>> = (0..100).map(|_| f.moves(1024)).collect();
        let t = Instant::now();
        for x in &b {
            o.clear();
            f.index.apply(f.now, x, &mut o);
        }
        let e = t.elapsed().as_nanos() / (100.0 * 1024.0);
        best = best.min(e);
        tot += e;
    }
    println!(
        "{name} update best {best:.1} mean {:.1} ns  (rej {})",
        tot / n as f64,
        o.rejected.len()
    );
}
fn q(
    name: &str,
    f: &mut Fleet,
    k: u64,
    r: f64,
    filter: Filter,
    n: usize,
    mut place: impl FnMut(&mut Fleet) -> hansom::geo::LatLng,
) {
    let mut a = Answer::default();
    let mut best = f64::MAX;
    let mut hits = 0;
    for _ in 0..24 {
        let qs: Vec<Nearest> = (0..n)
            .map(|_| Nearest {
                center: place(f),
                k: K::try_from(k).unwrap(),
                radius: Meters::new(r).unwrap(),
                filter: filter.clone(),
            })
            .collect();
        let t = Instant::now();
        for x in &qs {
            f.index.nearest(f.now, x, &mut a);
            hits += a.hits.len();
        }
        let e = t.elapsed().as_nanos() / n as f64;
        best = best.min(e);
    }
    println!("{name} nearest {best:.0} ns, hits {:.1}", hits as f64 / (24 * n) as f64);
}
fn main() {
    let r0 = rss();
    let cg = std::env::args().nth(1).is_some_and(|m| m.starts_with("cg"));
    let mut f = Fleet::new(if cg { 30_000 } else { 1_000_000 }, country);
    if std::env::args().nth(1).as_deref() == Some("cgk") {
        q(
            "cg",
            &mut f,
            10,
            5000.0,
            Filter::ANY,
            if std::env::args().nth(2).is_some() { 0 } else { 500 },
            |f: &mut Fleet| {
                let i = f.rng.below(f.positions.len());
                f.positions[i]
            },
        );
        return;
    }
    if std::env::args().nth(1).as_deref() == Some("cgu") {
        upd("cgu", &mut f, if std::env::args().nth(2).is_some() { 0 } else { 1 });
        return;
    }
    println!("bytes/driver {:.1} (incl. positions 8, keys 4)", (rss() - r0) / 1e6);
    println!("memory {:?}", f.index.memory());
    let mode = std::env::args().nth(1).unwrap_or_default();
    if mode == "knn" {
        q("W1 any", &mut f, 10, 5000.0, Filter::ANY, 60000, |f: &mut Fleet| {
            let i = f.rng.below(f.positions.len());
            offset(f.positions[i], (f.rng.unit() - 0.5) * 500.0, (f.rng.unit() - 0.5) * 500.0)
        });
        return;
    }
    if mode == "upd" {
        println!("{}", std::fs::read_to_string("/proc/self/smaps_rollup").unwrap());
        upd("W1", &mut f, 1000);
        return;
    }
    upd("W1", &mut f, 20);
    let any = Filter::ANY;
    let mut f30 = Filter::default();
    f30.vehicle_types = VehicleTypes::from_bits(0b1111);
    let near = |f: &mut Fleet| {
        let i = f.rng.below(f.positions.len());
        offset(f.positions[i], (f.rng.unit() - 0.5) * 500.0, (f.rng.unit() - 0.5) * 500.0)
    };
    q("W1 any", &mut f, 10, 5000.0, any.clone(), 20000, near);
    q("W1 f30", &mut f, 10, 5000.0, f30.clone(), 20000, near);
    q("W1 k50", &mut f, 50, 5000.0, any.clone(), 20000, near);
    q("W1 k1", &mut f, 1, 5000.0, any.clone(), 20000, near);
    q("W1 empty", &mut f, 10, 50000.0, any.clone(), 20000, |f| {
        let (la, ln) = CITIES[f.rng.below(20)];
        let a = f.rng.unit() * 6.28;
        offset(at(la, ln), a.cos() * 100_000.0, a.sin() * 100_000.0)
    });
    upd("W1 again", &mut f, 40);
    println!("bytes/driver {:.1}", (rss() - r0) / 1e6);
    if std::env::args().any(|a| a == "churn") {
        for _ in 0..6 {
            upd("churn", &mut f, 200);
            println!("bytes/driver {:.1}", (rss() - r0) / 1e6);
        }
        q("W1 any", &mut f, 10, 5000.0, any.clone(), 20000, near);
        q("W1 f30", &mut f, 10, 5000.0, f30.clone(), 20000, near);
    }
    drop(f);
    let mut s = Fleet::new(120_000, stadium);
    upd("W3", &mut s, 10);
    q("W3 any", &mut s, 10, 5000.0, any.clone(), 20000, near);
    let mut p = Fleet::new(20_000, |_| at(10.0, 10.0));
    q("point", &mut p, 10, 5000.0, any.clone(), 50, |_| at(10.0, 10.0));
    upd("warm", &mut p, 1);
}
