import { Cluster, Redis } from 'ioredis'
import type { StorageLog } from '../storage-log.ts'

/** Between two attempts to reach a Redis that is away, ms. */
const RECONNECT_MS = 100
/** Longest such pause, ms. */
const RECONNECT_MOST_MS = 1000
/** How often a cluster's nodes are asked who has which slots, ms; at once when one of them says that it is another. */
const SLOTS_EVERY_MS = 1000
/** How often a question follows a slot that is being moved, and how long it waits where half of its keys are already there, ms. */
const MOST_REDIRECTIONS = 16
const TRY_AGAIN_MS = 10

export interface RedisPlace {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss:` over TLS. */
  readonly url: string
  /** Of a cluster: `host:port` of nodes that are asked for the others, beside that of the URL, which has their password; absent: one server. */
  readonly cluster?: readonly string[]
  readonly connectTimeoutMs: number
  readonly log: StorageLog
}

/** How long answers may take, ms. */
interface Waits {
  readonly commandTimeout?: number
  readonly socketTimeout?: number
}

/** A connection of ours: what cannot be sent at once fails at once, and nothing is sent twice. Of a cluster: one to each node. */
export function connectRedis(place: RedisPlace, waits: Waits): Redis | Cluster {
  const retry = (times: number): number => Math.min(RECONNECT_MS * times, RECONNECT_MOST_MS)
  const common = {
    connectTimeout: place.connectTimeoutMs,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectionName: 'dce',
    ...waits,
  }
  const redis =
    place.cluster === undefined
      ? new Redis(place.url, { ...common, enableOfflineQueue: false, retryStrategy: retry })
      : new Cluster(startingNodes(place.url, place.cluster), {
          redisOptions: { ...common, ...secretsOf(place.url) },
          enableOfflineQueue: false,
          clusterRetryStrategy: retry,
          slotsRefreshInterval: SLOTS_EVERY_MS,
          slotsRefreshTimeout: place.connectTimeoutMs,
          maxRedirections: MOST_REDIRECTIONS,
          retryDelayOnTryAgain: TRY_AGAIN_MS,
          retryDelayOnFailover: 0,
          retryDelayOnClusterDown: 0,
        })
  // Each attempt that fails says so; what matters is said once, by whoever is told that the link is lost.
  redis.on('error', (error: Error) => place.log.debug({ error: error.message }, 'Redis'))
  return redis
}

function startingNodes(url: string, others: readonly string[]): { host: string; port: number }[] {
  const { host } = new URL(url)
  return [host, ...others].map((node) => {
    const { hostname, port } = new URL(`redis://${node}`)
    return { host: hostname.replaceAll(/[[\]]/g, ''), port: Number(port || 6379) }
  })
}

/** What the URL says of every node. */
function secretsOf(url: string) {
  const { protocol, username, password } = new URL(url)
  return {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  }
}
