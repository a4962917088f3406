import { may, set } from './setting.ts'
import { bytes, duration, TEXT, whole } from './setting-kinds.ts'

/** Buyers' programs that are asked by HTTP what they would pay for a call. */
export const BIDDERS = {
  'auction.timeout': set(
    duration('1ms', '2s'),
    100,
    'How long a call waits for HTTP bidders, where its number’s bidder_deadline_ms says nothing else.',
  ),
  'bidders.secret': may(
    TEXT,
    'What callers’ names towards bidders, and the seals of their secrets, are made of: at least 32 characters, the same on every gateway. Unset: made in data_dir.',
    { secret: 'all' },
  ),
  'bidders.max_connections': set(
    whole(1, 1000),
    32,
    'The most connections to one origin; requests beyond wait for one.',
  ),
  'bidders.max_under_way': set(
    whole(1, 10_000),
    200,
    'The most requests to one bidder at once; it is not asked for calls beyond.',
  ),
  'bidders.max_answer': set(bytes('1KB', '1MB'), 65_536, 'The longest answer of a bidder; a longer one is no bid.'),
  'bidders.reentry': set(
    duration('1s', '1h'),
    300_000,
    'A caller sold to a bidder who comes back by another number within this time is not offered to that buyer’s bidders again.',
  ),
} as const
