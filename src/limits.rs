//! Each limit of the service, in one place, with what happens when it is reached.

mod copy;

pub use copy::*;

/// The most drivers one `Nearest` may ask for. More: `INVALID_ARGUMENT`.
pub const MAX_K: u16 = 1_000;

/// The most drivers in one page of `Within`. More: `INVALID_ARGUMENT`.
pub const MAX_PAGE: usize = 10_000;

/// The most ids a filter may exclude. More: `INVALID_ARGUMENT`.
pub const MAX_EXCLUDED: usize = 1_000;

/// The default of `--max-drivers`: several countries at once. One more driver:
/// `RESOURCE_EXHAUSTED`. Reserves 17 GB of addresses, and no memory until there are drivers.
pub const DEFAULT_MAX_DRIVERS: usize = 10_000_000;

/// The most that `--max-drivers` can be: what 26 bits of a [`crate::model::DriverKey`] can name, less
/// one, so that a key of all ones is nobody's.
pub const MAX_DRIVERS: usize = (1 << 26) - 1;

/// The longest a driver can be remembered in silence: seven days. It keeps the 32-bit
/// millisecond clock of the index, which wraps after 49 days, unambiguous.
pub const MAX_FORGET_AFTER_MS: u64 = 7 * 24 * 3_600 * 1_000;

/// The furthest the present of a map may move between two calls before the time between passes
/// first: seven days. Together with the two limits around it, it keeps the 32-bit clock right.
pub const MAX_TIME_STEP_MS: u64 = MAX_FORGET_AFTER_MS;

/// The furthest a device clock may be allowed to run ahead: one day.
pub const MAX_CLOCK_SKEW_MS: u64 = 24 * 3_600 * 1_000;

/// The most vertices a polygon may have, all rings together: a detailed country outline. More:
/// `INVALID_ARGUMENT`.
pub const MAX_POLYGON_VERTICES: usize = 10_000;

// --- The doors ------------------------------------------------------------------------------

/// The largest message a client may send, compressed or not: 4 MiB, some 65,536 rows with each
/// column. A larger one ends its call with `RESOURCE_EXHAUSTED`.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// The furthest a clock that follows the reports can go: the year 2200, in milliseconds since 1970.
/// A report beyond it does not move the clock, and is refused as one from the future.
pub const MAX_TRACE_CLOCK_MS: i64 = 7_258_118_400_000;

/// HTTP/2 flow control window of a stream: so much may lie unread on the server before a
/// client is held back.
pub const STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// HTTP/2 flow control window of a connection; bounds what all its streams may leave unread.
pub const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// The largest HTTP/2 frame accepted. Frames larger than the default 16 KiB save little.
pub const MAX_FRAME_BYTES: u32 = 64 << 10;

/// The most bytes of headers a request may have, on either port. More: it is refused with 431.
pub const MAX_HEADER_BYTES: u32 = 16 << 10;

/// The most bytes that the requests of one connection may occupy at once, beyond
/// [`FREE_REQUEST_BYTES`] each: room for messages that have begun, and the buffers in which streams
/// keep their largest so far, unpacked if it was compressed. Sixteen of the largest messages. More:
/// the call or stream that sends more ends with `RESOURCE_EXHAUSTED`.
pub const MAX_REQUEST_BYTES_PER_CONNECTION: usize = 64 << 20;

/// What each request may occupy without being counted; decoders have half of it from the start.
pub const FREE_REQUEST_BYTES: usize = 16 << 10;

/// The most bytes of large answers that one connection may leave unread, those of up to
/// [`ANSWER_SLICE_BYTES`] aside: some sixty of the largest pages. More: the next large answer is
/// not given, its call or stream ends with `RESOURCE_EXHAUSTED`.
pub const MAX_ANSWER_BYTES_PER_CONNECTION: usize = 64 << 20;

/// Larger answers are handed to the transport in slices of so many bytes, each when the client has
/// taken the one before.
pub const ANSWER_SLICE_BYTES: usize = 16 << 10;

/// Origins whose pages may call by gRPC-Web. More are refused when the server starts.
pub const MAX_WEB_ORIGINS: usize = 64;

/// How long a browser may remember that a page may call, in seconds.
pub const PREFLIGHT_SECONDS: u64 = 7_200;

