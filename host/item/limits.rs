//! Every limit of the host, together, with the relations between them asserted.
//!
//! Units stand last in the names. Those an operator may change are defaults here and keys in
//! `docs/configuration.md`; the others are part of the contract.

use std::time::Duration;

// What a plugin may use, per call.

/// Wall-clock time of one plugin call, HTTP waits included.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(120);
/// Processor time of one plugin call between two epochs checks; the same for pure plugins, which never wait.
pub const CALL_CPU_TIME_MAX: Duration = Duration::from_secs(60);
/// Tick of the epoch clock.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);
/// Linear memory of one plugin instance.
pub const GUEST_MEMORY_BYTES_MAX: usize = 256 << 20;
/// Bytes that one call may move between host and guest.
pub const HOSTCALL_BYTES_MAX: usize = 64 << 20;
/// Linear memory above which a pure plugin's instance is not used again.
pub const GUEST_REUSE_BYTES_MAX: usize = 32 << 20;
/// Batches after which a pure plugin's instance is not used again.
pub const GUEST_REUSE_BATCHES_MAX: u32 = 100;
/// Bytes of a guest's stderr kept per call (its tail).
pub const GUEST_LOG_BYTES_MAX: usize = 16 << 10;
/// Bytes of stderr after which a call is ended.
pub const GUEST_LOG_FLOOD_BYTES_MAX: usize = 8 << 20;
/// HTTP requests of one call of a source; questions to the directory of one call of a mapper.
pub const CALL_REQUESTS_MAX: u32 = 4_096;
/// Addresses of one question to the directory.
pub const DIRECTORY_ADDRESSES_MAX: usize = 1 << 18;
/// Body of a request.
pub const REQUEST_BODY_BYTES_MAX: usize = 1 << 20;
/// Body of an answer that goes into the guest.
pub const RESPONSE_BODY_BYTES_MAX: usize = 16 << 20;
/// Start of a body that `fetch` returns for a status other than 200.
pub const RESPONSE_EXCERPT_BYTES_MAX: usize = 4 << 10;
/// Redirects followed within the grant.
pub const REDIRECTS_MAX: u32 = 5;
/// One read of a folder or archive.
pub const READ_BYTES_MAX: u32 = 4 << 20;
/// Files of a folder or an archive.
pub const ENTRIES_MAX: usize = 100_000;
/// Bytes an archive may unpack to, per byte of the archive, and in all.
pub const UNPACK_RATIO_MAX: u64 = 1_000;
/// Bytes an archive may unpack to in all (documented for operators; a larger export is split).
pub const UNPACK_BYTES_MAX: u64 = 8 << 30;
/// Processor time of compiling one component, in a process of its own.
pub const COMPILE_CPU_TIME_MAX: Duration = Duration::from_secs(300);
/// One component file.
pub const COMPONENT_BYTES_MAX: u64 = 64 << 20;

// What a page may hold.

/// Items asked for in one `pull`.
pub const PAGE_ITEMS_MAX: u32 = 1_000;
/// Participants of an item.
pub const ITEM_PARTICIPANTS_MAX: usize = 4_096;
/// Attachments of an item.
pub const ITEM_ATTACHMENTS_MAX: usize = 256;
/// Text of an item.
pub const ITEM_TEXT_BYTES_MAX: usize = 16 << 20;
/// An item's id.
pub const ITEM_ID_BYTES_MAX: usize = 512;
/// An item as the source wrote it.
pub const ITEM_ORIGINAL_BYTES_MAX: usize = 64 << 10;
/// A name, phone number, address or title.
pub const NAME_BYTES_MAX: usize = 4 << 10;
/// Pairs of extensions of one record.
pub const EXTENSIONS_MAX: usize = 64;
/// A cursor.
pub const CURSOR_BYTES_MAX: usize = 16 << 10;
/// A bookmark.
pub const BOOKMARK_BYTES_MAX: usize = 64 << 10;
/// Attachment bytes taken into the stage (default of `limits.attachment_bytes_max`).
pub const ATTACHMENT_BYTES_MAX: u64 = 2 << 30;
/// A staged page, without its attachments.
pub const STAGED_PAGE_BYTES_MAX: u64 = 512 << 20;
/// One call to an object store.
pub const STORE_CALL_TIME_MAX: Duration = Duration::from_secs(60);
/// Bytes sent to an object store at once; a larger object goes in parts of it.
pub const STORE_PART_BYTES: usize = 5 << 20;
/// Objects put into or deleted from an object store at once.
pub const STORE_CALLS_AT_ONCE_MAX: usize = 4;
/// Pages of one window (1,000 million items at the least page of 100).
pub const WINDOW_PAGES_MAX: u64 = 10_000_000;
/// Pages in a row without an item, after which a source is said to loop.
pub const EMPTY_PAGES_MAX: u32 = 10_000;
/// Pages in a row with nothing but what the same reading has met before, after which a source is said to loop.
pub const REPEATED_PAGES_MAX: u32 = 100;
/// How far after the end of its window an item may say it happened; beyond it is parked as `absurd-time`.
pub const ITEM_AHEAD_MAX: Duration = Duration::from_secs(48 * 60 * 60);

