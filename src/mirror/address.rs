//! Where Redis is, as `--redis` says it.
//!
//! Passwords are kept for the connection and never written: the text form has `***` for them.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};

/// Where Redis is, and as whom to go there.
#[derive(Clone)]
pub struct RedisAddress {
    topology: Topology,
    tls: Tls,
    settings: RedisConnectionInfo,
}

/// How the servers stand to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One server, which may have replicas.
    Single(Place),
    /// A primary that sentinels know by its name.
    Sentinel {
        /// Some of the sentinels.
        sentinels: Vec<Place>,
        /// What they call the primary.
        master: String,
    },
    /// Some nodes of a cluster.
    Cluster(Vec<Place>),
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// A name or an address; without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Whether connections are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    Off,
    On,
}

/// Why a text is no address of Redis. Names no part of it that may be a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Another scheme than those known.
    #[error(
        "it is not redis://HOST:PORT, rediss://HOST:PORT, redis+sentinel://HOST:PORT,.../NAME, or \
         several redis:// URLs for a cluster"
    )]
    Scheme,
    /// The URL cannot be read.
    #[error("the URL number {number} cannot be read: {detail}")]
    Url {
        /// Which, from 1.
        number: usize,
        /// What is wrong, as far as it can be told.
        detail: &'static str,
    },
    /// The nodes of a cluster are to be reached in different ways.
    #[error("the URLs of a cluster differ in scheme, user or password")]
    Differ,
    /// A cluster has one database.
    #[error("a cluster has no database but 0")]
    Database,
    /// Nobody says what the sentinels call the primary.
    #[error("redis+sentinel:// lacks the primary's name: redis+sentinel://HOST:PORT,.../NAME")]
    NoMaster,
}

impl std::str::FromStr for RedisAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        match scheme {
            "redis+sentinel" => sentinel(rest, Tls::Off),
            "rediss+sentinel" => sentinel(rest, Tls::On),
            "redis" | "rediss" => plain(text),
            _ => Err(AddressError::Scheme),
        }
    }
}

/// One URL, or those of a cluster's nodes.
fn plain(text: &str) -> Result<RedisAddress, AddressError> {
    let mut nodes = Vec::new();
    let mut first: Option<(Tls, RedisConnectionInfo)> = None;
    for (number, url) in (1..).zip(text.split(',').map(str::trim)) {
        if !url.starts_with("redis://") && !url.starts_with("rediss://") {
            return Err(AddressError::Scheme);
        }
        let (place, tls, settings) = one(number, url)?;
        let same = |(of, with): &(Tls, RedisConnectionInfo)| {
            (*of, with.username(), with.password())
                == (tls, settings.username(), settings.password())
        };
        if first.as_ref().is_some_and(|first| !same(first)) {
            return Err(AddressError::Differ);
        }
        if number > 1 && settings.db() != 0 {
            return Err(AddressError::Database);
        }
        first.get_or_insert((tls, settings));
        nodes.push(place);
    }
    let (tls, settings) = first.ok_or(AddressError::Scheme)?;
    let topology = match nodes.len() {
        1 => Topology::Single(nodes.swap_remove(0)),
        _ if settings.db() != 0 => return Err(AddressError::Database),
        _ => Topology::Cluster(nodes),
    };
    Ok(RedisAddress { topology, tls, settings })
}

/// What one URL says.
fn one(number: usize, url: &str) -> Result<(Place, Tls, RedisConnectionInfo), AddressError> {
    let refused = |detail| AddressError::Url { number, detail };
    let info = url.into_connection_info().map_err(|_| refused("host, port or database"))?;
    let settings = info.redis_settings().clone();
    match info.addr().clone() {
        ConnectionAddr::Tcp(host, port) => Ok((Place { host, port }, Tls::Off, settings)),
        ConnectionAddr::TcpTls { insecure: true, .. } => {
            Err(refused("certificates are always checked"))
        }
        ConnectionAddr::TcpTls { host, port, .. } => Ok((Place { host, port }, Tls::On, settings)),
        _ => Err(refused("only TCP is spoken")),
    }
}

/// What follows the scheme of a URL of sentinels.
fn sentinel(rest: &str, tls: Tls) -> Result<RedisAddress, AddressError> {
    let (authority, path) = rest.split_once('/').ok_or(AddressError::NoMaster)?;
    let (master, db) = path.split_once('/').unwrap_or((path, ""));
    if master.is_empty() {
        return Err(AddressError::NoMaster);
    }
    let (credentials, hosts) = match authority.rsplit_once('@') {
        Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
        None => (String::new(), authority),
    };
    let mut sentinels = Vec::new();
    let mut settings = RedisConnectionInfo::default();
    for (number, host) in (1..).zip(hosts.split(',')) {
        let (place, _, with) = one(number, &format!("redis://{credentials}{host}/{db}"))?;
        // The port of a sentinel, unless one is named.
        let named = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        sentinels.push(if named { place } else { Place { port: SENTINEL_PORT, ..place } });
        settings = with;
    }
    let topology = Topology::Sentinel { sentinels, master: master.to_owned() };
    Ok(RedisAddress { topology, tls, settings })
}

/// Where sentinels listen unless told otherwise.
const SENTINEL_PORT: u16 = 26_379;