/// The longest that a worker may be told to look for more before it sleeps, in microseconds: what
/// takes longer to come costs less by sleeping.
pub const MAX_BUSY_POLL_US: u64 = 1_000;

/// How long a connection may take to send its first 24 bytes, by which HTTP/2 and HTTP/1.1 are told
/// apart, in seconds. Longer: it is closed.
pub const GREETING_SECONDS: u64 = 10;

/// The most requests and streams in flight on one connection; further ones wait in the client.
pub const MAX_STREAMS_PER_CONNECTION: u32 = 16_384;

/// The most long-lived streams at once on the whole server. One more: `RESOURCE_EXHAUSTED`.
pub const MAX_STREAMS: usize = 65_536;

/// The most connections at once. One more is closed at once, counted and logged.
pub const MAX_CONNECTIONS: usize = 16_384;

/// Accepted connections that wait for one worker. When each worker's queue is full, a new
/// connection is closed, counted and logged.
pub const MAX_WAITING_CONNECTIONS: usize = 1_024;

/// The most connections of the HTTP port at once: probes and scrapes. One more is closed at once,
/// counted and logged.
pub const MAX_HTTP_CONNECTIONS: usize = 256;

/// How long a client of the HTTP port may take to send the head of its request, in seconds. Longer:
/// the connection is closed.
pub const HTTP_HEADER_SECONDS: u64 = 5;

/// How long a connection of the HTTP port may last, in seconds; it serves one request. Longer, as
/// when the client does not read: it is cut.
pub const HTTP_EXCHANGE_SECONDS: u64 = 20;

/// Threads beside each worker that read in the journal for calls and watches, which have to wait if
/// the disk does. More reads wait for one of them, at most one for each call and stream there is: what
/// waits for one that is gone is passed over.
pub const READER_THREADS: usize = 4;

/// The most worker threads.
pub const MAX_THREADS: usize = 256;

/// The longest a unary call may take, whatever deadline its client asks for, in seconds.
pub const MAX_CALL_SECONDS: u64 = 30;

/// A connection that is silent is asked for a sign of life so often, in seconds.
pub const KEEPALIVE_INTERVAL_SECONDS: u64 = 20;

/// A connection that gives no sign of life for so long after being asked is closed, in seconds.
pub const KEEPALIVE_TIMEOUT_SECONDS: u64 = 10;

/// The most messages of a stream that are gathered before they are applied together. More wait
/// in the stream's window. 512 is where a longer batch stops paying (one message an update).
pub const MAX_GATHERED_MESSAGES: usize = 512;

/// A gather ends early when it has so many rows, so that a stream of large batches yields.
pub const MAX_GATHERED_ROWS: usize = 8_192;

/// The most answers a `NearestStream` gives before it lets other work run.
pub const MAX_ANSWERS_PER_TURN: usize = 64;

/// The most rows in one batch. More: the batch is refused whole, the stream goes on.
pub const MAX_BATCH_ROWS: usize = 65_536;

/// The most handles one message may bind. Those beyond are refused, one by one.
pub const MAX_BINDINGS_PER_MESSAGE: usize = 65_536;

/// One more than the largest handle. A larger one: the binding is refused.
pub const MAX_HANDLES: u32 = 1 << 22;

/// How far ahead of the handles bound so far a new one may lie, so that the table stays dense.
/// Further: the binding is refused.
pub const HANDLE_SLACK: u32 = 65_536;

/// The most rejections named in one acknowledgement of `Ingest`. More are counted, not named.
pub const MAX_NAMED_REJECTIONS: usize = 4_096;

/// The most rejections named in one acknowledgement of `Connect`. More are counted, not named.
pub const MAX_NAMED_CONNECT_REJECTIONS: usize = 64;

/// `Connect` acknowledges at the latest after so many messages, whatever its interval.
pub const CONNECT_ACK_MESSAGES: u64 = 256;

/// How long `Connect` may keep an acknowledgement back unless the client says otherwise.
pub const DEFAULT_ACK_INTERVAL_MS: u32 = 1_000;

/// The longest acknowledgement interval a client may ask for. More: `INVALID_ARGUMENT`.
pub const MAX_ACK_INTERVAL_MS: u32 = 60_000;

