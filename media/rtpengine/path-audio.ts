import type { LegSide } from '../../model/call.ts'
import { MediaUnavailable } from '../media-server.ts'
import type { PartyFormats } from '../relay/tool-messages.ts'
import { readDescription } from '../sdp-reading.ts'
import { readSection, type AudioSection } from './audio-section.ts'
import { NgRefused } from './ng-client.ts'
import type { Path } from './path.ts'
import type { Clip } from './sound-clip.ts'

/** How long a key is down, and then none, ms: the shortest that rtpengine does. */
const PRESS_MS = 100
export const DIGIT_MS = 2 * PRESS_MS

const G711: PartyFormats['g711'] = [
  [0, 'u'],
  [8, 'a'],
]

/** A copy of what one side says, on its way to us: where from, and what its payload types are. */
export interface TapSource {
  readonly side: LegSide
  readonly address: string
  readonly port: number
  readonly formats: PartyFormats
}

/** What is done with the audio of one call at one rtpengine, beside passing it on. */
export class PathAudio {
  readonly #path: Path
  #taps = 0
  #tap: string | null = null

  constructor(path: Path) {
    this.#path = path
  }

  /** What this side says reaches nobody, key presses excepted. */
  async mute(side: LegSide, on: boolean): Promise<void> {
    await this.#path.ask({ command: on ? 'block media' : 'unblock media', 'from-tag': this.#path.tagOf(side) })
  }

  /** Begins to play to this side. rtpengine does not say when it is done. */
  async play(to: LegSide, { source, times }: Clip): Promise<void> {
    const asked = { command: 'play media', 'from-tag': this.#path.tagOf(to), 'repeat-times': times } as const
    if (typeof source === 'string') await this.#path.ask({ ...asked, file: source })
    else await this.#path.ask(asked, source)
  }

  async stopPlaying(to: LegSide): Promise<void> {
    await this.#path.ask({ command: 'stop media', 'from-tag': this.#path.tagOf(to) })
  }

  /** Presses a key in what this side says: it takes `DIGIT_MS`, after those pressed before, and needs that side's audio to go on. */
  async dial(from: LegSide, digit: string): Promise<void> {
    const times = { duration: PRESS_MS, pause: PRESS_MS }
    await this.#path.ask({ command: 'play DTMF', 'from-tag': this.#path.tagOf(from), code: digit, ...times })
  }

  /**
   * Has what both sides say, as G.711 and key presses, sent to a port of ours too, instead of to where it was sent before. Resolves with
   * whence it comes.
   */
  async tap(address: string, port: number): Promise<TapSource[]> {
    const former = this.#tap
    const tag = `tap-${++this.#taps}`
    const sides = ['caller', 'buyer'] as const
    const reply = await this.#path.ask({
      command: 'subscribe request',
      'from-tags': sides.map((side) => this.#path.tagOf(side)),
      'to-tag': tag,
      'transport-protocol': 'RTP/AVP',
      ICE: 'remove',
      DTLS: 'off',
      'rtcp-mux': ['require'],
      replace: ['origin', 'session connection'],
      codec: { strip: ['all'], except: ['PCMU', 'PCMA', 'telephone-event'], transcode: ['PCMU'] },
      flags: ['strip extmap'],
    })
    const { sdp, 'from-tags': order } = reply
    if (typeof sdp !== 'string' || !Array.isArray(order)) throw new NgRefused('its offer of a copy has no description')
    const sections = order.map((_, index) => readSection(sdp, index))
    await this.#path.ask({
      command: 'subscribe answer',
      'to-tag': tag,
      flags: ['allow transcoding'],
      sdp: answerOf(sections, address, port),
    })
    this.#tap = tag
    if (former !== null) await this.#path.ask({ command: 'unsubscribe', 'to-tag': former })
    return sides.map((side) => {
      const section = sections[order.indexOf(this.#path.tagOf(side))]
      if (!section) throw new MediaUnavailable(`rtpengine offers no copy of what the ${side} says`)
      return sourceOf(side, section)
    })
  }

  async untap(): Promise<void> {
    const tag = this.#tap
    this.#tap = null
    if (tag !== null) await this.#path.ask({ command: 'unsubscribe', 'to-tag': tag })
  }
}

function sourceOf(side: LegSide, section: AudioSection): TapSource {
  const { codecs } = readDescription(describe([section])).audio
  const events = codecs.filter(({ name }) => name.toLowerCase() === 'telephone-event')
  return {
    side,
    address: section.connection.split(' ')[2]!,
    port: section.port,
    formats: {
      g711: G711,
      events: events.map(({ payload, hertz }) => [payload, hertz] as const),
      speech: { payload: 0, law: 'u' },
      keys: null,
      kept: [],
    },
  }
}

/** All that is offered, at one port of ours: each copy is known by the port it comes from. */
function answerOf(sections: readonly AudioSection[], address: string, port: number): string {
  const connection = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`
  const codecs = (section: AudioSection): string[] => section.attributes.filter((one) => /^(?:rtpmap|fmtp):/.test(one))
  return describe(
    sections.map((section) => ({
      ...section,
      port,
      connection,
      attributes: [...codecs(section), 'rtcp-mux', 'recvonly'],
    })),
  )
}

function describe(sections: readonly AudioSection[]): string {
  const lines = sections.flatMap(({ port, protocol, payloads, connection, attributes }) => [
    `m=audio ${port} ${protocol} ${payloads.join(' ')}`,
    `c=${connection}`,
    ...attributes.map((one) => `a=${one}`),
  ])
  return `${['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', ...lines].join('\r\n')}\r\n`
}
