//! Several servers: a primary with a replica and sentinels, and a cluster.

use redis::Value;

use super::Binary;
use super::process::{Server, free_port, until};

/// What the sentinels call the primary.
pub(crate) const NAME: &str = "hansom-test";

/// A primary, its replica, and three sentinels that watch them.
#[derive(Debug)]
pub(crate) struct Watched {
    /// The first is the primary at the beginning.
    pub(crate) servers: [Server; 2],
    pub(crate) sentinels: Vec<Server>,
}

impl Watched {
    pub(crate) fn start(binary: &Binary) -> Self {
        let primary = Server::start(binary, &[]);
        let replica = replica_of(binary, &primary);
        let watches = format!(
            "sentinel monitor {NAME} 127.0.0.1 {} 2\nsentinel down-after-milliseconds {NAME} 500\n\
             sentinel failover-timeout {NAME} 3000\nsentinel parallel-syncs {NAME} 1\n",
            primary.port
        );
        let sentinels: Vec<Server> = (0..3).map(|_| Server::sentinel(binary, &watches)).collect();
        let knows = |sentinel: &Server, what: &str, count: usize| {
            sentinel.ask::<Vec<Value>>(&["SENTINEL", what, NAME]).is_ok_and(|v| v.len() == count)
        };
        until("the sentinels know each other and the replica", || {
            sentinels.iter().all(|s| knows(s, "sentinels", 2) && knows(s, "replicas", 1))
        });
        Self { servers: [primary, replica], sentinels }
    }

    /// As `--redis` takes it.
    pub(crate) fn address(&self) -> String {
        let hosts: Vec<String> =
            self.sentinels.iter().map(|s| format!("127.0.0.1:{}", s.port)).collect();
        format!("redis+sentinel://{}/{NAME}", hosts.join(","))
    }

    /// The port of whom the first sentinel names.
    pub(crate) fn primary_port(&self) -> u16 {
        let asked = ["SENTINEL", "get-master-addr-by-name", NAME];
        let (_, port): (String, u16) = self.sentinels[0].ask(&asked).unwrap();
        port
    }

    /// Makes the sentinels change places of primary and replica, and waits until they have.
    pub(crate) fn fail_over(&self) {
        let before = self.primary_port();
        until("the sentinels accept a failover", || {
            self.sentinels[0].ask::<Value>(&["SENTINEL", "FAILOVER", NAME]).is_ok()
        });
        until("another primary is named", || self.primary_port() != before);
    }
}

/// A replica that has all that its primary has.
pub(crate) fn replica_of(binary: &Binary, primary: &Server) -> Server {
    let port = primary.port.to_string();
    let replica = Server::start(binary, &["--replicaof", "127.0.0.1", &port]);
    synchronised(&replica);
    replica
}

fn synchronised(replica: &Server) {
    until("the replica has caught up", || {
        replica
            .ask::<String>(&["INFO", "replication"])
            .is_ok_and(|info| info.contains("role:slave") && info.contains("master_link_status:up"))
    });
}

/// A cluster of three primaries with a replica each.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The first three are the primaries at the beginning.
    pub(crate) servers: Vec<Server>,
}

impl Cluster {
    pub(crate) fn start(binary: &Binary) -> Self {
        let settings = |_: u16| {
            [
                "--cluster-enabled",
                "yes",
                "--cluster-node-timeout",
                "1500",
                "--cluster-replica-validity-factor",
                "0",
                "--cluster-port",
            ]
            .map(str::to_owned)
            .into_iter()
            .chain([free_port().to_string()])
            .collect()
        };
        let servers: Vec<Server> = (0..6).map(|_| Server::start_with(binary, settings)).collect();
        let slots = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];
        for (server, (first, last)) in servers.iter().zip(slots) {
            let range = ["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()];
            server.ask::<Value>(&range).unwrap();
        }
        for (i, server) in servers.iter().enumerate() {
            let epoch = (i + 1).to_string();
            server.ask::<Value>(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]).unwrap();
        }
        for server in &servers[1..] {
            let (port, bus) = (servers[0].port.to_string(), bus_port(&servers[0]));
            server.ask::<Value>(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).unwrap();
        }
        until("the nodes know each other", || {
            servers.iter().all(|s| s.text(&["CLUSTER", "NODES"]).matches("connected").count() >= 6)
        });
        for (primary, replica) in servers[..3].iter().zip(&servers[3..]) {
            let id = primary.text(&["CLUSTER", "MYID"]);
            until("a node becomes a replica", || {
                replica.ask::<Value>(&["CLUSTER", "REPLICATE", &id]).is_ok()
            });
        }
        servers[3..].iter().for_each(synchronised);
        until("the cluster is well", || {
            servers.iter().all(|s| {
                s.text(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
                    && s.text(&["CLUSTER", "NODES"]).matches("slave").count() == 3
            })
        });
        Self { servers }
    }

    /// As `--redis` takes it.
    pub(crate) fn address(&self) -> String {
        let urls: Vec<String> = self.servers[..3].iter().map(Server::url).collect();
        urls.join(",")
    }
}

impl Cluster {
    /// Whoever has the slot of a key.
    pub(crate) fn owner_of(&self, key: &str) -> usize {
        let asks = |server: &Server| server.ask::<Value>(&["HLEN", key]).is_ok();
        self.servers.iter().position(asks).expect("somebody has the slot")
    }

    /// Moves the slot of a key to another primary, as an operator would.
    pub(crate) fn move_slot(&self, key: &str, to: usize) {
        let from = self.owner_of(key);
        let slot = self.servers[from].text_of_number(&["CLUSTER", "KEYSLOT", key]);
        let id = |which: usize| self.servers[which].text(&["CLUSTER", "MYID"]);
        let (source, target) = (id(from), id(to));
        let set = |which: usize, how: &[&str]| {
            let words = [&["CLUSTER", "SETSLOT", &slot], how].concat();
            self.servers[which].ask::<Value>(&words).unwrap();
        };
        set(to, &["IMPORTING", &source]);
        set(from, &["MIGRATING", &target]);
        let port = self.servers[to].port.to_string();
        loop {
            // One at a time, so that clients meet a slot in two places.
            let one = ["CLUSTER", "GETKEYSINSLOT", &slot, "1"];
            let keys: Vec<String> = self.servers[from].ask(&one).unwrap();
            let Some(key) = keys.first() else { break };
            let migrate = ["MIGRATE", "127.0.0.1", &port, key, "0", "5000"];
            self.servers[from].ask::<Value>(&migrate).unwrap();
        }
        set(to, &["NODE", &target]);
        set(from, &["NODE", &target]);
    }
}

fn bus_port(server: &Server) -> String {
    // "id host:port@bus flags ..." of the line that has "myself".
    let nodes = server.text(&["CLUSTER", "NODES"]);
    let own = nodes.lines().find(|line| line.contains("myself")).unwrap();
    let address = own.split_whitespace().nth(1).unwrap();
    let bus = address.rsplit_once('@').unwrap().1;
    bus.split(',').next().unwrap().to_owned()
}