/// The page of `Within` if the question does not say.
pub const DEFAULT_PAGE: usize = 1_000;

/// The most ids that one `ListDrivers` may ask for. More: `INVALID_ARGUMENT`.
pub const MAX_LISTED_IDS: usize = 1_000;

/// The most trips in one page of `ListOpenTrips`, each of some kilobytes. More: `INVALID_ARGUMENT`.
pub const MAX_LISTED_TRIPS: usize = 1_000;

/// The most drivers in an area that can be watched: a watch keeps what it told its client. One
/// more: the stream ends with `RESOURCE_EXHAUSTED`.
pub const MAX_WATCHED: usize = 10_000;

/// How often a watched area is looked at unless the client says otherwise.
pub const DEFAULT_WATCH_INTERVAL_MS: u32 = 1_000;

/// The shortest interval between two looks at a watched area. Less: `INVALID_ARGUMENT`.
pub const MIN_WATCH_INTERVAL_MS: u32 = 100;

/// The longest interval between two looks at a watched area. More: `INVALID_ARGUMENT`.
pub const MAX_WATCH_INTERVAL_MS: u32 = 60_000;

/// When a client that met a limit should try again, in milliseconds.
pub const RETRY_AFTER_MS: u64 = 1_000;

/// Batches of applied reports that wait for the recorder. When it is full the batch is not
/// recorded; its rows are counted and a warning is logged.
pub const MAX_WAITING_RECORDS: usize = 16_384;

/// Rows in the batches that wait for the recorder, some 140 bytes each. Beyond it a batch is not
/// recorded; its rows are counted and a warning is logged.
pub const MAX_WAITING_RECORD_ROWS: usize = 1 << 20;

/// The longest a drain may be given, in seconds.
pub const MAX_DRAIN_SECONDS: u64 = 3_600;

/// Rows in one block of a trace file, unless it is cut short by a flush: small enough to seek
/// by, large enough to compress. Full: the block is written.
pub const TRACE_BLOCK_ROWS: usize = 8_192;

/// The most rows that a reader accepts in one block of a trace file. More: damage.
pub const MAX_TRACE_BLOCK_ROWS: u32 = 65_536;

/// The most bytes of one block of a trace file, packed and unpacked. More: damage, found before
/// anything is allocated.
pub const MAX_TRACE_BLOCK_BYTES: u32 = 8 << 20;

/// The most blocks in one trace file: 48 days of a flush a second. One more: the writer refuses.
pub const MAX_TRACE_BLOCKS: u32 = 1 << 22;

/// Rows of unordered traces and logs that are sorted in memory (56 bytes a record, 64 a request).
/// Full: a sorted run goes to a temporary file.
pub const MAX_SORT_ROWS: usize = 1 << 20;

/// The most sorted runs in the temporary file: a thousand million rows. More: an error that says
/// to split the input.
pub const MAX_SORT_RUNS: usize = 1_024;

/// The longest line of a text trace, in bytes. Longer: the row is counted as malformed.
pub const MAX_TRACE_LINE_BYTES: usize = 4_096;

/// The longest record of a CSV trace, in bytes. Longer, as after a quote left open: an error.
pub const MAX_CSV_RECORD_BYTES: u64 = 1 << 20;

/// Rows at the top of a text trace from which its direction in time is told.
pub const TRACE_LEAD_ROWS: usize = 1_024;

/// The most files in one folder of traces. More: an error.
pub const MAX_TRACE_FOLDER_FILES: usize = 100_000;

/// The most files passed over that are named, in folders and archives. More: only counted.
pub const MAX_SKIPPED_NAMED: usize = 1_000;

/// The most time-ordered trace files merged at once, each of which stays open. More: an error.
pub const MAX_OPEN_TRACES: usize = 256;

/// The longest name of a file in a tar archive, in bytes. Longer: an error.
pub const MAX_TAR_NAME_BYTES: u64 = 64 << 10;

/// Requests at the top of their logs whose pickups' median is the centre of the region, held back
/// until there are so many or the logs end.
pub const REGION_SAMPLE_ROWS: usize = 1_024;

