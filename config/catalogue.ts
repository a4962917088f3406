import { BIDDERS } from './bidder-catalogue.ts'
import { COMPLIANCE } from './compliance-catalogue.ts'
import { FRAUD } from './fraud-catalogue.ts'
import { FREESWITCH } from './freeswitch-catalogue.ts'
import { later, may, set, SHORT_WAIT } from './setting.ts'
import {
  bytes,
  CODECS,
  decimal,
  duration,
  FLAG,
  LIST,
  NETWORKS,
  endpoints,
  oneOf,
  PORT,
  PORT_OR_OFF,
  someOf,
  TEXT,
  TOPIC,
  whole,
} from './setting-kinds.ts'
import { MEDIASOUP } from './mediasoup-catalogue.ts'
import { PAYMENTS } from './payments-catalogue.ts'
import { PING } from './ping-catalogue.ts'
import { PRIVACY } from './privacy-catalogue.ts'
import { REDIS } from './redis-catalogue.ts'
import { WEBHOOKS } from './webhook-catalogue.ts'
import { RTPENGINE } from './rtpengine-catalogue.ts'
import { TELEPHONY } from './telephony-catalogue.ts'
import { WEBRTC } from './webrtc-catalogue.ts'

/** Every setting there is. The order is that of config.example.yaml. */
export const CATALOGUE = {
  log_level: set(oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'), 'info', 'How much is logged.'),
  data_dir: set(TEXT, './var', 'Where the embedded database, the spool and the keys are kept.'),

  'server.host': set(TEXT, '127.0.0.1', 'Where the API, the console and the metrics listen.', {
    aliases: ['server.address'],
  }),
  'server.port': set(PORT, 8080, 'The port of all of them.'),
  'server.grpc.port': later(PORT_OR_OFF, 'The port of gRPC (9090).'),
  'server.gateway_id': set(
    TEXT,
    'gateway-1',
    'Names this gateway among those that share a database: each has its own, and keeps it over restarts.',
  ),
  'server.shutdown_timeout': set(
    duration('0s', '24h'),
    30_000,
    'How long live calls may go on once we are told to stop.',
  ),
  'server.calls_first': set(
    FLAG,
    true,
    'Whether the threads that carry calls have a priority of their own (nice -15, -10 and -8), where the system lets them.',
  ),
  'server.max_body_bytes': set(bytes('1KB', '64MB'), 1024 ** 2, 'The largest body a request may have.'),
  'server.read_timeout': later(duration('1s', '10m'), 'How long a client may take to send its request.'),
  'server.write_timeout': later(duration('1s', '10m'), 'How long an answer may take.'),
  'server.idle_timeout': later(duration('1s', '1h'), 'How long an unused connection is kept.'),

  'admin.email': set(TEXT, 'admin@localhost', 'Who the first administrator is.'),
  'admin.password': may(TEXT, 'The password of the first administrator; unset: a random one, printed once.', {
    secret: 'all',
  }),

  'database.url': may(TEXT, 'A Postgres of at least version 15; unset: an embedded one in data_dir.', {
    secret: 'url',
  }),
  'database.connect_timeout': set(duration('0s', '1h'), 30_000, 'How long the start retries a database that is down.'),
  'database.max_open_conns': later(whole(2, 1000), 'The most connections to the database (10).'),
  'database.max_idle_conns': later(whole(0, 1000), 'The most unused connections kept.'),
  'database.conn_max_lifetime': later(duration('1s', '24h'), 'How old a connection may grow.'),

  'storage.group_commit_ms': later(
    whole(0, 1000),
    'How long the writer gathers records before it commits them, in ms (5).',
  ),
  'storage.group_commit_records': later(whole(1, 10_000), 'The most records in one commit (256).'),
  'storage.queue_limit': later(whole(1, 1_000_000), 'The most records waiting to be written (50,000).'),
  'storage.spool_bytes': set(
    bytes('1MB', '64GB'),
    64 * 1024 ** 2,
    'The size of the local spool, set aside at the start.',
  ),
  'storage.min_free_bytes': set(
    bytes('0B', '1024GB'),
    64 * 1024 ** 2,
    'New calls get 503 when the disk has less room than this.',
  ),

  'audit.heads_file': may(
    TEXT,
    'Where the heads of the audit’s chain are written down outside the database, best on another disk; unset: audit/heads.jsonl in data_dir.',
  ),
  'audit.seal_every': set(duration('1s', '1h'), 60_000, 'How often what is new in the audit is sealed and signed.'),

  'outbox.max_events': set(
    whole(1000, 1_000_000_000),
    1_000_000,
    'The most events waiting to be published; beyond it the oldest are lost to whoever reads them (the records have them).',
  ),
  'outbox.max_age': set(
    duration('1m', '3650d'),
    604_800_000,
    'How long events are kept while no kafka.brokers are set: setting them publishes what is left.',
  ),

  'outgoing.private_networks': set(
    NETWORKS,
    [],
    'Private or loopback networks, as CIDR blocks, that URLs of customers may lead to; others are not called.',
  ),
  ...WEBHOOKS,

  ...TELEPHONY,

  'drachtio.host': may(TEXT, 'A drachtio-server to use; unset: the SIP server embedded in this process.'),
  'drachtio.port': set(PORT, 9022, 'Its control port.'),
  'drachtio.secret': may(TEXT, 'Its shared secret; unset: drachtio’s own default.', { secret: 'all' }),

  'media.engine': set(
    someOf('relay', 'rtpengine', 'freeswitch', 'mediasoup', 'direct'),
    ['relay'],
    'Who moves the audio. Several: the cheapest first, and each call goes to the first that is up and has what it needs.',
  ),
  'media.threads': set(whole(0, 64), 0, 'Threads of the relay; 0: one less than there are cores, at least one.'),
  'media.rtp_timeout': set(
    duration('1s', '1h'),
    30_000,
    'An answered call without audio from either side for so long is ended.',
  ),
  'media.latching': set(
    FLAG,
    true,
    'Whether audio is sent back to where it first came from (symmetric RTP), whatever the SDP said.',
  ),
  'media.one_way_after': set(
    duration('0s', '1h'),
    10_000,
    'A side without audio for so long, while the other side’s comes, or with nothing but digital silence: the record names it. 0s: never.',
  ),
  'media.one_way_ends_call': set(FLAG, false, 'Whether such a call is ended then (rtp_timeout), or goes on.'),
  'media.record': set(
    FLAG,
    false,
    'Whether answered calls are recorded; needs media.recording_key, and the consent that the law of both places asks for.',
  ),
  'media.prompts_dir': may(TEXT, 'Where the WAV files of prompts are; unset: prompts in data_dir.'),
  'media.recordings_dir': may(TEXT, 'Where encrypted recordings are written; unset: recordings in data_dir.'),
  'media.recording_key': may(
    TEXT,
    'The master key of recordings, ID:KEY with 32 bytes in hex or base64; older ones after commas. Unset: nothing is recorded.',
    { secret: 'all' },
  ),
  'media.recording_days': set(
    whole(1, 3650),
    90,
    'So many days after its beginning a recording is erased, its file deleted.',
  ),
  'media.codecs': set(
    CODECS,
    [],
    'Codecs for speech in order of preference, such as opus, G722, PCMU: offered in this order, others not at all. None: as the caller offers.',
  ),

  ...RTPENGINE,
  ...FREESWITCH,
  ...MEDIASOUP,
  ...WEBRTC,

  'auction.max_awards': set(whole(1, 100), 10, 'The most targets one call may be offered to in turn.'),
  'auction.max_non_bids': set(
    whole(0, 100_000),
    500,
    'The most losing bids listed with their reasons; the rest are counted.',
  ),
  'auction.keep_inputs': set(
    FLAG,
    true,
    'Whether all that an auction is decided by is stored with it: what dce replay and dce backtest decide it by again.',
  ),
  ...BIDDERS,

  'accounts.dispute_days': set(
    whole(0, 365),
    7,
    'So many days after a call’s end its buyer may ask for its price back; 0: not at all.',
  ),
  ...PAYMENTS,
  ...PING,

  ...COMPLIANCE,

  ...FRAUD,

  ...PRIVACY,

  'security.token_expiry': set(duration('1m', '30d'), 900_000, 'How long an access token is valid.'),
  'security.refresh_token_expiry': set(duration('1m', '365d'), 604_800_000, 'How long a refresh token is valid.'),
  'security.login_per_minute': set(whole(1, 100_000), 10, 'The most logins a minute from one address.'),
  'security.jwt_secret': later(TEXT, 'The predecessor’s shared secret; tokens are signed by a key pair in data_dir.', {
    secret: 'all',
  }),
  'security.rate_limit.requests_per_second': later(whole(1, 1_000_000), 'The most API requests a second.'),
  'security.rate_limit.burst': later(whole(1, 1_000_000), 'The most at once.', {
    aliases: ['security.rate_limit.burst_size'],
  }),
  'cors.allowed_origins': later(LIST, 'Sites whose pages may call the API.'),
  'cors.allowed_methods': later(LIST, 'Methods they may use.'),
  'cors.allowed_headers': later(LIST, 'Headers they may send.'),

  ...REDIS,
  'kafka.brokers': may(
    endpoints(9092),
    'Kafka brokers events are published to; unset: they stay in the outbox for a while.',
  ),
  'kafka.topic': set(TOPIC, 'dce.events', 'The topic they go to, partitioned by call; made if it is not there.'),
  'kafka.partitions': set(whole(1, 1000), 12, 'Its partitions when it is made.'),
  'kafka.tls': set(FLAG, false, 'Whether the brokers are spoken to over TLS.'),
  'kafka.mechanism': set(oneOf('plain', 'scram-sha-256', 'scram-sha-512'), 'scram-sha-512', 'How we log in to them.'),
  'kafka.username': may(TEXT, 'Who logs in; unset: nobody does.'),
  'kafka.password': may(TEXT, 'The password of that user.', { secret: 'all' }),
  'kafka.group_id': later(TEXT, 'The consumer group.'),
  'telemetry.enabled': later(FLAG, 'Whether traces are exported; metrics always are.'),
  'telemetry.otlp_endpoint': later(TEXT, 'Where traces go.'),
  'telemetry.sampling_rate': later(decimal(0, 1), 'The share of calls traced.'),
  'telemetry.export_timeout': later(SHORT_WAIT, 'How long an export may take.'),
  'telemetry.batch_timeout': later(SHORT_WAIT, 'How long traces are gathered.'),

  environment: later(TEXT, 'The name of this installation.'),
  version: later(TEXT, 'The predecessor’s key; the version is the package’s.'),
} as const

export type SettingKey = keyof typeof CATALOGUE
