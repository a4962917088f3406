import type { PortRange } from '../relay/port-pool.ts'
import type { RelayOptions } from '../relay/relay-options.ts'

/** Addresses, ports, latching and timeouts are the relay's, whose threads stand before the phones. */
export interface MediasoupOptions extends Pick<
  RelayOptions,
  | 'address'
  | 'publicAddress'
  | 'address6'
  | 'publicAddress6'
  | 'portRange'
  | 'threads'
  | 'rtpTimeoutMs'
  | 'latching'
  | 'portQuietMs'
  | 'oneWayAfterMs'
  | 'oneWayEndsCall'
  | 'codecs'
> {
  /** The worker program; null: that of the installed package. */
  readonly workerPath: string | null
  /** Worker processes. */
  readonly workers?: number
  /** Where the workers take their ports: browsers' legs, and what is between them and the phones' threads. */
  readonly workerPorts?: PortRange
  /** So many legs more than another worker a worker must have for a browser's leg to go to the other, over a pipe. */
  readonly pipeFrom?: number
}

export const MEDIASOUP_DEFAULTS = {
  workers: 1,
  workerPorts: { from: 22_000, to: 31_999 },
  pipeFrom: 20,
} as const

/** The most worker processes of one exchange. */
const WORKERS_LIMIT = 64

/** Throws RangeError, naming the option, when one cannot be used. */
export function checkWorkers({
  workers,
  workerPorts,
  pipeFrom,
}: Required<Omit<MediasoupOptions, keyof RelayOptions>>): void {
  if (!Number.isInteger(workers) || workers < 1 || workers > WORKERS_LIMIT)
    throw new RangeError(`mediasoup: workers ${workers}: must be 1 to ${WORKERS_LIMIT}`)
  const { from, to } = workerPorts
  if (!(from >= 1024 && to <= 65_535 && from < to))
    throw new RangeError(`mediasoup: ports ${from}-${to}: must be within 1024-65535, low to high`)
  if (!(pipeFrom >= 1)) throw new RangeError(`mediasoup: pipeFrom ${pipeFrom}: must be at least 1`)
}