// What goes through the converter.

/// Items of one `convert`.
pub const CONVERT_ITEMS_MAX: usize = 256;
/// Text bytes of one `convert`, after which a batch is cut.
pub const CONVERT_BYTES_MAX: usize = 8 << 20;
/// Bytes of the files in one message over a conversation's day, as base64; a single item may have more.
pub const DIGEST_FILES_BYTES_MAX: u64 = 25 << 20;
/// Text and originals of the pages that are held until their days are whole.
pub const DAYS_BYTES_MAX: usize = 16 << 20;
/// A message without its attachments.
pub const SKELETON_BYTES_MAX: usize = 16 << 20;
/// Bytes of attachments one `convert` may read.
pub const ATTACHMENT_READ_BYTES_MAX: u64 = 64 << 20;

// What is under way at once.

/// Pages pulled ahead of the one being delivered.
pub const PAGES_AHEAD_MAX: usize = 2;
/// Copies of one delivery group, and of one APPEND.
pub const GROUP_COPIES_MAX: usize = 1_000;
/// Bytes of one delivery group held in memory.
pub const GROUP_BYTES_MAX: usize = 64 << 20;
/// Copies of one load: what is gathered for a destination whose groups are larger than a page gives.
pub const LOAD_COPIES_MAX: usize = 20_000;
/// Bytes of one load's messages held in memory; there are two loads, one being delivered, one being gathered.
pub const LOAD_BYTES_MAX: usize = 32 << 20;
/// Time over which a load gathers pages.
pub const LOAD_TIME_MAX: Duration = Duration::from_secs(5);
/// Connectors that run side by side (default).
pub const CONNECTORS_AT_ONCE_MAX: usize = 4;

// What a mail server is asked for, and answers.

/// Connections to one IMAP server (default of `connections_max`).
pub const IMAP_CONNECTIONS_MAX: usize = 4;
/// The most that `connections_max` may say.
pub const IMAP_CONNECTIONS_HIGHEST: usize = 64;
/// Bytes of the messages of one APPEND, unless one message alone is larger.
pub const IMAP_GROUP_BYTES_MAX: u64 = 8 << 20;
/// A literal that a server with LITERAL- takes without being asked first (RFC 7888).
pub const IMAP_LITERAL_MINUS_BYTES_MAX: u64 = 4_096;
/// One line of an IMAP answer.
pub const IMAP_LINE_BYTES_MAX: usize = 256 << 10;
/// One literal of an IMAP answer, but for messages that are read back.
pub const IMAP_LITERAL_BYTES_MAX: u64 = 1 << 20;
/// Text of an IMAP server that is repeated to people.
pub const IMAP_TEXT_CHARS_MAX: usize = 160;
/// Time between two pieces of an IMAP server's answer, and until it takes a piece of ours.
pub const IMAP_ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// Time an IMAP server may take to store what it was sent.
pub const IMAP_APPEND_TIME_MAX: Duration = Duration::from_secs(300);
/// Time an IMAP connection is kept without use.
pub const IMAP_IDLE_TIME_MAX: Duration = Duration::from_secs(60);
/// Messages of a group that an IMAP server may refuse one by one, taking none, before it counts as refusing everything.
pub const IMAP_REFUSED_MAX: usize = 16;
/// Mailboxes that a check signs in to.
pub const IMAP_CHECKED_MAILBOXES_MAX: usize = 10;
/// Folders of an IMAP mailbox that are searched for moved mail.
pub const IMAP_FOLDERS_MAX: usize = 10_000;
/// Mailboxes of an IMAP server whose existence is remembered at once.
pub const IMAP_KNOWN_MAILBOXES_MAX: usize = 200_000;

