//! The demo trace in `data/` is what its README says: regenerated, it has the same digest.

use std::path::Path;

use hansom::sim::{self, City, FleetPlan};
use hansom::trace::{self, Format, ReadOptions, TraceDigest};
use hansom::units::Millis;

#[test]
fn the_demo_trace_is_what_its_command_generates() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let readme = std::fs::read_to_string(data.join("README.md")).unwrap();
    let command = "generate --city san-francisco --drivers 150 --minutes 45 --seed 1 \
                   --out data/san-francisco.htrace --force";
    assert!(readme.contains(command), "the README has another command");
    let is_digest = |line: &&str| line.len() == 64 && line.bytes().all(|b| b.is_ascii_hexdigit());
    let told = readme.lines().map(str::trim).find(is_digest).unwrap();

    let plan = FleetPlan::new(City::SAN_FRANCISCO, 150, Millis::from_secs(45 * 60), 1).unwrap();
    let mut generated = TraceDigest::new();
    for record in sim::generate(&plan) {
        generated.update(&plan.driver_id(record.vehicle), &record);
    }
    assert_eq!(generated.finish(), told, "the generator makes another fleet than the README says");

    let path = data.join("san-francisco.htrace");
    assert!(path.metadata().unwrap().len() <= 1_000_000, "the demo trace is over 1 MB");
    let mut reader = trace::open(&path, &ReadOptions::default()).unwrap();
    assert_eq!(reader.format(), Format::Own);
    let mut stored = TraceDigest::new();
    while let Some(record) = reader.next().unwrap() {
        stored.update(reader.vehicle_name(record.vehicle), &record);
    }
    assert_eq!(reader.damage(), None);
    assert_eq!(stored.finish(), told, "the file is another than the README says");
    assert_eq!(reader.vehicles(), 150);
    assert!(readme.contains("93,936 position reports") || readme.contains("93,936\nposition"));
    assert_eq!(reader.stats().yielded, 93_936);
}
