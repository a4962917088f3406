import { later, may, set, SHORT_WAIT } from './setting.ts'
import { STIR } from './stir-catalogue.ts'
import {
  ADDRESSES,
  bytes,
  duration,
  FLAG,
  HOST_NAME,
  LIST,
  oneOf,
  PORT,
  PORT_OR_OFF,
  PORT_RANGE,
  SERVER_LIST,
  STATUS_LIST,
  someOf,
  TEXT,
  whole,
} from './setting-kinds.ts'

/** The settings of signalling: transports, who may call, what becomes of a call, and what the SIP server bears. */
export const TELEPHONY = {
  'telephony.host': set(ADDRESSES, ['0.0.0.0'], 'Where SIP and RTP listen; both families: 0.0.0.0, ::'),
  'telephony.sip_port': set(PORT_OR_OFF, 5060, 'The port of SIP over UDP and TCP.'),
  'telephony.tls_port': set(PORT_OR_OFF, 5061, 'The port of SIP over TLS.'),
  'telephony.tls_cert': may(
    TEXT,
    'The certificate chain file (PEM) of SIP over TLS and secure WebSocket; unset: one of our own making, in data_dir.',
  ),
  'telephony.tls_key': may(TEXT, 'Its private key file (PEM).'),
  'telephony.tls_ca': may(
    TEXT,
    'The file of authorities (PEM) that clients’ certificates come from; unset: clients are not asked for one.',
  ),
  'telephony.tls_verify': set(
    oneOf('strict', 'wildcard', 'off'),
    'strict',
    'How TLS servers we call must prove their name: whole (RFC 5922), by *.domain as well, or not at all.',
  ),
  'telephony.ws_port': set(PORT_OR_OFF, 5066, 'The port of SIP over WebSocket.'),
  'telephony.wss_port': set(PORT_OR_OFF, 7443, 'The port of SIP over secure WebSocket.'),
  'telephony.ws_origins': set(LIST, [], 'Web origins whose pages may connect over WebSocket; empty: all.'),
  'telephony.rtp_port_range': set(
    PORT_RANGE,
    { first: 10_000, last: 20_000 },
    'The ports of RTP and RTCP, in pairs; 0: free ones.',
  ),
  'telephony.control_port': set(
    PORT,
    9022,
    'The loopback port of the control protocol between the SIP server and the application.',
  ),
  'telephony.control_host': set(
    TEXT,
    '127.0.0.1',
    'Where dce sip-server lets applications connect; the exchange’s own server stays on loopback.',
  ),
  'telephony.control_tls_port': set(
    PORT_OR_OFF,
    'off',
    'A second control port of dce sip-server, over TLS with the certificate of SIP.',
  ),
  'telephony.request_handlers': set(
    LIST,
    [],
    'Whom dce sip-server asks whose a new request is: METHOD [GET|POST] URL [insecure], with *, http, https, tcp, tls.',
  ),
  'telephony.application_grace': set(
    duration('0s', '10m'),
    30_000,
    'How long the calls of an application that lost its connection to dce sip-server wait for it.',
  ),
  'telephony.public_address': may(
    ADDRESSES,
    'The address put into SDP, Contact and Via, one of each family at most; unset: the first that is not loopback.',
    {
      aliases: ['public_address'],
    },
  ),
  'telephony.unknown_source': set(
    oneOf('refuse', 'drop'),
    'refuse',
    'What a source that is no trunk’s gets: 403 (refuse), or silence; whoever may prove itself by a password is still asked for it.',
  ),
  'telephony.abuse.requests_per_second': set(
    whole(1, 1_000_000),
    200,
    'New SIP requests a second from one address that is no trunk’s; more are refused, four times as many lead to a ban.',
  ),
  'telephony.abuse.trusted_requests_per_second': set(
    whole(1, 1_000_000),
    5_000,
    'The same from a trunk’s address, which is limited and never banned.',
  ),
  'telephony.abuse.malformed_per_second': set(
    whole(1, 1_000_000),
    5,
    'Unreadable SIP messages answered a second and address (four times as many at once); more are dropped, and lead to a ban.',
  ),
  'telephony.abuse.failed_authentications': set(
    whole(1, 1_000_000),
    20,
    'Refused credentials and 403s from one address that lead to a ban; every five seconds one is forgotten.',
  ),
  'telephony.abuse.ban': set(
    duration('1s', '24h'),
    60_000,
    'How long a first ban lasts; each further one twice as long.',
  ),
  'telephony.abuse.max_ban': set(duration('1s', '31d'), 3_600_000, 'The longest a ban may last.'),
  'telephony.abuse.scanner_agents': set(
    LIST,
    [],
    'User agents to ban at sight, besides those we know (friendly-scanner, sipvicious, sipcli and others).',
  ),
  'telephony.realm': set(
    HOST_NAME,
    'dce',
    'The realm of our digest challenges and the domain of registered addresses, sip:user@realm. Changing it makes every SIP password void.',
  ),
  'telephony.digest_algorithms': set(
    someOf('SHA-256', 'MD5'),
    ['SHA-256', 'MD5'],
    'What passwords are asked for with (RFC 8760), in this order. MD5 alone, where devices know no other and read only the first challenge.',
  ),
  'telephony.nonce_lifetime': set(
    duration('10s', '24h'),
    300_000,
    'How long a digest nonce may be used; then a fresh one is sent, without asking for the password again.',
  ),
  'telephony.registration.min_expires': set(
    duration('10s', '24h'),
    60_000,
    'The shortest time a registration may ask for; less gets 423 with Min-Expires.',
  ),
  'telephony.registration.max_expires': set(
    duration('10s', '7d'),
    7_200_000,
    'The longest a registration is given, whatever it asks for.',
  ),
  'telephony.registration.default_expires': set(
    duration('10s', '24h'),
    3_600_000,
    'How long a registration lasts that asks for no time.',
  ),
  'telephony.registration.max_bindings': set(
    whole(1, 100),
    10,
    'The most phones and browsers one user may have registered; one more replaces the oldest.',
  ),
  'telephony.overload.enabled': set(
    FLAG,
    true,
    'Whether new calls get 503 with Retry-After while this process is behind, so that calls in progress go on.',
  ),
  'telephony.overload.late': set(
    duration('10ms', '10s'),
    100,
    'How far behind is late: fewer new calls are taken; none when four times as far.',
  ),
  'telephony.overload.max_waiting_invites': set(
    whole(1, 1_000_000),
    2_000,
    'INVITEs that may wait for the application; past it there are no new ones.',
  ),
  'telephony.max_concurrent_calls': set(
    whole(1, 1_000_000),
    2000,
    'The most calls at once; beyond it 503 with Retry-After.',
  ),
  'telephony.retry_after': later(
    duration('1s', '1h'),
    'The Retry-After of a 503 while draining, overloaded or full (10s; draining 30s).',
  ),
  'telephony.ring_timeout': later(duration('1s', '10m'), 'How long a target rings when it does not say itself.'),
  'telephony.max_setup_duration': set(
    duration('1s', '1h'),
    180_000,
    'The longest a call may stay unanswered, all its targets together.',
  ),
  'telephony.max_menu_calls': set(
    whole(0, 1_000_000),
    500,
    'The most calls whose callers are being asked by a number’s menu; the next hears 503.',
  ),
  'telephony.max_menu_duration': set(
    duration('1s', '1h'),
    180_000,
    'The longest a caller is asked by a number’s menu, all attempts together.',
  ),
  'telephony.max_call_duration': set(
    duration('1s', '24h'),
    7_200_000,
    'The longest a call may last; then both legs are hung up.',
  ),
  'telephony.stop_codes': set(
    STATUS_LIST,
    [],
    'Final statuses of a buyer that end the call, where its campaign has no stop_codes; else the next award is rung.',
  ),
  'telephony.redirects': set(
    oneOf('refuse', 'follow'),
    'refuse',
    'A buyer’s 3xx: a failure like others, or up to three of its contacts are rung.',
  ),
  'telephony.redirect_hosts': set(LIST, [], 'Hosts and domains a followed 3xx may lead to, besides the target’s own.'),
  'telephony.trusted_hosts': set(
    LIST,
    [],
    'Hosts and domains of targets that hear a number its caller asks to withhold (RFC 3325); others hear anonymous.',
  ),
  'telephony.pass_headers': set(
    LIST,
    [],
    'Headers of the caller’s INVITE that buyers see: names, or beginnings such as X-Acme-*.',
  ),
  'telephony.history_info': set(
    oneOf('off', 'pass', 'add'),
    'off',
    'Diversion and History-Info towards buyers: not told, passed on, or with the dialled number added.',
  ),
  'telephony.reliable_provisionals': set(
    oneOf('required', 'supported'),
    'required',
    'To which callers 18x are sent reliably (RFC 3262): those who require it, or all who can.',
  ),
  'telephony.session_expires': set(
    duration('0s', '24h'),
    1_800_000,
    'The session interval asked of both sides (RFC 4028), at least 90s; 0: no session timers.',
  ),
  'telephony.transfers': set(
    oneOf('off', 'buyer', 'both'),
    'buyer',
    'Whose REFER is followed (RFC 3515): nobody’s, a buyer’s, or also the caller’s side’s.',
  ),
  'telephony.transfer_hosts': set(LIST, [], 'Hosts and domains a transfer may lead to, besides the target’s own.'),
  'telephony.monitor_hosts': set(
    LIST,
    [],
    'Hosts and domains an administrator may have supervisors called at who monitor a call; registered users may be called anyway.',
  ),
  'telephony.transfer_numbers': set(
    LIST,
    ['+1'],
    'How numbers begin that a transfer may lead to, by an outbound trunk and at the house’s cost.',
  ),
  'telephony.trying_after': later(
    duration('0s', '200ms'),
    'When the SIP server itself says 100 (RFC 3261 §17.2.1: 200ms).',
  ),
  'telephony.t1': set(
    duration('10ms', '10s'),
    500,
    'The round trip SIP reckons with: first retransmission after it, no answer after 64 of it (RFC 3261 §17.1.1.1).',
  ),
  'telephony.t2': set(
    duration('10ms', '60s'),
    4_000,
    'The longest wait between retransmissions of non-INVITE requests and INVITE answers.',
  ),
  'telephony.t4': set(duration('10ms', '60s'), 5_000, 'How long a SIP message may stay in the network.'),
  'telephony.trace.enabled': set(
    FLAG,
    true,
    'Whether the embedded SIP server remembers the messages of the latest calls, for their ladders.',
  ),
  'telephony.trace.max_bytes': set(
    bytes('64KB', '2GB'),
    64 * 1024 ** 2,
    'The memory they may take; then the oldest calls are forgotten.',
  ),
  'telephony.trace.max_messages_per_call': set(
    whole(10, 100_000),
    500,
    'The most messages remembered of one Call-ID; later ones are counted.',
  ),
  'telephony.hep.host': may(
    TEXT,
    'A capture server such as Homer, told of every SIP message of the embedded server (HEP 3, UDP); unset: none.',
  ),
  'telephony.hep.port': set(whole(1, 65_535), 9060, 'Its port.'),
  'telephony.hep.capture_id': set(whole(0, 4_294_967_295), 2001, 'By what number it knows this exchange.'),
  'telephony.hep.password': may(TEXT, 'What it wants to hear from those who tell it something.', { secret: 'all' }),
  'telephony.dns_servers': set(
    SERVER_LIST,
    [],
    'DNS servers that SIP names are looked up at (NAPTR, SRV, A, AAAA), each an IP address with or without a port; none: the machine’s.',
  ),
  'telephony.large_messages': set(
    oneOf('tcp', 'udp'),
    'tcp',
    'What a request above 1,300 bytes goes over where its URI names no transport (RFC 3261 §18.1.1): TCP, falling back to UDP, or UDP always.',
  ),
  'telephony.trunk_silence': set(
    duration('1s', '2m'),
    10_000,
    'How long an outbound trunk may say nothing but 100 while another one may be tried.',
  ),
  'telephony.probe_interval': set(
    duration('0s', '1h'),
    30_000,
    'How often the SIP targets of active bids and the outbound trunks are asked by OPTIONS whether they live; 0s: never.',
  ),
  'telephony.probe_failures': set(
    whole(1, 100),
    3,
    'So many failures in a row, of OPTIONS or of calls, and one is down.',
  ),
  'telephony.probe_strict': set(
    FLAG,
    false,
    'Whether one that has never answered an OPTIONS may be down: many phones drop OPTIONS, and take calls.',
  ),
  'telephony.probe_inbound_trunks': set(FLAG, false, 'Whether inbound trunks of a single address are asked as well.'),
  ...STIR,
  'telephony.sip_proxy': later(TEXT, 'A proxy all outbound SIP goes through.'),
  'telephony.stun_servers': later(LIST, 'STUN servers for browser callers.'),
  'telephony.turn_servers': later(LIST, 'TURN servers for browser callers.'),
  'telephony.call_timeout': later(
    SHORT_WAIT,
    'The predecessor’s wait for an answer; here each target has its ring_timeout.',
    {
      aliases: ['call.timeout'],
    },
  ),
} as const
