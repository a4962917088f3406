import { isIPv4 } from 'node:net'
import { safeWord } from './event-socket-text.ts'

/** Where the event socket of one FreeSWITCH is. */
export interface FreeSwitchPlace {
  readonly host: string
  readonly port: number
  /** A server of weight 2 takes two calls for each one of weight 1. */
  readonly weight: number
}

export interface FreeSwitchOptions {
  /** `host`, `host:port` or `host:port;weight=2`; see `readPlace`. */
  readonly servers: readonly string[]
  /** The event socket's password, the same on all of them. */
  readonly secret: string
  /** Marks our channels, so that after a crash the next start finds those it left and no others. One word, the same after a restart. */
  readonly owner: string
  /** The sofia profile that answers our INVITEs. */
  readonly profile?: string
  /** The IPv4 address that FreeSWITCH connects back to, on a port of the system's choice. */
  readonly listenAddress?: string
  /** Folders on FreeSWITCH's machine. */
  readonly promptsDir?: string
  readonly recordingsDir?: string
  /** The most calls on one server. */
  readonly maxSessions?: number
  /** How long one command may take; a play has `playTimeoutMs`. */
  readonly commandTimeoutMs?: number
  readonly playTimeoutMs?: number
  /** How long the start goes on trying. */
  readonly connectTimeoutMs?: number
  /** The longest pause between two attempts to connect again. */
  readonly reconnectMaxMs?: number
  /** How often a server is asked whether it lives. */
  readonly healthEveryMs?: number
  /** Silence after which a side that should be sending is given up; 0 never does. */
  readonly rtpTimeoutMs?: number
}

export const FREESWITCH_DEFAULTS = {
  profile: 'drachtio_mrf',
  listenAddress: '127.0.0.1',
  promptsDir: '/var/lib/freeswitch/prompts',
  recordingsDir: '/var/lib/freeswitch/recordings',
  maxSessions: 100,
  commandTimeoutMs: 5000,
  playTimeoutMs: 600_000,
  connectTimeoutMs: 10_000,
  reconnectMaxMs: 10_000,
  healthEveryMs: 10_000,
  rtpTimeoutMs: 30_000,
} as const

export const EVENT_SOCKET_PORT = 8021

/** Every option, none missing. */
export type ReadOptions = Required<Omit<FreeSwitchOptions, 'servers'>> & {
  readonly servers: readonly FreeSwitchPlace[]
}

/** More would be watched by one gateway in vain. */
const MAX_SERVERS = 32

/** Throws RangeError, naming the option, when one cannot be used. */
export function readOptions(options: FreeSwitchOptions): ReadOptions {
  const { servers, ...given } = options
  const read: ReadOptions = { ...FREESWITCH_DEFAULTS, ...given, servers: servers.map(readPlace) }
  if (read.servers.length === 0 || read.servers.length > MAX_SERVERS)
    throw new RangeError(`servers: 1 to ${MAX_SERVERS} are needed, such as 127.0.0.1:${EVENT_SOCKET_PORT}`)
  if (read.secret === '') throw new RangeError('secret: the password of the event socket is needed')
  for (const name of ['secret', 'owner', 'profile', 'promptsDir', 'recordingsDir'] as const) safeWord(name, read[name])
  if (!/^[\w-]+$/.test(read.profile)) throw new RangeError(`profile ${read.profile}: letters, digits, _ and - only`)
  if (!isIPv4(read.listenAddress) || read.listenAddress === '0.0.0.0')
    throw new RangeError(`listenAddress ${read.listenAddress}: an IPv4 address of this machine that FreeSWITCH reaches`)
  return read
}

/** Reads `host`, `host:port` or `host:port;weight=2`. Throws RangeError with the text when it is none of these. */
export function readPlace(text: string): FreeSwitchPlace {
  const [, host, port = String(EVENT_SOCKET_PORT), weight = '1'] =
    /^([\w.-]+)(?::(\d{1,5}))?(?:;weight=(\d{1,3}))?$/.exec(text) ?? []
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535 || Number(weight) < 1)
    throw new RangeError(`servers: ${text} is not host:port or host:port;weight=2`)
  return { host, port: Number(port), weight: Number(weight) }
}
