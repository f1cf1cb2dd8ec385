//! Who is the primary, or a replica, right now.
//!
//! Sentinels are asked each time, one after the other, and whom they name must itself say that it
//! has the role: a sentinel may be behind.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_read_routing::RandomReplicaStrategy;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, Value, cmd};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::address::{Place, RedisAddress, Topology};
use super::link::{LinkOptions, Role};
use super::verdict::LinkError;

/// A connection, to one server or to a cluster.
#[derive(Clone)]
pub(super) enum Wire {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// Connects to whoever has the role. Tells where, unless it is a cluster.
///
/// `known` are replicas that the primary named while it could be asked.
pub(super) async fn connect(
    address: &RedisAddress,
    role: Role,
    options: &LinkOptions,
    known: &[Place],
) -> Result<(Wire, Option<Place>), LinkError> {
    match address.topology() {
        Topology::Cluster(nodes) => {
            let nodes: Vec<ConnectionInfo> = nodes.iter().map(|node| address.info(node)).collect();
            cluster(nodes, role, options).await.map(|wire| (wire, None))
        }
        Topology::Single(place) if role == Role::Primary => {
            let connection = one(address.info(place), options).await?;
            Ok((Wire::One(connection), Some(place.clone())))
        }
        Topology::Single(_) => first(address, role, known, options).await,
        Topology::Sentinel { .. } => {
            let named = ask_sentinels(address, role, options).await?;
            first(address, role, &named, options).await
        }
    }
}

/// A connection to one server.
async fn one(
    info: ConnectionInfo,
    options: &LinkOptions,
) -> Result<MultiplexedConnection, LinkError> {
    let client = Client::open(info)?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(options.connect_timeout))
        .set_response_timeout(Some(options.response_timeout));
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    within(options.connect_timeout, "connecting", connecting).await
}

async fn cluster(
    nodes: Vec<ConnectionInfo>,
    role: Role,
    options: &LinkOptions,
) -> Result<Wire, LinkError> {
    let builder = ClusterClientBuilder::new(nodes)
        .connection_timeout(options.connect_timeout)
        .response_timeout(options.response_timeout)
        // Enough for a moved slot; the rest is our own supervisor's affair.
        .retries(3)
        .min_retry_wait(20)
        .max_retry_wait(300)
        .tcp_settings(redis::io::tcp::TcpSettings::default().set_nodelay(true));
    let builder = match role {
        Role::Primary => builder,
        Role::Replica => builder.read_routing_strategy(RandomReplicaStrategy),
    };
    let client = builder.build()?;
    // It looks at several nodes, one after the other, and is known to hang.
    let most = options.connect_timeout * 3;
    within(most, "connecting", client.get_async_connection()).await.map(Wire::Cluster)
}

/// What a future of the library comes to, if it does in time.
pub(super) async fn within<T>(
    most: Duration,
    what: &str,
    work: impl Future<Output = redis::RedisResult<T>>,
) -> Result<T, LinkError> {
    match timeout(most, work).await {
        Ok(done) => done.map_err(LinkError::from),
        Err(_) => Err(LinkError::Broken { detail: format!("{what} took longer than {most:?}") }),
    }
}

/// The first of these places that can be reached and has the role.
async fn first(
    address: &RedisAddress,
    role: Role,
    places: &[Place],
    options: &LinkOptions,
) -> Result<(Wire, Option<Place>), LinkError> {
    let mut detail = "none is known".to_owned();
    for place in places {
        match try_one(address, role, place, options).await {
            Ok(connection) => return Ok((Wire::One(connection), Some(place.clone()))),
            Err(error) => detail = format!("{place}: {error}"),
        }
    }
    Err(LinkError::Nowhere { role: role.name(), detail })
}

async fn try_one(
    address: &RedisAddress,
    role: Role,
    place: &Place,
    options: &LinkOptions,
) -> Result<MultiplexedConnection, LinkError> {
    let mut connection = one(address.info(place), options).await?;
    let asked = cmd("ROLE");
    let asking = asked.query_async::<Vec<Value>>(&mut connection);
    let answer = within(options.response_timeout, "ROLE", asking).await?;
    let says = answer.first().and_then(text).unwrap_or_default();
    if says == role.word() {
        return Ok(connection);
    }
    Err(LinkError::Nowhere { role: role.name(), detail: format!("it says that it is a {says}") })
}

