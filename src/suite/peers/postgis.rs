//! PostgreSQL with PostGIS: a table of points with a GiST index, nearest by `<->`.
//!
//! The table is unlogged and nothing waits for the disk. Points are `geography`, so that distances
//! are metres on the globe everywhere; `ST_DWithin` and `<->` use the index. Moves go many to a
//! prepared statement, questions are prepared and many are under way on one connection. Its own
//! vacuum runs, as in production.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_postgres::{NoTls, Statement};

use super::Start;
use crate::geo::LatLng;
use crate::suite::launch::{Launched, command, find, folder, free_port};
use crate::suite::system::{About, Call, Client, Filters, Found, Rounding, Sink, System, Trouble};
use crate::suite::workload::{Ask, Move, World, class};

/// Rows in one statement that moves drivers.
const ROWS: usize = 1_000;

/// Questions under way on one connection.
const UNDER_WAY: usize = 32;

const INSTALL: &str = "apt-get install postgresql postgresql-15-postgis-3";

/// Who it runs as if we are root, which it refuses to be.
const USER: &str = "postgres";

const EXTENSION: &str = "CREATE EXTENSION IF NOT EXISTS postgis";

const TABLE: &str = "
    DROP TABLE IF EXISTS hansom_suite;
    CREATE UNLOGGED TABLE hansom_suite (
        id int4 PRIMARY KEY, class int2 NOT NULL, place geography(Point, 4326) NOT NULL
    ) WITH (fillfactor = 50);";

const INSERT: &str = "
    INSERT INTO hansom_suite SELECT id, class,
        ST_SetSRID(ST_MakePoint(lng, lat), 4326)::geography
    FROM unnest($1::int4[], $2::int2[], $3::float8[], $4::float8[]) AS m(id, class, lng, lat)";

const UPDATE: &str = "
    UPDATE hansom_suite SET place = ST_SetSRID(ST_MakePoint(lng, lat), 4326)::geography
    FROM unnest($1::int4[], $2::float8[], $3::float8[]) AS m(number, lng, lat)
    WHERE id = number";

/// What is asked; `AND` a filter goes between.
const NEAREST: [&str; 2] = [
    "SELECT id, place <-> ST_SetSRID(ST_MakePoint($1, $2), 4326)::geography
     FROM hansom_suite
     WHERE ST_DWithin(place, ST_SetSRID(ST_MakePoint($1, $2), 4326)::geography, $3, false)",
    "ORDER BY place <-> ST_SetSRID(ST_MakePoint($1, $2), 4326)::geography LIMIT $4",
];

/// A server.
pub(super) struct PostGis {
    url: String,
    version: String,
    runtime: Runtime,
    /// Ends when it is dropped.
    _server: Option<Launched>,
}

impl PostGis {
    /// Starts a server, or connects to one that runs.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn start(start: &Start) -> Result<Self, Trouble> {
        let runtime = runtime()?;
        let (url, server) = if let Some(url) = &start.url {
            (url.clone(), None)
        } else {
            let (url, server) = serve(&runtime)?;
            (url, Some(server))
        };
        let version = runtime.block_on(async {
            let Database { client } = Database::open(&url).await?;
            let missing =
                |_| Trouble::Missing { what: "the extension postgis".to_owned(), install: INSTALL };
            client.batch_execute(EXTENSION).await.map_err(missing)?;
            client.batch_execute(TABLE).await.map_err(told)?;
            let row = client
                .query_one("SELECT current_setting('server_version'), postgis_lib_version()", &[])
                .await
                .map_err(told)?;
            let (server, postgis): (&str, &str) = (row.get(0), row.get(1));
            let server = server.split(' ').next().unwrap_or_default();
            Ok::<_, Trouble>(format!("{server} + {postgis}"))
        })?;
        Ok(Self { url, version, runtime, _server: server })
    }
}

fn runtime() -> Result<Runtime, Trouble> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Trouble::failed)
}

/// An error with its cause: the library's own text says only "db error".
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn told(error: tokio_postgres::Error) -> Trouble {
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    Trouble::Failed(format!("{error}: {}", cause.unwrap_or_default()))
}