/// How far from that centre a trip may begin and end, in metres: from a city's middle to the edges
/// of its surroundings. Further: the row is counted as outside of the region.
pub const REGION_RADIUS_M: u32 = 100_000;

/// Starts of rides that wait for their ends while a log of events is read: seven hours of New
/// York's yellow cabs at 600 a minute, some 100 bytes each. More: the oldest is handed on without
/// its end.
pub const MAX_RIDE_STARTS: usize = 1 << 18;

/// The most drivers of a made-up fleet. More: the plan is refused.
pub const MAX_SIM_DRIVERS: u32 = 1_000_000;

/// The most requests of made-up demand; their times are sorted in memory, 8 bytes each. More: the
/// plan is refused.
pub const MAX_SIM_REQUESTS: u32 = 10_000_000;

/// The longest a made-up fleet can drive, or demand can last: seven days. Longer: the plan is
/// refused.
pub const MAX_SIM_MS: u64 = 7 * 24 * 3_600 * 1_000;

// --- The journal ----------------------------------------------------------------------------

/// The most events, and the most states, in one commit: four for each request of the largest batch
/// that is matched, which is decided, and so written, as a whole. More: the batch is refused whole.
pub const MAX_JOURNAL_BATCH_RECORDS: usize = 1 << 18;

/// The most bytes of all records in one commit. More: the batch is refused whole.
pub const MAX_JOURNAL_BATCH_BYTES: usize = 64 << 20;

/// The most bytes of an event, a state or the head. More: the batch is refused whole.
pub const MAX_JOURNAL_RECORD_BYTES: usize = 64 << 10;

/// The most events of one stream. More: the batch is refused whole.
pub const MAX_JOURNAL_STREAM_EVENTS: usize = 10_000;

/// The most streams that are open at once in one journal: a city of 10⁵ drivers has fewer trips under
/// way, and each start reads them. More: the batch is refused whole.
pub const MAX_JOURNAL_OPEN_STREAMS: usize = 200_000;

/// The most rows in one answer of a journal. The rest is on the next page.
pub const MAX_JOURNAL_PAGE: usize = 10_000;

/// A page of a journal ends before the row with which it would have more bytes than this.
pub const MAX_JOURNAL_PAGE_BYTES: usize = 4 << 20;

/// Bytes of records that a segment of a journal takes before the next is begun: small enough that
/// all of it is verified at each start.
pub const JOURNAL_SEGMENT_BYTES: u64 = 32 << 20;

/// The longest time between the first and the last event of a segment of a journal, in
/// milliseconds: a day, which is how exact retention is. Later: the next is begun.
pub const JOURNAL_SEGMENT_MS: u64 = 24 * 3_600 * 1_000;

/// Space on the disk that a journal leaves free, so that whoever repairs a full disk has room.
/// Less: commits are refused until there is more.
pub const JOURNAL_RESERVE_BYTES: u64 = 256 << 20;

/// Memory for pages of the segment that is written to.
pub const JOURNAL_CACHE_BYTES: usize = 32 << 20;

/// Memory for pages of each sealed segment that is open.
pub const JOURNAL_SEALED_CACHE_BYTES: usize = 4 << 20;

/// Sealed segments of a journal that are open at once. One more: that opened first is closed.
pub const MAX_OPEN_JOURNAL_SEGMENTS: usize = 8;

// --- Dispatch -------------------------------------------------------------------------------

/// The most open trips that `open_trips` may allow in one market, some 1 KB each. One more than
/// `open_trips`: the request is refused with `market_full`, until a trip ends.
pub const MAX_OPEN_TRIPS: usize = 1 << 20;

/// The most ended trips that a market may keep in memory, some 1 KB each. Beyond what `ended_kept`
/// says the longest ended is forgotten: its request key may be used again, its late answers are
/// told that the trip is not known.
pub const MAX_ENDED_TRIPS: usize = 1 << 20;

/// Events of a trip after which its driver can sign off and on no more (`too_many_changes`), so that
/// the trip can always end: the 256 offers and what follows from them take 1,300 at most of the
/// [`MAX_JOURNAL_STREAM_EVENTS`].
pub const MAX_EVENTS_TO_SIGN: u32 = 8_192;

