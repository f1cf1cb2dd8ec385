//! The demo requests in `data/` are what its README says: regenerated, they are the same.

use std::path::Path;

use hansom::sim::{self, City, DemandPlan};
use hansom::trace::requests::{self, LogFormat, LogOptions, Request, RequestDigest};
use hansom::units::Millis;

#[test]
fn the_demo_requests_are_what_their_command_generates() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let readme = std::fs::read_to_string(data.join("README.md")).unwrap();
    let command = "generate requests --city san-francisco --requests 3000 --minutes 60 --seed 1 \
                   --out data/san-francisco-requests.csv --force";
    let (_, section) = readme.split_once(command).expect("the README has another command");
    let is_digest = |line: &&str| line.len() == 64 && line.bytes().all(|b| b.is_ascii_hexdigit());
    let told = section.lines().map(str::trim).find(is_digest).unwrap();
    let digest = |requests: &[Request]| {
        let mut digest = RequestDigest::new();
        for request in requests {
            digest.update(request);
        }
        digest.finish()
    };
    let plan = DemandPlan::new(City::SAN_FRANCISCO, 3_000, Millis::from_secs(3_600), 1).unwrap();
    let generated: Vec<Request> = sim::demand(&plan).collect();
    assert_eq!(digest(&generated), told, "the generator makes others than the README says");

    let path = data.join("san-francisco-requests.csv");
    assert!(path.metadata().unwrap().len() <= 300_000, "the demo requests are over 300 kB");
    let reader = requests::open(&path, &LogOptions::default()).unwrap();
    assert_eq!(reader.logs()[0].1, LogFormat::Own);
    let stored: Vec<Request> = reader.map(Result::unwrap).collect();
    assert!(stored == generated, "the file is another than the generator makes");
}
