import type { CallAnswer } from './exchange.ts'
import { eventually } from './exchange.ts'
import { delayBetween, type Voice } from './voice.ts'

/** What was measured of one call between two voices. */
export interface Talk {
  /** Mouth to ear, ms. */
  readonly thereMs: number
  readonly backMs: number
}

/** How much of the other's tone one must have heard, ms; and so many packets of 20 ms it takes at least. */
const HEARD_MS = 300
export const HEARD_PACKETS = HEARD_MS / 20

/** Waits until this voice has heard so much more of a tone. */
export async function untilHeard(listener: Voice, hz: number, ms = HEARD_MS): Promise<void> {
  let heard = new Map(await listener.tonesHeard())
  const before = heard.get(hz) ?? 0
  await eventually(
    async () => {
      heard = await listener.tonesHeard()
      return (heard.get(hz) ?? 0) - before >= ms ? true : undefined
    },
    () => `heard ${JSON.stringify([...heard])} (Hz, ms), and no ${ms} ms of ${hz} Hz`,
  )
}

/** Both speak; each must be heard by the other, and how long that takes is measured. */
export async function talk(
  caller: { readonly voice: Voice; readonly toneHz: number },
  agent: { readonly voice: Voice; readonly toneHz: number },
): Promise<Talk> {
  await Promise.all([untilHeard(agent.voice, caller.toneHz), untilHeard(caller.voice, agent.toneHz)])
  const thereMs = await delayBetween(caller.voice, agent.voice)
  const backMs = await delayBetween(agent.voice, caller.voice)
  return { thereMs, backMs }
}

/** What the record says of the audio that came from a leg's party. */
export interface LegMedia {
  readonly packets_received: number
  readonly packets_lost: number
  readonly jitter_ms: number
  readonly mos_min: number | null
  readonly mos_mean: number | null
  readonly fault: string | null
}

/** The media of a record's answered legs: the caller's first. */
export function mediaOf(record: CallAnswer): LegMedia[] {
  return record.legs
    .filter((leg) => leg['sip_status'] === 200)
    .toSorted((a, b) => Number(b['side'] === 'caller') - Number(a['side'] === 'caller'))
    .map((leg) => {
      if (!leg['media']) throw new Error(`the leg has no media: ${JSON.stringify(leg)}`)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- As the API describes a leg.
      return leg['media'] as LegMedia
    })
}