/// Timers that fire in one command, each with up to three events. More, as after a long time without
/// a server: those fire in the next, at once.
pub const MAX_TIMERS_PER_TICK: usize = 8_192;

/// What the timers that fire in one command may write, by [`Trip::weight`](crate::dispatch::Trip::weight):
/// a quarter of a commit, beside the half that the commands before it may have taken. More: those fire in
/// the next, at once.
pub const MAX_TICK_BYTES: usize = 16 << 20;

/// The most offers made for one trip; each driver is asked once. After the last the trip is
/// unfulfilled.
pub const MAX_OFFERS_PER_TRIP: usize = 256;

/// What a window may write at once, by [`Trip::weight`](crate::dispatch::Trip::weight): half of a commit.
/// More: riders beyond it wait for the next window, as if nobody had been found for them.
pub const MAX_WINDOW_BYTES: usize = 32 << 20;

/// The most open trips of one rider that `open_trips_per_rider` may allow.
pub const MAX_OPEN_TRIPS_PER_RIDER: usize = 64;

/// The most requests solved in one batch, those who have waited longest first. More: they wait for
/// the next one, which begins with them.
pub const MAX_BATCH_REQUESTS: usize = 65_536;

/// Quotes that a market remembers when they are no longer valid, so that a request that names one is
/// told so. Those before them: forgotten, and such a request is refused with `unknown_quote`.
pub const MAX_EXPIRED_QUOTES: usize = 65_536;

/// Valid quotes that a market holds, some 150 bytes each, so 160 MB: some 3,500 a second that are valid
/// for 5 minutes. One more: it is refused with `quotes_full`, until one expires; none that was given is
/// forgotten while it is valid.
pub const MAX_QUOTES: usize = 1 << 20;

/// Drivers of whom a market remembers since when they are idle and how they answer. One more: the
/// one not heard of for longest is forgotten, and counts as new.
pub const MAX_DRIVERS_REMEMBERED: usize = 1 << 18;

/// Edges of one decision that are kept to explain it. More: of each further request the
/// [`MIN_EXPLAINED_EDGES`] cheapest are kept, the others counted.
pub const MAX_DECISION_EDGES: usize = 1 << 18;

/// Edges of each request that are kept however large its batch.
pub const MIN_EXPLAINED_EDGES: usize = 4;

/// Decisions that a market remembers, to explain them. One more: the oldest is forgotten.
pub const MAX_DECISIONS: usize = 4_096;

/// Riders and edges of all decisions that a market remembers, some 100 bytes each. More: the oldest
/// decisions are forgotten.
pub const MAX_REMEMBERED_ROWS: usize = 1 << 20;

// --- The log of decisions ---------------------------------------------------------------------

/// Bytes of entries of a log of decisions that make a block. More: the block is written.
pub const DECISION_BLOCK_BYTES: usize = 1 << 20;

/// The most entries in one block of a log of decisions. More: the block is written; in a file: damage.
pub const MAX_DECISION_BLOCK_ENTRIES: u32 = 65_536;

/// The most bytes of one block of a log of decisions, packed and unpacked: the largest decision with
/// the longest ids. More: it is missing from the log; in a file: damage.
pub const MAX_DECISION_BLOCK_BYTES: u32 = 64 << 20;

/// So many files a log of decisions has when it is as large as it may be. More: the oldest is deleted.
pub const DECISION_LOG_SEGMENTS: u64 = 8;

/// The default of `--decisions-max-bytes`: a gigabyte.
pub const DEFAULT_DECISION_LOG_BYTES: usize = 1 << 30;

/// The least that `--decisions-max-bytes` can be: room for a few of the largest decisions.
pub const MIN_DECISION_LOG_BYTES: u64 = 16 << 20;

/// The most that `--decisions-max-bytes` can be.
pub const MAX_DECISION_LOG_BYTES: u64 = 1 << 44;

/// Decisions that wait to be written down. One more: it is missing from the log, which says so, and
/// counted.
pub const MAX_WAITING_DECISIONS: usize = 4_096;

/// Riders and edges of the decisions that wait to be written down, some 100 bytes each. More: the
/// decision is missing from the log, which says so, and counted.
pub const MAX_WAITING_DECISION_ROWS: usize = 1 << 20;