/// Copies of one SMTP group: as many may arrive twice when the process dies.
pub const SMTP_GROUP_COPIES_MAX: usize = 20;
/// Messages sent over one SMTP connection.
pub const SMTP_MESSAGES_MAX: usize = 100;
/// One line of an SMTP reply.
pub const SMTP_LINE_BYTES_MAX: usize = 8 << 10;
/// Lines of one SMTP reply.
pub const SMTP_REPLY_LINES_MAX: usize = 100;
/// Text of an SMTP server that is repeated to people.
pub const SMTP_TEXT_CHARS_MAX: usize = 160;
/// Time an SMTP server may take for a reply, and until it takes a piece of ours.
pub const SMTP_REPLY_TIME_MAX: Duration = Duration::from_secs(120);
/// Time an SMTP server may take to accept a whole message (RFC 5321, 4.5.3.2.6).
pub const SMTP_ACCEPT_TIME_MAX: Duration = Duration::from_secs(600);
/// Time an SMTP connection is kept without use.
pub const SMTP_IDLE_TIME_MAX: Duration = Duration::from_secs(30);
/// Messages of one group that an SMTP server may put off before the others are not tried.
pub const SMTP_POSTPONED_MAX: usize = 3;
/// Messages that an SMTP server may refuse one after another, taking none, before it counts as refusing everything.
pub const SMTP_REFUSED_MAX: usize = 16;

// What Microsoft Graph takes. Its own limits, as documented; ours keep below them.

/// Requests under way at once for one mailbox.
pub const GRAPH_AT_ONCE_MAX: u32 = 4;
/// Requests to one mailbox within [`GRAPH_WINDOW`] (default of `requests_max`).
pub const GRAPH_REQUESTS_MAX: u32 = 10_000;
/// The time in which they are counted.
pub const GRAPH_WINDOW: Duration = Duration::from_secs(10 * 60);
/// Requests of one batch.
pub const GRAPH_BATCH_REQUESTS_MAX: usize = 20;
/// One request, a batch included.
pub const GRAPH_REQUEST_BYTES_MAX: usize = 3_900_000;
/// A file that goes in one request; a larger one goes in ranges.
pub const GRAPH_FILE_BYTES_MAX: u64 = 3_000_000;
/// One range of a file: a multiple of 320 KiB under 4 MB.
pub const GRAPH_RANGE_BYTES: usize = 12 * (320 << 10);
/// One answer.
pub const GRAPH_ANSWER_BYTES_MAX: usize = 8 << 20;
/// Internet headers of one message.
pub const GRAPH_HEADERS_MAX: usize = 5;
/// Mailboxes written to at once.
pub const GRAPH_MAILBOXES_AT_ONCE_MAX: usize = 4;
/// Copies of one group: each of them is asked for when one answer is lost.
pub const GRAPH_GROUP_COPIES_MAX: usize = 200;
/// Wait before what is in doubt is looked for: a request may still be at work when its connection is gone.
pub const GRAPH_DOUBT_PAUSE: Duration = Duration::from_secs(3);
/// Largest message (default of `message_bytes_max`): what mailboxes of Exchange Online take unless told otherwise.
pub const GRAPH_MESSAGE_BYTES_MAX: u64 = 35 << 20;
/// Addresses whose directory entries are remembered.
pub const GRAPH_DIRECTORY_MAX: usize = 100_000;
/// Mailboxes whose folder is remembered.
pub const GRAPH_FOLDERS_MAX: usize = 20_000;
/// Mailboxes that one check tries.
pub const GRAPH_CHECK_MAILBOXES_MAX: usize = 20;

// What a check looks through.

