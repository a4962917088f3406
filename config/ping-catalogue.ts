import { may, set } from './setting.ts'
import { duration, FLAG, TEXT, whole } from './setting-kinds.ts'

/** Ping and post: sellers that ask the price of a call first. */
export const PING = {
  'ping.validity': set(
    duration('1s', '2m'),
    30_000,
    'How long an accepted ping keeps its price, its funds and one place for the call.',
  ),
  'ping.max_per_second': set(whole(1, 1_000_000), 500, 'The most pings a second of one seller; more are answered 429.'),
  'ping.max_open_per_seller': set(
    whole(1, 1_000_000),
    100,
    'The most accepted pings of one seller that no call has come for yet: what one can keep from others.',
  ),
  'ping.max_open': set(whole(1, 1_000_000), 20_000, 'The most of all sellers together: 10 to 60 KB of memory each.'),
  'ping.same_caller': set(
    FLAG,
    false,
    'Whether a token is good only for a call of the caller it was asked for; a call that names another is auctioned afresh.',
  ),
  'ping.sip_host': may(
    TEXT,
    'Where sellers send calls to, in the SIP URI of an answer: host, or host:port;transport=tcp. Unset: the public address.',
  ),
} as const