/// How long after a failure of the disk a log of decisions goes on in a new file, in milliseconds.
pub const DECISION_LOG_RETRY_MS: u64 = 5_000;

/// Questions that are looked up in the log of decisions at once, in all workers; one whose call is gone
/// counts until it has noticed. More: they wait.
pub const MAX_ARCHIVE_READS: usize = 2;

// A log may have to be read for seconds: the journal always finds a thread beside it.
const _: () = assert!(MAX_ARCHIVE_READS < READER_THREADS);

/// The longest that any wait of a market may be configured to: seven days.
pub const MAX_DISPATCH_WAIT_MS: u64 = 7 * 24 * 3_600 * 1_000;

// --- Matching -------------------------------------------------------------------------------

/// The largest cost of an edge, and of leaving a rider unmatched: twelve days in milliseconds.
/// Three of them and a step of the auction fit into 32 bits. More: refused, or cut to this.
pub const MAX_COST_MS: u32 = 1 << 30;

/// The most riders in one batch. One more: refused.
pub const MAX_BATCH_RIDERS: usize = 1 << 20;

/// The most drivers in one batch. One more: refused.
pub const MAX_BATCH_DRIVERS: usize = 1 << 22;

/// The most candidates that may be named for one batch before a search over all drivers ends, with
/// a gap that says so: half a gigabyte.
pub const MAX_BATCH_CANDIDATES: u64 = 1 << 26;

/// The most edges in one batch: a gigabyte. More: the rider who brings them is refused.
pub const MAX_BATCH_EDGES: usize = 1 << 27;

// --- Hosts of markets ------------------------------------------------------------------------

/// Commands and questions that wait for one market's thread: what it does in some 100 ms. One more:
/// `RESOURCE_EXHAUSTED`, named `market_queue`, with a hint when to retry.
pub const MAX_MARKET_QUEUE: usize = 16_384;

/// Commands and questions that one commit answers. More: they wait for the next one.
pub const MARKET_TURN_COMMANDS: usize = 4_096;

/// Events after which a turn of a market's thread takes no more commands. One command, as the batch
/// of a window, may lead to more.
pub const MARKET_TURN_EVENTS: usize = 8_192;

/// How long one batch may be matched, in milliseconds. Longer: the best so far is taken.
pub const MATCH_BUDGET_MS: u64 = 500;

/// How often a market whose clock follows the reports looks at it while something is due, in
/// milliseconds.
pub const TRACE_CLOCK_POLL_MS: u64 = 20;

/// News that waits to be read by one driver's stream. One more: the stream is told how things stand
/// instead, as when it began.
pub const MAX_WAITING_NEWS: usize = 64;

/// News that waits to be read by one gateway's stream, some 600 bytes each, how things stand with
/// drivers aside ([`MAX_UNANSWERED_ATTENDS`]): what 500 trips a second are told in three seconds. One
/// more: the stream is told how things stand with that driver instead.
pub const MAX_WAITING_FLEET_NEWS: usize = 8_192;

/// The most drivers that one message of `ConnectFleet` may attend. More: the stream ends with
/// `INVALID_ARGUMENT`.
pub const MAX_ATTENDED_PER_MESSAGE: usize = 4_096;

/// Messages by which one `ConnectFleet` attends drivers, or a part of those who have to be attended anew,
/// of which it has not told how things stand: up to 400 KB each, and some 600 bytes for each of their
/// trips. More: the stream is not read until one is told.
pub const MAX_UNANSWERED_ATTENDS: usize = 2;

/// How long a message may become that tells how things stand with several drivers: a quarter of what
/// libraries of gRPC take unless told otherwise. Longer: the rest of them is in the next.
pub const ATTENDED_MESSAGE_BYTES: usize = 1 << 20;

/// Lines of drivers and gateways that are gone and not forgotten, beyond as many as there are of others.
/// More: they are looked for; so they are each minute.
pub const MAX_UNTIDIED_LINES: usize = 1_024;

/// The most drivers that one `ConnectFleet` may attend, some 100 bytes each. One more is refused.
pub const MAX_FLEET_DRIVERS: usize = 1 << 20;

/// Commands of one `ConnectFleet` that are not answered yet. More: the stream is not read until one is.
pub const MAX_UNANSWERED_FLEET_COMMANDS: usize = 4_096;