/// People of a roster that are compared with the mapping.
pub const ROSTER_PEOPLE_MAX: usize = 200_000;
/// People of a roster that a mapper is asked for at once.
pub const ROSTER_QUESTIONS_MAX: usize = 4_096;
/// People that one finding lists; the others are counted.
pub const ROSTER_LISTED_MAX: usize = 1_000;
/// Newest items that are looked through for people who were never seen.
pub const ROSTER_ITEMS_MAX: u64 = 200_000;
/// Time that trying one route of the network may take.
pub const ROUTE_TIME_MAX: Duration = Duration::from_secs(15);
/// Routes that are tried at once.
pub const ROUTES_AT_ONCE_MAX: usize = 8;

// What is read back.

/// Delivered copies whose mailboxes are compared with the record in one pass over it, unless one mailbox has more.
pub const RECONCILE_COPIES_MAX: u64 = 250_000;
/// Messages of one mailbox that say they are of an item, remembered to tell what was altered from what is missing.
pub const RECONCILE_MARKS_MAX: usize = 1_000_000;
/// Attempts to look into a mailbox before nothing is said of it.
pub const RECONCILE_ATTEMPTS_MAX: u32 = 4;
/// Missing copies that are repaired together.
pub const REPAIR_COPIES_MAX: usize = 1_000;
/// Bytes of messages that are held while they are copied from another mailbox, unless one alone is larger.
pub const REPAIR_BYTES_MAX: usize = 64 << 20;

// What is tried again, and when.

/// Attempts of one step before the turn is given up; the window stays open.
pub const ATTEMPTS_MAX: u32 = 8;
/// First wait between attempts; doubled each time.
pub const RETRY_DELAY_MIN: Duration = Duration::from_millis(500);
/// Longest wait between attempts.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(60);
/// Longest wait another side may ask for within a turn; a longer one ends the turn.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

// When a plugin's failures are the plugin's, and not the items'.

/// Items of a batch, in percent, that a plugin may fail at before the window stops (default of `failures_percent_max`).
pub const FAILURES_PERCENT_MAX: u32 = 50;
/// Items below which a batch says nothing about the plugin; smaller pages are taken together.
pub const FAILURES_OF_ITEMS_MIN: u64 = 20;

// What the state keeps.

/// A value in sled: under its blob threshold, whose files it never syncs.
pub const INDEX_VALUE_BYTES_MAX: usize = 16 << 10;
/// A ledger segment, after which a new one begins.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// A ledger record.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// Writes of one sled transaction.
pub const INDEX_TRANSACTION_WRITES_MAX: usize = 256;
/// Time within which the index must open before it is held to be broken.
pub const INDEX_OPEN_TIME_MAX: Duration = Duration::from_secs(60);

/// How much younger than an accepted loss of records an item may say it is and still be looked for before it is sent:
/// clocks differ.
pub const LOSS_MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

// Time.

/// A window is read this long after its end (default of `grace`).
pub const GRACE: Duration = Duration::from_secs(15 * 60);
/// A read begins this much before the window (default of `lookback`).
pub const LOOKBACK: Duration = Duration::from_secs(48 * 60 * 60);
/// Days after its end at which a closed window is read again (default of `reread_days`).
pub const REREAD_DAYS: [u32; 3] = [1, 7, 30];
/// Days after its end at which a window may be read again, and how many of them there may be.
pub const REREAD_DAYS_MAX: u32 = 366;
/// Windows that are read again in one turn; the others wait for the next.
pub const REREADS_PER_TURN_MAX: usize = 64;
/// Days of one backfill.
pub const BACKFILL_DAYS_MAX: i64 = 36_525;
/// How far the wall clock may step, or lie behind what is recorded, before nothing is closed any more.
pub const CLOCK_STEP_MAX: Duration = Duration::from_secs(5 * 60);
/// A file must have been unchanged this long before it is read (default of `settle`).
pub const FILE_SETTLE: Duration = Duration::from_secs(5);
/// Staged pages are kept this many days after everything was delivered (default of `stage.keep_days`).
pub const STAGE_KEEP_DAYS: u32 = 7;

// Who is let in.

