import { isIP, isIPv4, isIPv6 } from 'node:net'
import type { RecordingsOptions } from '../recording/recordings.ts'
import type { Latching } from './latch.ts'
import { portPairs, type PortRange } from './port-pool.ts'

export interface RelayOptions {
  /** The IP address media sockets are bound to. */
  readonly address: string
  /** What descriptions name instead, when others know this machine by another address; needed when `address` is a wildcard. */
  readonly publicAddress?: string
  /** A second address of the other family, for callers whose offer is of it. */
  readonly address6?: string
  readonly publicAddress6?: string
  readonly portRange: PortRange
  /** Relay threads; each has its own share of the ports. */
  readonly threads?: number
  /** Silence after which a side that should be sending is given up; 0 never does. */
  readonly rtpTimeoutMs?: number
  readonly latching?: Latching
  /** How long a port pair rests before another call may have it. */
  readonly portQuietMs?: number
  /** Pairs of sockets that each thread keeps bound for calls to come, at each address; fewer if it has few ports; 0: none. */
  readonly readyPairs?: number
  /** How long one side must be missing, or digitally silent from the first, for the record to name it; 0 never does. */
  readonly oneWayAfterMs?: number
  /** Whether that is a timeout of that side. */
  readonly oneWayEndsCall?: boolean
  /** Codecs for speech that may be offered, in order of preference; none: those of whoever offers, in its order. */
  readonly codecs?: readonly string[]
  /** Where the WAV files of prompts are; without it there are none. */
  readonly promptFolder?: string
  /** Where recordings go, and the keys for them; without it nothing is recorded. */
  readonly recordings?: RecordingsOptions
}

export const RELAY_DEFAULTS = {
  portRange: { from: 10_000, to: 20_000 },
  threads: 1,
  rtpTimeoutMs: 30_000,
  latching: 'symmetric',
  portQuietMs: 1000,
  readyPairs: 32, // Those of sixteen calls that come at once.
  oneWayAfterMs: 10_000,
  oneWayEndsCall: false,
  codecs: [],
} as const

/** An address to bind and the one to tell others. */
export interface RelayAddress {
  readonly bind: string
  readonly told: string
}

export interface RelayAddresses {
  /** Of the family that buyers are offered. */
  readonly main: RelayAddress
  readonly v4: RelayAddress | null
  readonly v6: RelayAddress | null
}

/** Reads the options' addresses. Throws RangeError, naming the option, when one cannot be used. */
export function readAddresses(options: RelayOptions): RelayAddresses {
  const main = readAddress('address', options.address, options.publicAddress)
  const v4 = isIPv4(options.address) ? main : null
  const v6 =
    options.address6 === undefined
      ? isIPv6(options.address)
        ? main
        : null
      : readAddress('address6', options.address6, options.publicAddress6)
  if (v6 !== null && !isIPv6(v6.bind)) throw new RangeError(`address6 ${v6.bind}: not an IPv6 address`)
  return { main, v4, v6 }
}

function readAddress(name: string, bind: string, told: string = bind): RelayAddress {
  if (isIP(bind) === 0) throw new RangeError(`${name} ${bind}: not an IP address`)
  if (isIP(told) !== isIP(bind))
    throw new RangeError(`the public address ${told}: not an IP address of the family of ${bind}`)
  if (told === '0.0.0.0' || told === '::')
    throw new RangeError(`${name} ${bind}: needs a public address, since descriptions cannot name a wildcard`)
  return { bind, told }
}

/** Throws RangeError, naming the option, when ports, threads or times cannot be used. */
export function checkLimits(range: PortRange, threads: number, rtpTimeoutMs: number, portQuietMs: number): void {
  const ports = [range.from, range.to]
  if (!ports.every((port) => Number.isInteger(port) && port >= 1024 && port <= 65_535) || range.from > range.to) {
    throw new RangeError(`RTP port range ${range.from}-${range.to}: must be within 1024-65535, low to high`)
  }
  const pairs = portPairs(range).length
  if (!Number.isInteger(threads) || threads < 1 || threads > 64)
    throw new RangeError(`threads ${threads}: must be 1 to 64`)
  if (pairs < 2 * threads)
    throw new RangeError(
      `RTP port range ${range.from}-${range.to}: a call needs four ports in each of ${threads} threads`,
    )
  if (!(rtpTimeoutMs >= 0)) throw new RangeError(`rtpTimeoutMs ${rtpTimeoutMs}: must not be negative`)
  if (!(portQuietMs >= 0)) throw new RangeError(`portQuietMs ${portQuietMs}: must not be negative`)
}