/// Makes a cluster of databases in a new folder and serves it.
fn serve(runtime: &Runtime) -> Result<(String, Launched), Trouble> {
    let (initdb, postgres) = (find("initdb", INSTALL)?, find("postgres", INSTALL)?);
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt as _;
        own.uid() == 0
    });
    let user = root.then_some(USER);
    let folder = folder()?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data).map_err(Trouble::failed)?;
    if let Some(user) = user {
        open_to(user, folder.path(), &data)?;
    }
    let mut init = command(&initdb, user);
    init.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "-D"]);
    let made = init.arg(&data).current_dir(&data).output().map_err(Trouble::failed)?;
    if !made.status.success() {
        let said = String::from_utf8_lossy(&made.stderr).trim().to_owned();
        return Err(Trouble::Failed(format!("initdb: {said}")));
    }
    let port = free_port()?;
    let mut serve = command(&postgres, user);
    serve.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
    for setting in [
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "shared_buffers=1GB",
        "max_wal_size=4GB",
        "jit=off",
    ] {
        serve.args(["-c", setting]);
    }
    serve.current_dir(&data);
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    let answers = || runtime.block_on(Database::open(&url)).map(drop);
    let (server, ()) = Launched::start("postgres", serve, folder, answers)?;
    Ok((url, server))
}

/// Lets another user into our folder, and gives it the inner one.
fn open_to(user: &str, folder: &Path, data: &Path) -> Result<(), Trouble> {
    use std::os::unix::fs::PermissionsExt as _;
    let through = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(folder, through).map_err(Trouble::failed)?;
    let given = Command::new("chown").arg(user).arg(data).output().map_err(Trouble::failed)?;
    if given.status.success() {
        return Ok(());
    }
    // PostgreSQL refuses to run as root, and its packages make the user.
    let what = format!("the user {user}, as whom PostgreSQL is run by root,");
    Err(Trouble::Missing { what, install: INSTALL })
}

/// A connection, served by the runtime that it was opened on.
struct Database {
    client: tokio_postgres::Client,
}

impl Database {
    async fn open(url: &str) -> Result<Self, Trouble> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(told)?;
        // Ends with the client; what goes wrong is told to whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { client })
    }
}

impl System for PostGis {
    fn about(&self) -> About {
        About {
            name: "postgis",
            version: self.version.clone(),
            access: "PostgreSQL protocol over TCP",
            usage: "an unlogged table with a GiST index on geography; 1,000 moves in a prepared \
                    UPDATE … FROM unnest; a prepared ST_DWithin … ORDER BY <-> LIMIT k, 32 under \
                    way; fsync and synchronous_commit off"
                .to_owned(),
        }
    }

    fn updates(&self) -> &'static [Call] {
        &[Call::Batch, Call::Unary]
    }

    fn questions(&self) -> &'static [Call] {
        &[Call::Pipeline, Call::Unary]
    }

    fn filters(&self) -> Filters {
        Filters::Can
    }

    fn rounding(&self) -> Rounding {
        // Degrees as they were sent, and a globe of 6,371,008.77 m.
        Rounding { position_m: 0.01, share: 2e-6 }
    }

    fn most_drivers(&self) -> u32 {
        1_000_000
    }

    fn load(&mut self, world: &World) -> Result<(), Trouble> {
        self.runtime.block_on(async {
            let Database { client } = Database::open(&self.url).await?;
            client.batch_execute(TABLE).await.map_err(told)?;
            let insert = client.prepare(INSERT).await.map_err(told)?;
            let all: Vec<(u32, &LatLng)> = (0..).zip(&world.positions).collect();
            for chunk in all.chunks(10_000) {
                let ids: Vec<i32> = chunk.iter().map(|(id, _)| id.cast_signed()).collect();
                let classes: Vec<i16> = chunk
                    .iter()
                    .map(|(id, _)| i16::try_from(class(*id)).unwrap_or_default())
                    .collect();
                let (lngs, lats) = degrees(chunk.iter().map(|(_, place)| **place));
                let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
                    [&ids, &classes, &lngs, &lats];
                client.execute(&insert, &values).await.map_err(told)?;
            }
            let index = "CREATE INDEX ON hansom_suite USING gist (place)";
            client.batch_execute(index).await.map_err(told)?;
            client.batch_execute("VACUUM ANALYZE hansom_suite").await.map_err(told)
        })
    }

    fn client(&self, _: Option<Call>, _: Option<Call>) -> Result<Box<dyn Client>, Trouble> {
        let runtime = runtime()?;
        let (client, update) = runtime.block_on(async {
            let Database { client } = Database::open(&self.url).await?;
            let update = client.prepare(UPDATE).await.map_err(told)?;
            Ok::<_, Trouble>((client, update))
        })?;
        let questions = BTreeMap::new();
        Ok(Box::new(Session { client: Arc::new(client), update, questions, runtime }))
    }

    fn memory(&mut self) -> Result<Option<u64>, Trouble> {
        // What lies on its pages, which is what it keeps in memory.
        let bytes: i64 = self.runtime.block_on(async {
            let Database { client } = Database::open(&self.url).await?;
            let size = "SELECT pg_total_relation_size('hansom_suite')";
            Ok::<_, Trouble>(client.query_one(size, &[]).await.map_err(told)?.get(0))
        })?;
        Ok(u64::try_from(bytes).ok())
    }
}