/// Accounts.
pub const PEOPLE_MAX: usize = 1_000;
/// A person's or token's name.
pub const PERSON_NAME_BYTES_MAX: usize = 100;
/// The file of people.
pub const PEOPLE_FILE_BYTES_MAX: u64 = 4 << 20;
/// The least characters of a password.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// A password.
pub const PASSWORD_BYTES_MAX: usize = 1 << 10;
/// Memory of hashing one password (argon2id), in KiB.
pub const ARGON2_MEMORY_KIB: u32 = 19 << 10;
/// Passes over that memory.
pub const ARGON2_PASSES: u32 = 2;
/// Lanes of it.
pub const ARGON2_LANES: u32 = 1;
/// Passwords that are hashed at once.
pub const PASSWORDS_AT_ONCE_MAX: usize = 2;
/// Time that a sign-in waits for its turn.
pub const PASSWORDS_WAIT_MAX: Duration = Duration::from_secs(5);
/// Wrong sign-ins of an account, or from an address, before the next must wait; the wait doubles from a second on.
pub const SIGN_IN_FREE_ATTEMPTS: u32 = 5;
/// Longest wait of an account: nobody can lock its person out for good.
pub const SIGN_IN_ACCOUNT_WAIT_MAX: Duration = Duration::from_secs(60);
/// Longest wait of an address (of its network of 64 bits with IPv6).
pub const SIGN_IN_ADDRESS_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// Time after the last wrong sign-in from which on it is forgotten.
pub const SIGN_IN_FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);
/// Accounts and addresses with wrong sign-ins that are remembered.
pub const SIGN_IN_REMEMBERED_MAX: usize = 10_000;
/// A session that is not used ends.
pub const SESSION_IDLE_TIME_MAX: Duration = Duration::from_secs(30 * 60);
/// A session ends.
pub const SESSION_TIME_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// Sessions in all; the one longest idle ends.
pub const SESSIONS_MAX: usize = 2_000;
/// Sessions of one person.
pub const SESSIONS_OF_PERSON_MAX: usize = 20;
/// The set-up link of a first start.
pub const SETUP_LINK_TIME_MAX: Duration = Duration::from_secs(60 * 60);
/// A link to choose a password.
pub const LINK_TIME_MAX: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// Sign-ins by a directory whose people have not come back yet.
pub const OPENID_ATTEMPTS_MAX: usize = 1_000;
/// Time in which they come back.
pub const OPENID_ATTEMPT_TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// API tokens.
pub const TOKENS_MAX: usize = 1_000;
/// Life of an API token.
pub const TOKEN_TIME_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

// The service.

