//! The methods by whose names errors are counted.

/// A method of our services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rpc(usize);

/// Service, method, and whether it answers with a stream.
const ALL: [(&str, &str, bool); 27] = [
    ("hansom.v1.DriverService", "Connect", true),
    ("hansom.v1.DriverService", "Ingest", true),
    ("hansom.v1.DriverService", "ConnectFleet", true),
    ("hansom.v1.DriverService", "Report", false),
    ("hansom.v1.DriverService", "SetStatus", false),
    ("hansom.v1.DriverService", "GetDriver", false),
    ("hansom.v1.ProximityService", "Nearest", false),
    ("hansom.v1.ProximityService", "NearestStream", true),
    ("hansom.v1.ProximityService", "Within", false),
    ("hansom.v1.ProximityService", "Count", false),
    ("hansom.v1.ProximityService", "WatchArea", true),
    ("hansom.v1.DriverService", "AcceptOffer", false),
    ("hansom.v1.DriverService", "DeclineOffer", false),
    ("hansom.v1.DriverService", "Arrive", false),
    ("hansom.v1.DriverService", "StartTrip", false),
    ("hansom.v1.DriverService", "CompleteTrip", false),
    ("hansom.v1.DriverService", "CancelAsDriver", false),
    ("hansom.v1.RiderService", "Quote", false),
    ("hansom.v1.RiderService", "RequestTrip", false),
    ("hansom.v1.RiderService", "CancelTrip", false),
    ("hansom.v1.RiderService", "GetTrip", false),
    ("hansom.v1.RiderService", "WatchTrip", true),
    ("hansom.v1.RiderService", "RateTrip", false),
    ("hansom.v1.AdminService", "Status", false),
    ("hansom.v1.AdminService", "Explain", false),
    ("hansom.v1.SuccessionService", "Hold", false),
    ("hansom.v1.SuccessionService", "Running", false),
];

/// The names of gRPC's error codes, from 1.
pub(super) const CODES: [&str; 16] = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Rpc {
    /// The method that is called under this path, if it is ours.
    pub fn of_path(path: &str) -> Option<Self> {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        ALL.iter().position(|rpc| (rpc.0, rpc.1) == (service, method)).map(Self)
    }

    /// Whether it answers with a stream.
    pub fn is_stream(self) -> bool {
        ALL[self.0].2
    }

    /// Something for each method and code, for [`Self::place`].
    pub(super) fn each<T>(make: impl Fn(&'static str, &'static str, &'static str) -> T) -> Vec<T> {
        let pairs = ALL.iter().flat_map(|rpc| CODES.iter().map(move |code| (rpc, code)));
        pairs.map(|(rpc, code)| make(rpc.0, rpc.1, code)).collect()
    }

    /// Where the method's `code` is in [`Self::each`]; `None` if it is no error.
    pub(super) fn place(self, code: usize) -> Option<usize> {
        (1..=CODES.len()).contains(&code).then(|| self.0 * CODES.len() + code - 1)
    }
}