impl RedisAddress {
    /// How the servers stand to each other.
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// How to connect to one of the servers.
    pub(super) fn info(&self, place: &Place) -> ConnectionInfo {
        self.connection(place, self.settings.clone())
    }

    /// How to connect to one of the sentinels: they have neither databases nor our password.
    pub(super) fn sentinel_info(&self, place: &Place) -> ConnectionInfo {
        self.connection(place, RedisConnectionInfo::default())
    }

    fn connection(&self, place: &Place, settings: RedisConnectionInfo) -> ConnectionInfo {
        let Place { host, port } = place.clone();
        let addr = match self.tls {
            Tls::Off => ConnectionAddr::Tcp(host, port),
            Tls::On => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        };
        // Nothing of the library's own: not its name, not its protocol of the day.
        let settings = settings.set_skip_set_lib_name();
        let nodelay = redis::io::tcp::TcpSettings::default().set_nodelay(true);
        let unused = ConnectionAddr::Tcp(String::new(), 0);
        let info = unused.into_connection_info().ok();
        let Some(info) = info else { unreachable!("an address is always one") };
        info.set_addr(addr).set_redis_settings(settings).set_tcp_settings(nodelay)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// As it was given, but for the password.
impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.tls == Tls::On { "s" } else { "" };
        let who = match (self.settings.username(), self.settings.password()) {
            (None, None) => String::new(),
            (user, None) => format!("{}@", user.unwrap_or_default()),
            (user, Some(_)) => format!("{}:***@", user.unwrap_or_default()),
        };
        let db = match self.settings.db() {
            0 => String::new(),
            db => format!("/{db}"),
        };
        match &self.topology {
            Topology::Single(place) => write!(f, "redis{s}://{who}{place}{db}"),
            Topology::Sentinel { sentinels, master } => {
                let hosts: Vec<String> = sentinels.iter().map(Place::to_string).collect();
                write!(f, "redis{s}+sentinel://{who}{}/{master}{db}", hosts.join(","))
            }
            Topology::Cluster(nodes) => {
                let urls = nodes.iter().map(|place| format!("redis{s}://{who}{place}"));
                f.write_str(&urls.collect::<Vec<_>>().join(","))
            }
        }
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({self})")
    }
}

impl PartialEq for RedisAddress {
    fn eq(&self, other: &Self) -> bool {
        let settings = |of: &Self| (of.settings.username().map(str::to_owned), of.settings.db());
        let password = |of: &Self| of.settings.password().map(str::to_owned);
        (&self.topology, self.tls) == (&other.topology, other.tls)
            && settings(self) == settings(other)
            && password(self) == password(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, AddressError> {
        text.parse::<RedisAddress>().map(|address| address.to_string())
    }

    #[test]
    fn each_form_is_read_and_shown_without_its_password() {
        for (given, expected) in [
            ("redis://127.0.0.1:6380", "redis://127.0.0.1:6380"),
            ("redis://db", "redis://db:6379"),
            ("redis://[::1]:6380/3", "redis://[::1]:6380/3"),
            ("rediss://ann:s3cret@db:1", "rediss://ann:***@db:1"),
            ("redis://:s3cret@db:1", "redis://:***@db:1"),
            ("redis+sentinel://a:1,b/main", "redis+sentinel://a:1,b:26379/main"),
            ("redis+sentinel://u:s3cret@a:1/m/2", "redis+sentinel://u:***@a:1/m/2"),
            ("redis://:s3cret@a:1, redis://:s3cret@b:2", "redis://:***@a:1,redis://:***@b:2"),
        ] {
            let address: RedisAddress = given.parse().unwrap();
            assert_eq!(address.to_string(), expected);
            assert!(!format!("{address:?}").contains("s3cret"), "{given}");
        }
        let cluster: RedisAddress = "redis://a:1,redis://b:2".parse().unwrap();
        let place = |host: &str, port| Place { host: host.to_owned(), port };
        assert_eq!(cluster.topology(), &Topology::Cluster(vec![place("a", 1), place("b", 2)]));
        let with: RedisAddress = "redis://:s3cret@a:1".parse().unwrap();
        assert_eq!(with.info(&place("a", 1)).redis_settings().password(), Some("s3cret"));
        assert_eq!(with.sentinel_info(&place("a", 1)).redis_settings().password(), None);
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for (given, expected) in [
            ("db:6379", AddressError::Scheme),
            ("unix:///s3cret", AddressError::Scheme),
            ("redis://a,http://b", AddressError::Scheme),
            ("redis://:s3cret@a,redis://:other@b", AddressError::Differ),
            ("redis://a,rediss://b", AddressError::Differ),
            ("redis://a/1,redis://b/1", AddressError::Database),
            ("redis+sentinel://a:1", AddressError::NoMaster),
            ("redis+sentinel://a:1/", AddressError::NoMaster),
        ] {
            assert_eq!(shown(given), Err(expected.clone()), "{given}");
            assert!(!expected.to_string().contains("s3cret"));
        }
        let broken = shown("redis://:s3cret@a:99999").unwrap_err().to_string();
        assert!(broken.contains("number 1") && !broken.contains("s3cret"), "{broken}");
    }
}
