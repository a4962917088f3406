import type { RecordingsOptions } from '../recording/recordings.ts'

/** One rtpengine: where its ng port is, and how much of the calls it gets beside the others. */
export interface EngineAddress {
  readonly host: string
  readonly port: number
  /** 0: no new calls; those it has go on. */
  readonly weight: number
}

export interface RtpengineOptions {
  readonly engines: readonly EngineAddress[]
  /** How long an answer may take, ms. */
  readonly requestTimeoutMs?: number
  /** How often each is asked whether it is there, ms; so many misses in a row, and it is down. */
  readonly pingIntervalMs?: number
  readonly pingMisses?: number
  /** How often a live call is looked up: whether its engine still knows it, and whether it is silent, ms. */
  readonly queryIntervalMs?: number
  /** Silence after which a side that should be sending is given up, ms; 0 never does. */
  readonly rtpTimeoutMs?: number
  /** How long one side must be missing while the other is heard, for the record to name it, ms; 0 never does. */
  readonly oneWayAfterMs?: number
  /** Whether that is a timeout of that side. */
  readonly oneWayEndsCall?: boolean
  /** Codecs for speech that may be offered, in order of preference; none: those of whoever offers, and G.711. */
  readonly codecs?: readonly string[]
  /** False: audio comes from, and goes to, where descriptions say and nowhere else. */
  readonly latching?: boolean
  /** Where the WAV files of prompts are; without it there are none. */
  readonly promptFolder?: string
  /** Where the rtpengines' machines have the same files, for those too long to be sent; default: the same folder, on this machine. */
  readonly enginePromptFolder?: string
  /** Where recordings go, and the keys for them; without it nothing is recorded. */
  readonly recordings?: RecordingsOptions
}

/** The options with their defaults. */
export type WholeOptions = RtpengineOptions &
  Required<Omit<RtpengineOptions, 'promptFolder' | 'enginePromptFolder' | 'recordings'>>

export const RTPENGINE_DEFAULTS = {
  requestTimeoutMs: 1000,
  pingIntervalMs: 1000,
  pingMisses: 3,
  queryIntervalMs: 5000,
  rtpTimeoutMs: 30_000,
  oneWayAfterMs: 10_000,
  oneWayEndsCall: false,
  codecs: [],
  latching: true,
} as const

/** The most rtpengines of one exchange. */
export const ENGINE_LIMIT = 32

/** Throws RangeError, naming the option, when one cannot be used. */
export function checkOptions(options: WholeOptions): void {
  const { engines } = options
  if (engines.length === 0 || engines.length > ENGINE_LIMIT)
    throw new RangeError(`rtpengine: ${engines.length} addresses; there must be 1 to ${ENGINE_LIMIT}`)
  const names = engines.map(({ host, port }) => `${host}:${port}`)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new RangeError(`rtpengine: the address ${twice} is given twice`)
  for (const name of ['requestTimeoutMs', 'pingIntervalMs', 'pingMisses', 'queryIntervalMs'] as const)
    if (!(options[name] >= 1)) throw new RangeError(`rtpengine: ${name} ${options[name]}: must be at least 1`)
}