/// Sleep of the service's loop before it looks at the clock again: a machine sleeps, and clocks are set.
pub const SERVICE_SLEEP_MAX: Duration = Duration::from_secs(60);
/// Time without a look by the service's loop after which it counts as stuck.
pub const SERVICE_STUCK_AFTER: Duration = Duration::from_secs(180);
/// Time that turns have to end when the service is stopped; then they are left where they are.
pub const STOP_TIME_MAX: Duration = Duration::from_secs(20);
/// How far after its schedule's instants a connector looks (default of `jitter`).
pub const JITTER: Duration = Duration::from_secs(60);
/// The most that `jitter` may say.
pub const JITTER_MAX: Duration = Duration::from_secs(60 * 60);
/// First wait before a failed turn is tried again by the service; doubled each time.
pub const TURN_RETRY_DELAY_MIN: Duration = Duration::from_secs(60);
/// Longest such wait, and the wait after a failure that a person must mend.
pub const TURN_RETRY_DELAY_MAX: Duration = Duration::from_secs(60 * 60);
/// How long after it should have looked a connector is overdue.
pub const OVERDUE_AFTER: Duration = Duration::from_secs(6 * 60 * 60);
/// Time that open connections to the service have when it stops.
pub const CONSOLE_STOP_TIME_MAX: Duration = Duration::from_secs(2);
/// Connections to the service at once.
pub const CONSOLE_CONNECTIONS_MAX: usize = 64;
/// Time without a byte after which such a connection ends.
pub const CONSOLE_IDLE_TIME_MAX: Duration = Duration::from_secs(60);
/// Time in which a request is answered.
pub const CONSOLE_REQUEST_TIME_MAX: Duration = Duration::from_secs(120);
/// The body of a form.
pub const CONSOLE_BODY_BYTES_MAX: usize = 256 << 10;
/// The body of a form with a file.
pub const CONSOLE_UPLOAD_BYTES_MAX: usize = 16 << 20;
/// Such files that somebody looks at before they are taken.
pub const UPLOADS_KEPT_MAX: usize = 8;
/// Bytes beyond such a limit that are read and forgotten, so that a browser comes to see why.
pub const CONSOLE_DRAINED_BYTES_MAX: usize = 128 << 20;
/// Pages that are told of changes at once.
pub const CONSOLE_STREAMS_MAX: usize = 32;
/// Least time between two changes that such a page is told of.
pub const CONSOLE_EVENT_INTERVAL: Duration = Duration::from_secs(1);
/// Longest time without telling it anything.
pub const CONSOLE_EVENT_QUIET_MAX: Duration = Duration::from_secs(10);
/// Why somebody does something, as they write it.
pub const REASON_CHARS_MAX: usize = 500;
/// Rows of a table on one page, and in one answer where nothing else is asked for.
pub const CONSOLE_ROWS: usize = 100;
/// The most rows of one answer.
pub const CONSOLE_ROWS_MAX: usize = 1_000;
/// A connector's name.
pub const CONNECTOR_NAME_BYTES_MAX: usize = 64;
/// Destinations that a form adds to a connector.
pub const SETUP_DESTINATIONS_MAX: usize = 8;
/// Settings of a plugin that a form asks for.
pub const SETUP_SETTINGS_MAX: usize = 100;
/// An answer.
pub const SETUP_ANSWER_BYTES_MAX: usize = 16 << 10;
/// Connectors that are put together at once.
pub const SETUP_DRAFTS_MAX: usize = 50;
/// Time for which refused attempts of one kind from one place are counted, to be recorded together.
pub const CONSOLE_REFUSALS_PERIOD: Duration = Duration::from_secs(15 * 60);
/// Kinds and places that are counted apart.
pub const CONSOLE_REFUSALS_KINDS_MAX: usize = 100;
/// Time that calls under way have when the program ends.
pub const RUNTIME_STOP_TIME_MAX: Duration = Duration::from_secs(2);
/// Retries of parked things that wait for a turn's end.
pub const RETRIES_WAITING_MAX: usize = 100;
/// Time in which a command is run by a service.
pub const SERVICE_ANSWER_TIME_MAX: Duration = Duration::from_secs(600);
/// Commands that a service runs at once.
pub const SERVICE_COMMANDS_AT_ONCE_MAX: usize = 4;
/// Largest command that a service is asked to run, its words and folder together.
pub const SERVICE_REQUEST_BYTES_MAX: u64 = 64 << 10;
/// Most that such a command may say.
pub const SERVICE_ANSWER_BYTES_MAX: u64 = 16 << 20;
/// Pause after the service could not take a command's connection.
pub const SERVICE_ACCEPT_PAUSE: Duration = Duration::from_secs(1);

// Alerts.

/// Time between two looks of a service for what is the matter; it also looks after each turn and each reload.
pub const ALERT_LOOK_EVERY: Duration = Duration::from_secs(15 * 60);
/// What lasts is said again after so long (default of `alerts.remind`).
pub const ALERT_REMIND: Duration = Duration::from_secs(24 * 60 * 60);
/// How late a connector may be (default of `alerts.overdue`).
pub const ALERT_OVERDUE: Duration = Duration::from_secs(2 * 60 * 60);
/// Items parked within a day that are worth an alert (default of `alerts.parked_new_min`).
pub const ALERT_PARKED_NEW_MIN: u64 = 10;
/// Days before the end of a credential that are worth an alert (default of `alerts.credential_days`).
pub const ALERT_CREDENTIAL_DAYS: u32 = 30;
/// Free bytes below which a disk is low (default of `alerts.disk_bytes_min`).
pub const ALERT_DISK_BYTES_MIN: u64 = 1 << 30;
/// Most days that somebody's silence may be given.
pub const ALERT_USER_SILENT_DAYS_MAX: u32 = 365;
/// Days of history that what is usual is taken from, and the fewest that it can be.
pub const ALERT_HISTORY_DAYS_MAX: i64 = 60;
/// See [`ALERT_HISTORY_DAYS_MAX`].
pub const ALERT_HISTORY_DAYS_MIN: i64 = 14;
/// Same weekdays before that a day is compared with, at least.
pub const ALERT_WEEKDAYS_MIN: usize = 4;
/// Items of a usual day below which a low count says nothing.
pub const ALERT_DAY_ITEMS_MIN: u64 = 20;
/// Notices of one message.
pub const ALERT_NOTICES_PER_MESSAGE_MAX: usize = 100;
/// A notice that could not be sent for so long is given up.
pub const ALERT_NOTICE_AGE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

