//! Variables that begin with `HANSOM_` and are no setting: a mistake, or somebody else's.

use super::settings;

/// What the variables of our settings begin with.
pub(super) const PREFIX: &str = "HANSOM_";

/// Read by tests and builds, without the prefix. `cargo run` sets `HANSOM_RUSTC`.
const OURS: [&str; 7] = ["DATA", "SEED", "SEEDS", "ORACLE_STEPS", "KILLS", "COMMIT", "RUSTC"];

/// What is wrong with a variable that is no setting; `None` if it may be there.
pub(super) fn strange(name: &str, value: &str) -> Option<String> {
    if OURS.contains(&name) || is_service_link(name, value) {
        return None;
    }
    Some(match settings::similar(name) {
        Some(name) => {
            format!("is not a setting; did you mean {PREFIX}{}?", name.to_uppercase())
        }
        None => "is not a setting".to_owned(),
    })
}

/// Whether Kubernetes sets this for a service called `hansom` or `hansom-...`: every pod beside
/// it gets such variables, and a server must not fail for its own service's sake.
fn is_service_link(name: &str, value: &str) -> bool {
    let protocol = ["tcp", "udp", "sctp"]
        .iter()
        .any(|protocol| value.strip_prefix(protocol).is_some_and(|rest| rest.starts_with("://")));
    let host_or_port = format!("_{name}");
    let port = host_or_port.rsplit_once("_PORT_").is_some_and(|(_, rest)| {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let ends = ["_PROTO", "_PORT", "_ADDR"];
        let rest = ends.iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
        ["_TCP", "_UDP", "_SCTP"].contains(&rest)
    });
    host_or_port.ends_with("_SERVICE_HOST")
        || host_or_port.ends_with("_SERVICE_PORT")
        || host_or_port.contains("_SERVICE_PORT_")
        || (host_or_port.ends_with("_PORT") && protocol)
        || port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_services_and_our_own_are_let_be() {
        for (name, value) in [
            ("DATA", "/nowhere"),
            ("PORT", "tcp://10.0.0.1:7400"),
            ("GRPC_PORT", "tcp://10.0.0.1:7400"),
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "7400"),
            ("SERVICE_PORT_GRPC", "7400"),
            ("PORT_7400_TCP", "tcp://10.0.0.1:7400"),
            ("PORT_7400_TCP_PROTO", "tcp"),
            ("PORT_7400_TCP_PORT", "7400"),
            ("WEB_PORT_7401_TCP_ADDR", "10.0.0.1"),
        ] {
            assert_eq!(strange(name, value), None, "{name}");
        }
    }

    #[test]
    fn others_are_told_the_nearest() {
        let said = strange("LISTN", "x");
        assert_eq!(said.as_deref(), Some("is not a setting; did you mean HANSOM_LISTEN?"));
        assert_eq!(strange("PORT", "7400").as_deref(), Some("is not a setting"));
        assert_eq!(strange("", "").as_deref(), Some("is not a setting"));
    }
}