/// Longitudes and latitudes in degrees.
fn degrees(places: impl Iterator<Item = LatLng>) -> (Vec<f64>, Vec<f64>) {
    places.map(|place| (place.degrees().lng, place.degrees().lat)).unzip()
}

/// A connection with its statements. The client is dropped before the runtime that serves it.
struct Session {
    client: Arc<tokio_postgres::Client>,
    update: Statement,
    /// By how many of a hundred pass.
    questions: BTreeMap<u32, Statement>,
    runtime: Runtime,
}

impl Session {
    fn statement(&mut self, ask: &Ask) -> Result<Statement, Trouble> {
        let percent = ask.passing.percent();
        if let Some(statement) = self.questions.get(&percent) {
            return Ok(statement.clone());
        }
        let filter =
            if percent < 100 { format!(" AND class < {percent} ") } else { " ".to_owned() };
        let question = NEAREST.join(&filter);
        let statement = self.runtime.block_on(self.client.prepare(&question)).map_err(told)?;
        self.questions.insert(percent, statement.clone());
        Ok(statement)
    }
}

/// One question, and its place in the batch.
async fn nearest(
    client: Arc<tokio_postgres::Client>,
    statement: Statement,
    (i, place): (usize, LatLng),
    ask: Ask,
) -> Result<(usize, Vec<Found>), Trouble> {
    let (at, radius, k) = (place.degrees(), f64::from(ask.radius_m), i64::from(ask.k));
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&at.lng, &at.lat, &radius, &k];
    let rows = client.query(&statement, &values).await.map_err(told)?;
    let found = rows.iter().map(|row| {
        let driver: i32 = row.get(0);
        Found { driver: driver.cast_unsigned(), distance_m: row.get(1) }
    });
    Ok((i, found.collect()))
}

impl Client for Session {
    fn update(&mut self, call: Call, moves: &[Move]) -> Result<(), Trouble> {
        let rows = if call.waits() { 1 } else { ROWS };
        let Self { client, update, runtime, .. } = self;
        runtime.block_on(async {
            for chunk in moves.chunks(rows) {
                // A statement changes a row once: the last move of a driver counts.
                let last: BTreeMap<u32, LatLng> = chunk.iter().map(|m| (m.driver, m.to)).collect();
                let ids: Vec<i32> = last.keys().map(|id| id.cast_signed()).collect();
                let (lngs, lats) = degrees(last.into_values());
                let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&ids, &lngs, &lats];
                client.execute(&*update, &values).await.map_err(told)?;
            }
            Ok(())
        })
    }

    fn ask(
        &mut self,
        call: Call,
        ask: &Ask,
        places: &[LatLng],
        sink: Sink<'_>,
    ) -> Result<(), Trouble> {
        let statement = self.statement(ask)?;
        let most = if call.waits() { 1 } else { UNDER_WAY };
        let Self { client, runtime, .. } = self;
        runtime.block_on(async {
            let mut under_way: JoinSet<Result<(usize, Vec<Found>), Trouble>> = JoinSet::new();
            for numbered in places.iter().copied().enumerate() {
                if under_way.len() >= most
                    && let Some(answer) = under_way.join_next().await
                {
                    let (i, found) = answer.map_err(Trouble::failed)??;
                    sink(i, &found);
                }
                under_way.spawn(nearest(Arc::clone(client), statement.clone(), numbered, *ask));
            }
            while let Some(answer) = under_way.join_next().await {
                let (i, found) = answer.map_err(Trouble::failed)??;
                sink(i, &found);
            }
            Ok(())
        })
    }
}
