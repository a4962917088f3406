import { later, may, set, SHORT_WAIT } from './setting.ts'
import { duration, endpoints, FLAG, TEXT, whole } from './setting-kinds.ts'

/** Redis: the counters that several gateways share. */
export const REDIS = {
  'redis.url': may(
    TEXT,
    'A Redis (redis://… or rediss://…) for places, caps, budgets and funds that several gateways share; unset: this process counts alone.',
    { secret: 'url' },
  ),
  'redis.cluster': set(
    FLAG,
    false,
    'Whether redis.url is a node of a Redis Cluster, whose other nodes have its user, password and TLS.',
  ),
  'redis.cluster_nodes': may(
    endpoints(6379),
    'More nodes of the cluster, host:port, of which one suffices at a start; unset: that of redis.url.',
  ),
  'redis.address': later(TEXT, 'The same as host:port.'),
  'redis.password': later(TEXT, 'Its password.', { secret: 'all' }),
  'redis.db': later(whole(0, 1000), 'The number of its database.'),
  'redis.pool_size': later(whole(1, 1000), 'The most connections to it.'),
  'redis.min_idle_conns': later(whole(0, 1000), 'Connections kept open.'),
  'redis.max_retries': later(whole(0, 100), 'How often a command is tried again.'),
  'redis.dial_timeout': set(SHORT_WAIT, 1000, 'How long connecting may take.'),
  'redis.read_timeout': set(
    SHORT_WAIT,
    50,
    'How long an answer may take: a call waits for one before each award is rung, and goes on without it.',
  ),
  'redis.write_timeout': later(SHORT_WAIT, 'How long sending may take.'),
  'redis.lease': set(
    duration('1s', '10m'),
    15_000,
    'How long what a gateway has taken outlives it; it renews three times as often.',
  ),
  'redis.rejoin': set(
    duration('0s', '1m'),
    2000,
    'After Redis has lost its memory, how long gateways have to say what they have taken before anything new is asked.',
  ),
  'redis.gateways': set(
    whole(1, 1000),
    2,
    'How many gateways share what was free when Redis went away; set it to how many there are.',
  ),
} as const