/// Commands of one `Connect` that are not answered yet. More: the stream is not read until one is.
pub const MAX_UNANSWERED_COMMANDS: usize = 64;

/// Events of a trip that are read from the journal at once for a watcher. More: read when those are
/// taken.
pub const TRIP_EVENTS_PAGE: usize = 64;

/// The longest that history can be kept: ten years.
pub const MAX_KEEP_HISTORY_MS: u64 = 3_653 * 24 * 3_600 * 1_000;

/// Ended trips that are kept when there is no journal on disk, some 2 KB each with their events.
/// More: the longest ended are forgotten, a minute later at most.
pub const MEMORY_HISTORY_TRIPS: u64 = 65_536;

/// Trips in one row group of a Parquet file, some 400 bytes each in memory. More: the next is begun.
pub const PARQUET_GROUP_ROWS: usize = 65_536;

// --- The client -----------------------------------------------------------------------------

/// The largest message that our client takes or sends: a page of 10,000 drivers is under 2 MiB.
/// A larger answer ends its call with `OUT_OF_RANGE`.
pub const CLIENT_MESSAGE_BYTES: usize = 4 << 20;

/// HTTP/2 flow control window of a stream in our client; the server waits beyond it.
pub const CLIENT_STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// What our client gathers of small writes to one connection before it sends them; larger ones leave
/// at once.
pub const CLIENT_GATHERED_BYTES: usize = 8 << 10;

/// HTTP/2 flow control window of a connection in our client.
pub const CLIENT_CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// Calls that wait in our client for their turn on one connection. More: the caller waits.
pub const CLIENT_WAITING_CALLS: usize = 4_096;

/// How long our client waits for a connection, in seconds.
pub const CLIENT_CONNECT_SECONDS: u64 = 5;

/// Commands of a gateway that wait in our client to be sent. More: the caller is told, and tries later.
pub const CLIENT_WAITING_COMMANDS: usize = 8_192;

/// The most messages of a bulk stream that our client leaves unacknowledged. At the limit the
/// sender waits for an acknowledgement.
pub const MAX_UNACKED_MESSAGES: usize = 256;

/// The most questions that our client leaves unanswered on one `NearestStream`. At the limit the
/// asker waits for an answer.
pub const MAX_UNANSWERED_QUESTIONS: usize = 1_024;

// --- Replay ---------------------------------------------------------------------------------

/// The most rows in one batch of a replay, and unacknowledged in all while answers are checked:
/// so that an acknowledgement names each row that was rejected.
pub const MAX_REPLAY_BATCH_ROWS: usize = MAX_NAMED_REJECTIONS;

/// Batches that are read ahead of a replay. When it is full the reader waits.
pub const REPLAY_BATCHES_AHEAD: usize = 16;

/// Questions of a replay that are under way at once. At the limit a question is not asked but
/// counted as overdue.
pub const MAX_REPLAY_QUESTIONS: usize = 4_096;

/// How many seconds of a log may pass in one on a running server: a batch window of 2 s is half an hour
/// then.
pub const MAX_REMOTE_SPEED: f64 = 1_000.0;

/// The most questions a second that a replay asks.
pub const MAX_QUERY_RATE: u32 = 1_000_000;

/// Recently reported positions from which a replay draws its questions. A new one replaces an
/// old one.
pub const REPLAY_POSITIONS_KEPT: usize = 4_096;

// --- Benchmarks -----------------------------------------------------------------------------

/// Messages that one app of a benchmark leaves unacknowledged. At the limit it waits.
pub const BENCH_APP_WINDOW: u64 = 64;

/// Questions of the mixed benchmark that are under way at once. At the limit a question is not
/// asked but counted as overdue.
pub const MAX_BENCH_QUESTIONS: usize = 16_384;

/// The most fixes of a recorded day that the benchmark suite replays: half a gigabyte of them. More:
/// it is refused.
pub const MAX_SUITE_FIXES: usize = 1 << 25;

/// Trips that one `hansom bench dispatch` keeps count of at once. At the limit a request is not made
/// but counted as overdue.
pub const MAX_BENCH_TRIPS: usize = 1 << 18;