const _: () = assert!(ALERT_HISTORY_DAYS_MIN < ALERT_HISTORY_DAYS_MAX);
const _: () = assert!(CALL_CPU_TIME_MAX.as_millis() <= CALL_TIME_MAX.as_millis());
const _: () = assert!(EPOCH_TICK.as_millis() * 10 <= CALL_CPU_TIME_MAX.as_millis());
const _: () = assert!(GUEST_REUSE_BYTES_MAX < GUEST_MEMORY_BYTES_MAX);
const _: () = assert!(RESPONSE_BODY_BYTES_MAX < HOSTCALL_BYTES_MAX);
const _: () = assert!(SKELETON_BYTES_MAX < HOSTCALL_BYTES_MAX);
const _: () = assert!(CONVERT_BYTES_MAX <= SKELETON_BYTES_MAX);
const _: () = assert!((READ_BYTES_MAX as usize) < HOSTCALL_BYTES_MAX);
const _: () = assert!(CURSOR_BYTES_MAX < RECORD_BYTES_MAX);
const _: () = assert!(BOOKMARK_BYTES_MAX < RECORD_BYTES_MAX);
const _: () = assert!(CLOCK_STEP_MAX.as_millis() < GRACE.as_millis());
const _: () = assert!(FAILURES_PERCENT_MAX <= 100);
const _: () = assert!(STAGED_PAGE_BYTES_MAX > HOSTCALL_BYTES_MAX as u64);
// The least that S3 takes as a part of a larger object.
const _: () = assert!(STORE_PART_BYTES >= 5 << 20);
const _: () = assert!(IMAP_CONNECTIONS_MAX <= IMAP_CONNECTIONS_HIGHEST);
const _: () = assert!(IMAP_ANSWER_TIME_MAX.as_millis() <= IMAP_APPEND_TIME_MAX.as_millis());
const _: () = assert!(SMTP_GROUP_COPIES_MAX <= GROUP_COPIES_MAX);
const _: () = assert!(SMTP_REPLY_TIME_MAX.as_millis() <= SMTP_ACCEPT_TIME_MAX.as_millis());
const _: () = assert!(GRAPH_RANGE_BYTES < 4_000_000 && GRAPH_RANGE_BYTES.is_multiple_of(320 << 10));
const _: () = assert!(GRAPH_GROUP_COPIES_MAX <= GROUP_COPIES_MAX);
const _: () = assert!(GRAPH_FILE_BYTES_MAX.div_ceil(3) * 4 < 4 << 20);
const _: () = assert!(CONSOLE_STREAMS_MAX < CONSOLE_CONNECTIONS_MAX);
const _: () = assert!(CONSOLE_EVENT_QUIET_MAX.as_millis() < CONSOLE_IDLE_TIME_MAX.as_millis());
const _: () = assert!(CONSOLE_ROWS <= CONSOLE_ROWS_MAX);
const _: () = assert!(SERVICE_SLEEP_MAX.as_millis() * 2 <= SERVICE_STUCK_AFTER.as_millis());
const _: () = assert!(JITTER.as_millis() <= JITTER_MAX.as_millis());
const _: () = assert!(TURN_RETRY_DELAY_MIN.as_millis() < TURN_RETRY_DELAY_MAX.as_millis());
const _: () = assert!(TURN_RETRY_DELAY_MAX.as_millis() < OVERDUE_AFTER.as_millis());
const _: () = assert!(RECONCILE_ATTEMPTS_MAX <= ATTEMPTS_MAX);
const _: () = assert!(SESSION_IDLE_TIME_MAX.as_millis() < SESSION_TIME_MAX.as_millis());
const _: () = assert!(SIGN_IN_ADDRESS_WAIT_MAX.as_millis() < SIGN_IN_FORGOTTEN_AFTER.as_millis());
const _: () = assert!(RETRY_DELAY_MIN.as_millis() < RETRY_DELAY_MAX.as_millis());
const _: () = assert!(RECORD_BYTES_MAX as u64 * 4 <= SEGMENT_BYTES_MAX);