/// How long a sentinel may take before the next is asked too.
const NEXT_SENTINEL: Duration = Duration::from_millis(100);

/// Where the sentinels say that the role is: the first of them who names somebody is believed. One that does
/// not answer at once holds nobody up.
pub(super) async fn ask_sentinels(
    address: &RedisAddress,
    role: Role,
    options: &LinkOptions,
) -> Result<Vec<Place>, LinkError> {
    let Topology::Sentinel { sentinels, master } = address.topology() else {
        return Ok(Vec::new());
    };
    let mut asked = JoinSet::new();
    for (turn, place) in (0_u32..).zip(sentinels) {
        let (info, place) = (address.sentinel_info(place), place.clone());
        let (options, master) = (*options, master.clone());
        asked.spawn(async move {
            tokio::time::sleep(NEXT_SENTINEL * turn).await;
            (ask_sentinel(info, role, &master, &options).await, place)
        });
    }
    let mut detail = "there are none".to_owned();
    while let Some(told) = asked.join_next().await {
        match told {
            Ok((Ok(named), _)) if !named.is_empty() => return Ok(named),
            Ok((Ok(_), place)) => detail = format!("{place} knows none"),
            Ok((Err(error), place)) => detail = format!("{place}: {error}"),
            Err(error) => detail = error.to_string(),
        }
    }
    Err(LinkError::Nowhere { role: role.name(), detail: format!("of the sentinels, {detail}") })
}

async fn ask_sentinel(
    info: ConnectionInfo,
    role: Role,
    master: &str,
    options: &LinkOptions,
) -> Result<Vec<Place>, LinkError> {
    let mut connection = one(info, options).await?;
    let mut asked = cmd("SENTINEL");
    asked.arg(if role == Role::Primary { "get-master-addr-by-name" } else { "replicas" });
    asked.arg(master);
    let asking = asked.query_async::<Value>(&mut connection);
    let value = within(options.response_timeout, "SENTINEL", asking).await?;
    Ok(match role {
        Role::Primary => place_of(&value).into_iter().collect(),
        Role::Replica => replicas_of(&value),
    })
}

/// The replicas that a primary names.
pub(super) async fn ask_for_replicas(
    wire: &Wire,
    options: &LinkOptions,
) -> Result<Vec<Place>, LinkError> {
    let Wire::One(connection) = wire else { return Ok(Vec::new()) };
    let (mut connection, asked) = (connection.clone(), cmd("ROLE"));
    let asking = asked.query_async::<Vec<Value>>(&mut connection);
    let answer = within(options.response_timeout, "ROLE", asking).await?;
    match answer.get(2) {
        Some(Value::Array(replicas)) => Ok(replicas.iter().filter_map(place_of).collect()),
        _ => Ok(Vec::new()),
    }
}

/// A list that begins with a host and a port.
fn place_of(value: &Value) -> Option<Place> {
    let Value::Array(parts) = value else { return None };
    let port = text(parts.get(1)?)?.parse().ok()?;
    Some(Place { host: text(parts.first()?)?, port })
}

/// The replicas of `SENTINEL replicas` that are not down.
fn replicas_of(value: &Value) -> Vec<Place> {
    let Value::Array(replicas) = value else { return Vec::new() };
    let one = |replica: &Value| {
        let field = |name: &str| match replica {
            Value::Array(pairs) => pairs
                .chunks_exact(2)
                .find(|pair| text(&pair[0]).as_deref() == Some(name))
                .and_then(|pair| text(&pair[1])),
            Value::Map(pairs) => {
                let found = pairs.iter().find(|(key, _)| text(key).as_deref() == Some(name));
                found.and_then(|(_, value)| text(value))
            }
            _ => None,
        };
        let flags = field("flags")?;
        let down = ["s_down", "o_down", "disconnected"].iter().any(|flag| flags.contains(flag));
        let place = Place { host: field("ip")?, port: field("port")?.parse().ok()? };
        (!down).then_some(place)
    };
    replicas.iter().filter_map(one).collect()
}

/// A value as text, whatever kind of text it is.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}
